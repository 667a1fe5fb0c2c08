"""Stage quality: documents that do not read like prose are dropped, each for one rule and with what was measured.

Lines that a rule takes out go first; what is left is measured. A word is what stands between spaces, or one character
of a script that writes none. Most rules measure a share of the document's words, lines or characters, so that a
threshold means the same for long and short documents. The text changes only where lines are taken out.

Sources: Gopher, Rae et al. 2021, Scaling Language Models, section A1.1 and Table A1; C4, Raffel et al. 2020, section
2.2, and its code; FineWeb, Penedo et al. 2024, section 3.4; RefinedWeb, Penedo et al. 2023, appendix G.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from curate.blocklists import Blocklist, drop_blocked
from curate.document import drop
from curate.section import Count, CountOrZero, Fraction, Section
from curate.text import Hashes, Positions, lines, mix
from curate.words import Grams, Words, find_words

VERSION = 1

PART_CHARACTERS = 2_000_000
"""How much text is measured at a time: about 30 bytes of memory a character."""

SHORT_LINE = 30
"""Characters. FineWeb: 30."""

STOP_WORDS: dict[str, list[str]] = json.loads(files("curate.models").joinpath("stop_words.json").read_text("utf-8"))
"""By language. English: Gopher's. Others: the most frequent words of prose, see benchmarks/quality/stop_words.py."""

OWN_LENGTHS = ("fi", "ko", "ta", "ur")
"""Languages in which prose breaks the limits of mean word length, which are made for English and hold for most."""

Length = Annotated[float, Field(ge=0, allow_inf_nan=False)]

_LINE = pl.col("line")
_CITATION = r"\[\d*\]|\[edit\]|\[citation needed\]"
_NOTICE = r"(?i)javascript|terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
_COUNTER = r"(?i)^[\d.,]+[kmb]?\s+(?:likes?|shares?|comments?|views?|reactions?|retweets?|replies|followers?|votes?)$"
_STOP = "[.?!؟۔।॥။።፧។。．？！｡]"
_CLOSING = r"[\"'”’»)\]]"
_BULLET = "[•‣▪●◦*-]"
_ELLIPSIS = r"(?:\.\.\.|…)"


TakenOut = Literal["unfinished", "notices", "citations", "uppercase", "numbers", "counters", "single words"]


class Config(Section):
    """Drop documents that do not read like prose. `null` turns a rule off."""

    preset: Literal["gopher", "c4", "fineweb"] = Field(
        "gopher",
        description="Whose rules apply where no key says otherwise. `c4`: its line rules, `min_sentences` and "
        "`max_placeholders` only. `fineweb`: Gopher's, C4's but for unfinished lines, and FineWeb's own.",
    )
    blocklist: Blocklist | None = Field(
        None, description="Sites, pages and words to drop documents for: `sites`, `words`, `min_count`."
    )
    take_out: tuple[TakenOut, ...] = Field(
        (),
        description="Lines to take out of documents. C4: `unfinished` (no full stop, question or exclamation mark or "
        "quote at the end), `notices` (speak of JavaScript, cookies, terms of use, privacy policies); its `citations` "
        "takes only marks such as `[3]` out. RefinedWeb: `uppercase` (most letters are), `numbers`, `counters` "
        "(`3 likes`), `single words`.",
    )
    min_line_words: CountOrZero | None = Field(
        None, description="Lines with fewer words are taken out. C4: 5; FineWeb: 3."
    )
    max_line_word_length: Count | None = Field(
        None, description="Lines with a longer word, in characters, are taken out. C4: 1,000."
    )
    max_taken_out: Fraction | None = Field(
        None, description="Greatest share of words in lines taken out. RefinedWeb: 0.05."
    )
    min_words: CountOrZero | None = Field(50, description="Fewest words. Gopher: 50.")
    max_words: CountOrZero | None = Field(100_000, description="Most words. Gopher: 100,000.")
    min_mean_word_length: Length | None = Field(
        3, description="Least mean length of words, in characters; not where the language has its own. Gopher: 3."
    )
    max_mean_word_length: Length | None = Field(10, description="Greatest mean length of words. Gopher: 10.")
    max_hashes: Length | None = Field(0.1, description="Most `#` per word. Gopher: 0.1.")
    max_ellipses: Length | None = Field(0.1, description="Most `...` and `…` per word. Gopher: 0.1.")
    max_bullet_lines: Fraction | None = Field(
        0.9, description="Greatest share of lines that begin with a bullet. Gopher: 0.9."
    )
    max_ellipsis_lines: Fraction | None = Field(
        0.3, description="Greatest share of lines that end with an ellipsis. Gopher: 0.3."
    )
    min_alphabetic_words: Fraction | None = Field(
        0.8, description="Least share of words with at least one letter. Gopher: 0.8."
    )
    min_stop_words: CountOrZero | None = Field(
        2,
        description="Fewest different stop words (English: the, be, to, of, and, that, have, with), where the language "
        "stage has found a language with a list. Gopher: 2.",
    )
    max_duplicate_lines: Fraction | None = Field(
        0.3, description="Greatest share of lines seen before in the document. Gopher: 0.30."
    )
    max_duplicate_paragraphs: Fraction | None = Field(
        0.3, description="Greatest share of paragraphs (set off by empty lines) seen before. Gopher: 0.30."
    )
    max_duplicate_line_characters: Fraction | None = Field(
        0.2, description="Greatest share of characters in lines seen before. Gopher: 0.20."
    )
    max_duplicate_paragraph_characters: Fraction | None = Field(
        0.2, description="Greatest share of characters in paragraphs seen before. Gopher: 0.20."
    )
    max_top_2_gram: Fraction | None = Field(
        0.2, description="Greatest share of characters in the most frequent run of 2 words. Gopher: 0.20."
    )
    max_top_3_gram: Fraction | None = Field(0.18, description="The same with 3 words. Gopher: 0.18.")
    max_top_4_gram: Fraction | None = Field(0.16, description="The same with 4 words. Gopher: 0.16.")
    max_duplicate_5_grams: Fraction | None = Field(
        0.15, description="Greatest share of characters in runs of 5 words seen before. Gopher: 0.15."
    )
    max_duplicate_6_grams: Fraction | None = Field(0.14, description="The same with 6 words. Gopher: 0.14.")
    max_duplicate_7_grams: Fraction | None = Field(0.13, description="The same with 7 words. Gopher: 0.13.")
    max_duplicate_8_grams: Fraction | None = Field(0.12, description="The same with 8 words. Gopher: 0.12.")
    max_duplicate_9_grams: Fraction | None = Field(0.11, description="The same with 9 words. Gopher: 0.11.")
    max_duplicate_10_grams: Fraction | None = Field(0.1, description="The same with 10 words. Gopher: 0.10.")
    min_sentences: CountOrZero | None = Field(None, description="Fewest sentences. C4: 3; FineWeb: 5.")
    max_placeholders: CountOrZero | None = Field(None, description="Most `{` and `lorem ipsum`. C4: 0.")
    min_finished_lines: Fraction | None = Field(
        None, description="Least share of lines that end with a full stop, question or exclamation mark. FineWeb: 0.12."
    )
    max_short_lines: Fraction | None = Field(
        None, description="Greatest share of lines of 30 characters or fewer. FineWeb: 0.67."
    )
    max_repeated_line_characters: Fraction | None = Field(
        None, description="As `max_duplicate_line_characters`, of the characters that are not line ends. FineWeb: 0.01."
    )
    max_line_ends: Length | None = Field(None, description="Most line ends per word. FineWeb: 0.3.")

    @model_validator(mode="after")
    def _leave_something(self) -> Config:
        for name in ("words", "mean_word_length"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if least is not None and most is not None and least > most:
                raise ValueError(f"min_{name} {least} is above max_{name} {most}, so every document would be dropped")
        return self

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, given: Any) -> Any:
        """What the preset says, where the config says nothing."""
        if not isinstance(given, dict):
            return given
        preset = given.get("preset")
        return {**PRESETS.get(preset, {}), **given} if isinstance(preset, str) else given


WORD_RULES = {
    "min_words": "too few words",
    "max_words": "too many words",
    "min_mean_word_length": "words too short",
    "max_mean_word_length": "words too long",
    "max_hashes": "too many hash signs",
    "max_ellipses": "too many ellipses",
    "min_alphabetic_words": "too few words with letters",
    "min_stop_words": "too few stop words",
}
GOPHER_LINE_RULES = {
    "max_bullet_lines": "too many lines with bullets",
    "max_ellipsis_lines": "too many lines end in an ellipsis",
    "max_duplicate_lines": "duplicate lines",
    "max_duplicate_paragraphs": "duplicate paragraphs",
    "max_duplicate_line_characters": "characters in duplicate lines",
    "max_duplicate_paragraph_characters": "characters in duplicate paragraphs",
}
LINE_RULES = GOPHER_LINE_RULES | {
    "min_sentences": "too few sentences",
    "max_placeholders": "placeholder text",
    "min_finished_lines": "too few lines end a sentence",
    "max_short_lines": "too many short lines",
    "max_repeated_line_characters": "characters in repeated lines",
    "max_line_ends": "too many line ends",
}
TOP, DUPLICATE = range(2, 5), range(5, 11)
GRAM_RULES = {f"max_top_{n}_gram": f"frequent {n}-gram" for n in TOP} | {
    f"max_duplicate_{n}_grams": f"duplicate {n}-grams" for n in DUPLICATE
}
"""The drop reason of each rule, in the order in which they are asked. Rules `min_x` and `max_x` look at measure `x`."""


C4 = {
    "take_out": ("unfinished", "notices", "citations"),
    "min_line_words": 5,
    "max_line_word_length": 1000,
    "min_sentences": 3,
    "max_placeholders": 0,
}
DATATROVE = {"min_line_words": 3, "min_sentences": 5}
"""What datatrove, and so FineWeb, has in place of C4's numbers: those of the paper's first version."""
FINEWEB = {
    "min_finished_lines": 0.12,
    "max_short_lines": 0.67,
    "max_repeated_line_characters": 0.01,
    "max_line_ends": 0.3,
}
PRESETS: dict[str, dict[str, Any]] = {
    "c4": dict.fromkeys(WORD_RULES | GOPHER_LINE_RULES | GRAM_RULES) | C4,
    "fineweb": C4 | DATATROVE | FINEWEB | {"take_out": ("notices", "citations")},
}
"""What the presets say beside the defaults, which are Gopher's."""


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Drop what breaks a rule, for the first rule it breaks."""
    return pl.concat(_judged(part, config) for part in _parts(batch)) if batch.height else batch


def _parts(batch: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The batch in parts of some megabytes of text, in order."""
    number = batch["text"].str.len_chars().cum_sum() // PART_CHARACTERS
    start = 0
    for length in number.rle().struct.field("len"):
        yield batch[start : start + length]
        start += length


def _judged(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """What costs most is measured last, and only where no rule has dropped the document yet."""
    batch = take_out(drop_blocked(batch, config.blocklist) if config.blocklist else batch, config)
    texts = batch["text"]
    words = find_words(texts)
    for rules, measured in ((WORD_RULES, word_measures), (LINE_RULES, line_measures), (GRAM_RULES, gram_measures)):
        wanted = {rule[4:] for rule in rules if getattr(config, rule) is not None}
        if wanted:
            batch = _ruled(batch, measured(batch, words, wanted), rules, config)
    return batch


def _ruled(batch: pl.DataFrame, measures: pl.DataFrame, rules: dict[str, str], config: Config) -> pl.DataFrame:
    """Drop by rules on measures, a row of which belongs to each document. A null measure breaks no rule."""
    names = batch.columns
    batch = batch.hstack(measures.select(pl.all().name.prefix("_")))
    for rule, reason in rules.items():
        limit = getattr(config, rule)
        if limit is None:
            continue
        measure = pl.col(f"_{rule[4:]}")
        broken, sign = (measure < limit, "<") if rule.startswith("min_") else (measure > limit, ">")
        batch = drop(batch, broken, reason, pl.format(f"{{}} {sign} {limit}", measure.round(4)))
    return batch.select(names)


def word_measures(batch: pl.DataFrame, words: Words, wanted: set[str]) -> pl.DataFrame:
    """What the rules on words measure, a row a document."""
    texts = batch["text"]
    real = words.summed(words.real)
    every = np.maximum(words.counts, 1)
    unspaced = pl.Series(words.summed(words.single) > words.counts / 2)
    odd = unspaced | _language(batch).is_in(OWN_LENGTHS).fill_null(False)
    length = words.summed(words.lengths * words.real) / np.maximum(real, 1)
    return pl.DataFrame(
        {
            "words": real,
            "mean_word_length": pl.Series(length).set(odd, None),
            "hashes": texts.str.count_matches("#", literal=True) / every,
            "ellipses": texts.str.count_matches(_ELLIPSIS) / every,
            "alphabetic_words": words.summed(words.alphabetic) / every,
            "stop_words": _stop_words(batch, words) if "stop_words" in wanted else None,
        }
    )


def _stop_words(batch: pl.DataFrame, words: Words) -> pl.Series:
    """How many different stop words of its language a document has; null where no list is known."""
    number = _language(batch).replace_strict({name: i for i, name in enumerate(STOP_WORDS)}, default=None)
    table = _stop_table()
    keys = words.hashes ^ _salt(number.fill_null(len(STOP_WORDS)).to_numpy())[words.document]
    which = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    hits = np.flatnonzero(table[which] == keys)
    pairs = np.unique(words.document[hits] * len(table) + which[hits])
    counts = pl.Series(np.bincount(pairs // len(table), minlength=batch.height))
    return counts.set(number.is_null(), None)


@cache
def _stop_table() -> Hashes:
    """The stop words' hashes, each salted with its language."""
    lists = [find_words(pl.Series([" ".join(words)])).hashes for words in STOP_WORDS.values()]
    salts = _salt(np.arange(len(lists)))
    return np.sort(np.concatenate([hashes ^ salt for hashes, salt in zip(lists, salts, strict=True)]))


def _salt(number: Positions) -> Hashes:
    return mix(number.astype(np.uint64) + np.uint64(1))


def _language(batch: pl.DataFrame) -> pl.Series:
    """The language column; nulls where the stage has not run."""
    return batch["language"] if "language" in batch.columns else pl.Series([None] * batch.height, dtype=pl.String)


def take_out(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Take the lines out that the config names; drop documents of which too much is gone."""
    if not (config.take_out or config.min_line_words or config.max_line_word_length):
        return batch
    found = lines(batch["text"]).with_columns(words=_LINE.str.count_matches(r"\S+"))
    found = found.with_columns(
        out=_is_taken_out(config), long=_has_long_word(found["line"], config.max_line_word_length)
    )
    if "citations" in config.take_out:
        found = found.with_columns(line=_LINE.str.replace_all(_CITATION, ""))
    out = pl.col("out") | pl.col("long")
    left = _LINE.filter(~out).str.join("\n").str.replace_all("\n\n+", "\n\n").str.strip_chars("\n")
    share = (pl.col("words") * out).sum() / pl.col("words").sum()
    measured = _per_document(found, batch.height, text=left, taken_out=share.fill_nan(0.0))
    batch = drop(batch.with_columns(measured["text"].fill_null("")), pl.col("text") == "", "no line left")
    return _ruled(batch, measured.select("taken_out"), {"max_taken_out": "too much taken out"}, config)


def _is_taken_out(config: Config) -> pl.Expr:
    """Which lines go. Empty ones stay: they set paragraphs off."""
    trimmed = _LINE.str.strip_chars()
    bare = trimmed.str.replace_all(_CITATION, "") if "citations" in config.take_out else trimmed
    kinds = {
        "unfinished": ~bare.str.contains(r"[.?!\"'”’»。？！]$") | bare.str.ends_with("..."),
        "notices": trimmed.str.contains(_NOTICE),
        "uppercase": trimmed.str.count_matches(r"\p{Lu}") > trimmed.str.count_matches(r"\pL") / 2,
        "numbers": trimmed.str.contains(r"^[^\pL]*\pN[^\pL]*$"),
        "counters": trimmed.str.contains(_COUNTER),
        "single words": pl.col("words") == 1,
    }
    out = [kinds[kind] for kind in config.take_out if kind in kinds]
    few = pl.col("words") < (config.min_line_words or 0)
    return pl.any_horizontal(few, *out) & (pl.col("words") > 0)


def _has_long_word(found: pl.Series, limit: int | None) -> pl.Series:
    """Which lines have a word of more characters. Few lines are that long, so only they are cut into words."""
    if limit is None:
        return pl.repeat(False, found.len(), eager=True)
    wide = found.str.len_chars() > limit
    longest = found.filter(wide).str.split(" ").list.eval(pl.element().str.len_chars().max()).list.first()
    return wide.scatter(wide.arg_true(), longest > limit)


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
    measured = _per_document(found, texts.len(), **{name: shares[name] for name in sorted(wanted & shares.keys())})
    if "sentences" in wanted:
        measured = measured.with_columns(pl.col("sentences").fill_null(0))
    ends = texts.str.count_matches("\n", literal=True)
    repeats = _repeats(found, texts)
    whole = texts.str.len_chars()
    return measured.with_columns(
        duplicate_lines=repeats["share"],
        duplicate_line_characters=repeats["characters"] / whole,
        repeated_line_characters=repeats["characters"] / (whole - ends),
        placeholders=texts.str.count_matches(r"(?i)\{|lorem ipsum"),
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
    return _per_document(found, texts.len(), share=pl.col("again").mean(), characters=size)


def _per_document(found: pl.DataFrame, documents: int, **measures: pl.Expr) -> pl.DataFrame:
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
