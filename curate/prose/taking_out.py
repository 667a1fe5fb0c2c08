"""Lines that do not belong to a text are taken out of it before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import polars as pl

from curate.document import drop
from curate.prose.measures import per_document
from curate.text import lines

_LINE = pl.col("line")
_CITATION = r"\[\d*\]|\[edit\]|\[citation needed\]"
_NOTICE = r"(?i)javascript|terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
_COUNTER = r"(?i)^[\d.,]+[kmb]?\s+(?:likes?|shares?|comments?|views?|reactions?|retweets?|replies|followers?|votes?)$"

TakenOut = Literal["unfinished", "notices", "citations", "uppercase", "numbers", "counters", "single words"]


def take_out(
    batch: pl.DataFrame, kinds: Sequence[TakenOut], min_words: int, max_word_length: int | None
) -> pl.DataFrame:
    """Take out lines of these kinds, with fewer words or with a longer word; drop documents of which none is left.

    Adds the column `taken_out`: the share of words that is gone.
    """
    found = lines(batch["text"]).with_columns(words=_LINE.str.count_matches(r"\S+"))
    found = found.with_columns(out=_is_taken_out(kinds, min_words), long=_has_long_word(found["line"], max_word_length))
    if "citations" in kinds:
        found = found.with_columns(line=_LINE.str.replace_all(_CITATION, ""))
    out = pl.col("out") | pl.col("long")
    left = _LINE.filter(~out).str.join("\n").str.replace_all("\n\n+", "\n\n").str.strip_chars("\n")
    share = (pl.col("words") * out).sum() / pl.col("words").sum()
    measured = per_document(found, batch.height, text=left, taken_out=share.fill_nan(0.0))
    batch = batch.with_columns(measured["text"].fill_null(""), measured["taken_out"])
    return drop(batch, pl.col("text") == "", "no line left")


def _is_taken_out(kinds: Sequence[TakenOut], min_words: int) -> pl.Expr:
    """Which lines go. Empty ones stay: they set paragraphs off."""
    trimmed = _LINE.str.strip_chars()
    bare = trimmed.str.replace_all(_CITATION, "") if "citations" in kinds else trimmed
    goes = {
        "unfinished": ~bare.str.contains(r"[.?!\"'”’»。？！]$") | bare.str.ends_with("..."),
        "notices": trimmed.str.contains(_NOTICE),
        "uppercase": trimmed.str.count_matches(r"\p{Lu}") > trimmed.str.count_matches(r"\pL") / 2,
        "numbers": trimmed.str.contains(r"^[^\pL]*\pN[^\pL]*$"),
        "counters": trimmed.str.contains(_COUNTER),
        "single words": pl.col("words") == 1,
    }
    out = [goes[kind] for kind in kinds if kind in goes]
    return pl.any_horizontal(pl.col("words") < min_words, *out) & (pl.col("words") > 0)


def _has_long_word(found: pl.Series, limit: int | None) -> pl.Series:
    """Which lines have a word of more characters. Few lines are that long, so only they are cut into words."""
    if limit is None:
        return pl.repeat(False, found.len(), eager=True)
    wide = found.str.len_chars() > limit
    longest = found.filter(wide).str.split(" ").list.eval(pl.element().str.len_chars().max()).list.first()
    return wide.scatter(wide.arg_true(), longest > limit)
