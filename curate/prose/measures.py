"""What the rules measure of each document, vectorised over a batch: shares of its words, lines and characters."""

from __future__ import annotations

import numpy as np
import polars as pl

from curate.prose.rules import DUPLICATE, TOP
from curate.prose.stop_words import count_stop_words
from curate.prose.words import Grams, Words
from curate.text import lines

SHORT_LINE = 30
"""Characters. FineWeb: 30."""

_LINE = pl.col("line")
_ELLIPSIS = r"(?:\.\.\.|…)"
_STOP = "[.?!؟۔।॥။።፧။។．？！｡]"
_CLOSING = r"[\"'”’»)\]]"
_PLACEHOLDER = r"(?i)\{|lorem ipsum"
_BULLET = "[•‣▪●◦*-]"


def word_measures(batch: pl.DataFrame, words: Words, wanted: set[str]) -> pl.DataFrame:
    """What the rules on words measure, a row a document."""
    texts = batch["text"]
    real = words.summed(words.real)
    every = np.maximum(words.counts, 1)
    unspaced = pl.Series(words.summed(words.single) > words.counts / 2)
    length = words.summed(words.lengths * words.real) / np.maximum(real, 1)
    return pl.DataFrame(
        {
            "words": real,
            "mean_word_length": pl.Series(length).set(unspaced, None),
            "hashes": texts.str.count_matches("#", literal=True) / every,
            "ellipses": texts.str.count_matches(_ELLIPSIS) / every,
            "alphabetic_words": words.summed(words.alphabetic) / every,
            "stop_words": count_stop_words(batch, words) if "stop_words" in wanted else None,
        }
    )


def line_measures(batch: pl.DataFrame, words: Words, wanted: set[str]) -> pl.DataFrame:
    """What the rules on lines and paragraphs measure, a row a document; only what is wanted, where that is costly."""
    texts = batch["text"]
    found = lines(texts).filter(_LINE.str.contains(r"\S"))
    shares = {
        "bullet_lines": _LINE.str.contains(rf"^\s*{_BULLET}").mean(),
        "ellipsis_lines": _LINE.str.contains(rf"{_ELLIPSIS}\s*$").mean(),
        "finished_lines": _LINE.str.contains(rf"{_STOP}$").mean(),
        "short_lines": (_LINE.str.len_chars() <= SHORT_LINE).mean(),
        "sentences": (_LINE.str.count_matches(rf"{_STOP}+{_CLOSING}*\s+\S") + 1).sum(),
    }
    measured = per_document(found, texts.len(), **{name: shares[name] for name in sorted(wanted & shares.keys())})
    if "sentences" in wanted:
        measured = measured.with_columns(pl.col("sentences").fill_null(0))
    ends = texts.str.count_matches("\n", literal=True)
    repeats = _repeats(found, texts)
    whole = texts.str.len_chars()
    return measured.with_columns(
        duplicate_lines=repeats["share"],
        duplicate_line_characters=repeats["characters"] / whole,
        repeated_line_characters=repeats["characters"] / (whole - ends),
        placeholders=texts.str.count_matches(_PLACEHOLDER) if "placeholders" in wanted else None,
        line_ends=ends / np.maximum(words.counts, 1),
        **_paragraph_measures(texts) if wanted & {"duplicate_paragraphs", "duplicate_paragraph_characters"} else {},
    )


def _paragraph_measures(texts: pl.Series) -> dict[str, pl.Series]:
    joined = texts.str.strip_chars("\n").str.replace_all("\n\n+", "\0").str.replace_all("\n", " ")
    repeats = _repeats(lines(joined.str.replace_all("\0", "\n")), texts)
    return {
        "duplicate_paragraphs": repeats["share"],
        "duplicate_paragraph_characters": repeats["characters"] / texts.str.len_chars(),
    }


def _repeats(found: pl.DataFrame, texts: pl.Series) -> pl.DataFrame:
    """Share of the lines that a document has had before, and how many characters they have."""
    again = ~pl.struct("document", "line").is_first_distinct()
    found = found.with_columns(again=again, size=_LINE.str.len_chars())
    size = (pl.col("again") * pl.col("size")).sum()
    return per_document(found, texts.len(), share=pl.col("again").mean(), characters=size)


def per_document(found: pl.DataFrame, documents: int, **measures: pl.Expr) -> pl.DataFrame:
    """Aggregate lines: a row for each of so many documents, null where one has no line."""
    every = pl.DataFrame({"document": pl.Series(range(documents), dtype=pl.UInt32)})
    return every.join(
        found.group_by("document").agg(**measures), on="document", how="left", maintain_order="left"
    ).drop("document")


def gram_measures(batch: pl.DataFrame, words: Words, wanted: set[str]) -> pl.DataFrame:
    """Shares of characters in repeated runs of words, a row a document; 0 where it is dropped already."""
    characters = np.maximum(batch["text"].str.len_chars().to_numpy(), 1)
    grams = Grams(words, batch["drop_reason"].is_null().to_numpy())
    measures = {}
    for n in range(TOP.start, DUPLICATE.stop):
        grams.lengthen()
        name = f"top_{n}_gram" if n in TOP else f"duplicate_{n}_grams"
        if name in wanted:
            measures[name] = (grams.top() if n in TOP else grams.duplicate()) / characters
    return pl.DataFrame(measures)
