"""Stage language: which language a document is in, and whether to keep it.

langdetect 1.0.9 with seed 0, computed by langdetect-rs, a port that gives the same probabilities 50 times faster; where
its wheel is missing, langdetect itself. What langdetect lacks stands around it: text that is no language (markup, code,
mojibake, one endless word), has no letters or too few is `und` with score 0; langdetect would call some of it Danish at
1.00. Its score is no confidence: it is near 1 for most texts in languages it does not know, too.

Source: Nakatani Shuyo, Language Detection Library for Java (2010), and langdetect, its port to Python.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from curate.detectors import langdetect
from curate.document import drop
from curate.languages import LANGDETECT, UNKNOWN, Language, code, matches
from curate.section import CountOrZero, Fraction, Section

VERSION = 1

MAX_CHARACTERS = 20_000
"""How much of a text is looked at. langdetect stops at 10,000 characters that are not in addresses."""
MIN_LETTERS = 2
"""Below, not even `detect` answers."""
MIN_LETTER_SHARE = 0.4
"""Of the characters that are not spaces. Real texts have more, down to numbered headings."""
MAX_SYMBOL_SHARE, FEW_SYMBOLS = 0.12, 10
"""Of the characters that are not spaces: brackets, operators and what mojibake is made of. Prose stays under .05."""
MAX_WORD = 40
"""Letters between two spaces, on average, in scripts that put spaces."""

_UNSPACED = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u3005-\u30ff\u31f0-\u31ff\u3400-\u9fff\ua000-\ua4cf\uf900-\ufaff\uff66-\uff9f]"
)
_CODE = frozenset("()[]{}/\\@#&*_%")


class Config(Section):
    """Detect the language of each document; keep some."""

    keep: tuple[Language, ...] = Field(
        (), description="Languages to keep, as ISO 639 codes; `zh` keeps `zh-Hans` and `zh-Hant`. Empty keeps all."
    )
    min_score: Fraction = Field(0.0, description="Least langdetect score of a kept document. It is no confidence.")
    min_letters: CountOrZero = Field(20, description="A document with fewer letters is `und`: too short to tell.")

    @model_validator(mode="after")
    def _can_be_detected(self) -> Config:
        for wanted in self.keep:
            if not matches([wanted], LANGDETECT):
                raise ValueError(f"keep: langdetect does not know '{wanted}', so it would keep nothing")
        return self


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Add `language` and `language_score`; drop the documents in no language, in others, and the uncertain ones."""
    found = _detect(batch["text"].str.head(MAX_CHARACTERS).to_list(), config.min_letters)
    batch = batch.with_columns(language=found["language"], language_score=found["score"], unfit=found["unfit"])
    said = pl.format("{} {}", "language", pl.col("language_score").round(2))
    if config.keep:
        wanted = sorted(matches(config.keep, LANGDETECT))
        batch = drop(batch, pl.col("language") == UNKNOWN, "no language", pl.col("unfit"))
        batch = drop(batch, ~pl.col("language").is_in(wanted), "language not kept", said)
    return drop(batch, pl.col("language_score") < config.min_score, "language uncertain", said).drop("unfit")


def detect(texts: Sequence[str]) -> list[tuple[str, float]]:
    """Code and score in [0, 1] of each text, as langdetect gives them; ("und", 0.0) where a text is no language."""
    found = _detect([_no_surrogates(text[:MAX_CHARACTERS]) for text in texts], MIN_LETTERS)
    return list(zip(found["language"], found["score"], strict=True))


def _no_surrogates(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _detect(texts: list[str], min_letters: int) -> pl.DataFrame:
    """Columns language, score and unfit: why a text is no language, null where it is one."""
    unfit = _unfit(texts, min_letters)
    answers = iter(langdetect([text for text, reason in zip(texts, unfit, strict=True) if reason is None]))
    found = [(UNKNOWN, 0.0) if reason else next(answers) for reason in unfit]
    return pl.DataFrame(
        {
            "language": [code(label) for label, _ in found],
            "score": [score for _, score in found],
            "unfit": [
                reason or ("unlike any" if label == UNKNOWN else None)
                for reason, (label, _) in zip(unfit, found, strict=True)
            ],
        },
        schema={"language": pl.String, "score": pl.Float64, "unfit": pl.String},
    )


def _unfit(texts: list[str], min_letters: int) -> list[str | None]:
    """Why a text cannot be in any language; None where it can."""
    _, spaced, unspaced, symbols, spaces, other = _character_counts(texts).T
    letters = spaced + unspaced
    solid = letters + symbols + other
    reasons = {
        "no letters": letters == 0,
        "too short": spaced + 3 * unspaced < min_letters,  # a syllable or ideograph says as much as three letters
        "few letters": letters < MIN_LETTER_SHARE * solid,
        "many symbols": (symbols > MAX_SYMBOL_SHARE * solid) & (symbols >= FEW_SYMBOLS),
        "endless words": spaced > MAX_WORD * (spaces + 1),
    }
    found = np.select(list(reasons.values()), list(reasons), default="")
    return [str(reason) or None for reason in found]


def _character_counts(texts: list[str]) -> np.ndarray:
    """How many characters of each class a text has, shape (texts, 6)."""
    points = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    cell = np.repeat(np.arange(len(texts)) * 6, lengths) + _character_classes()[points]
    return np.bincount(cell, minlength=6 * len(texts)).reshape(-1, 6)


@cache
def _character_classes() -> np.ndarray:
    """Class of each code point: 1 letter, 2 letter of a script without spaces, 3 symbol, 4 space, 5 other."""
    classes = np.full(0x110000, 5, np.int64)
    for point in range(0x20000):
        classes[point] = _character_class(chr(point))
    classes[0x20000:0x32400] = 2  # ideographs
    return classes


def _character_class(character: str) -> int:
    if character.isspace():
        return 4
    category = unicodedata.category(character)
    if category[0] in "LM" or character == "་":
        return 2 if _UNSPACED.match(character) else 1
    return 3 if category[0] in "SC" or category == "No" or character in _CODE else 5
