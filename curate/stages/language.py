"""Stage language: which language a document is in, and whether to keep it.

langdetect 1.0.9 with seed 0, computed by langdetect-rs, a port that gives the same probabilities 39 times faster; where
its wheel is missing, langdetect itself. What langdetect lacks stands around it: text that is no language (markup, code,
mojibake, one endless word), has no letters or too few is `und` with score 0; langdetect would call some of it Danish at
1.00. Its score is no confidence: it is near 1 for most texts in languages it does not know, too.

Source: Nakatani Shuyo, Language Detection Library for Java (2010), and langdetect, its port to Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field, model_validator

from curate.document import drop
from curate.langid import detectors, paragraphs
from curate.langid.confidence import confidence, prose
from curate.langid.detectors import Answer, Detector
from curate.langid.gates import MAX_CHARACTERS, MIN_LETTERS, unfit
from curate.langid.languages import UNKNOWN, Language, matches, same_language
from curate.scoring import fasttext_file
from curate.scoring.files import checksum
from curate.section import CountOrZero, Fraction, Section

VERSION = 2


class Config(Section):
    """Detect the language of each document; keep some."""

    keep: tuple[Language, ...] = Field(
        (), description="Languages to keep, as ISO 639 codes; `zh` keeps `zh-Hans` and `zh-Hant`. Empty keeps all."
    )
    min_score: Fraction = Field(0.0, description="Least score of a kept document. langdetect's is no confidence.")
    min_confidence: Fraction = Field(
        0.0, description="Least calibrated probability that a kept document is in its language; 0.5 asks for likely."
    )
    min_letters: CountOrZero = Field(20, description="A document with fewer letters is `und`: too short to tell.")
    detector: detectors.Name = Field("langdetect", description="Who detects. The others are extras to install.")
    verify: detectors.Name | None = Field(
        None, description="A second detector, which must give the same language or the document is dropped."
    )
    model: str | None = Field(None, description="fastText's model file, in the layout of lid.176 or GlotLID.")
    model_sha256: str | None = Field(None, description="The model file's checksum; computed where it is not given.")
    paragraphs: Literal["keep", "drop"] | None = Field(
        None,
        description="Detect the language of each paragraph too: `keep` gives the shares of languages, `drop` also cuts "
        "paragraphs in another language than the document's.",
    )

    @model_validator(mode="before")
    @classmethod
    def _checksum(cls, given: Any) -> Any:
        """A build depends on what is in the model file, so its checksum is part of the config."""
        if not isinstance(given, dict) or not isinstance(given.get("model"), str):
            return given
        return {**given, "model_sha256": _checked_sha256(Path(given["model"]), given.get("model_sha256"))}

    @model_validator(mode="after")
    def _can_detect(self) -> Config:
        for name in (self.detector, self.verify):
            if name and (fault := detectors.missing(name)):
                raise ValueError(fault)
        if "fasttext" in (self.detector, self.verify) and not self.model:
            raise ValueError("fasttext needs `model`, the path of a model file")
        if self.verify == self.detector:
            raise ValueError(f"verify: {self.verify} cannot verify itself")
        return self._can_answer()

    def _can_answer(self) -> Config:
        for wanted in self.keep:
            if not matches([wanted], self.main.languages()):
                raise ValueError(f"keep: {self.detector} does not know '{wanted}', so it would keep nothing")
        return self

    @property
    def main(self) -> Detector:
        """The detector whose answer counts."""
        return detectors.get(self.detector, self.model)


def _checked_sha256(path: Path, expected: str | None) -> str:
    try:
        fasttext_file.labels(path)
        found = checksum(path)
    except OSError as error:
        raise ValueError(f"model: {path}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"model: {error}") from None
    if expected not in (None, found):
        raise ValueError(f"model: {path} has checksum {found}, not model_sha256")
    return found


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Add `language`, `language_score`, `language_confidence`; drop what is not wanted or not sure."""
    batch = _drop(_label(batch, config), config)
    batch = _verify(batch, config) if config.verify else batch
    return (_by_paragraph(batch, config) if config.paragraphs else batch).drop("unfit")


def _label(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    texts = batch["text"].str.head(MAX_CHARACTERS)
    found = _detect(texts.to_list(), config.main, config.min_letters)
    return batch.with_columns(
        language=found["language"],
        language_score=found["score"],
        language_confidence=confidence(texts, found["language"], found["score"]),
        unfit=found["unfit"],
    )


def _drop(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Drop the documents in no language, in others than wanted, and the uncertain ones."""
    said = pl.format("{} {}", "language", pl.col("language_score").round(2))
    if config.keep:
        wanted = sorted(matches(config.keep, config.main.languages()))
        batch = drop(batch, pl.col("language") == UNKNOWN, "no language", pl.col("unfit"))
        batch = drop(batch, ~pl.col("language").is_in(wanted), "language not kept", said)
    batch = drop(batch, pl.col("language_score") < config.min_score, "language uncertain", said)
    doubt = pl.format("{}, confidence {}", said, pl.col("language_confidence").round(2))
    return drop(batch, pl.col("language_confidence") < config.min_confidence, "language doubtful", doubt)


def _by_paragraph(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Add `language_shares` and `language_mixed`; with `drop`, cut foreign paragraphs and add them as `foreign`."""
    judged = paragraphs.judge(paragraphs.lines_of(batch["text"]), config.main.detect)
    batch = batch.with_columns(language_shares=paragraphs.shares(judged, batch.height))
    batch = batch.with_columns(language_mixed=paragraphs.is_mixed("language_shares"))
    if config.paragraphs == "keep":
        return batch
    kept = paragraphs.without_foreign(judged, batch["language"])
    return batch.with_columns(text=kept["text"], foreign=kept["foreign"])


def _verify(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Ask the second detector about the documents that would be kept."""
    assert config.verify
    asked = (batch["drop_reason"].is_null() & (batch["language"] != UNKNOWN)).arg_true().to_list()
    answers = detectors.get(config.verify, config.model).detect(prose(batch["text"].gather(asked)).to_list())
    languages = batch["language"].to_list()
    against: list[str | None] = [None] * batch.height
    for i, (language, score) in zip(asked, answers, strict=True):
        if not same_language(languages[i], language):
            against[i] = f"{languages[i]}, {config.verify} says {language} {score:.2f}"
    batch = batch.with_columns(against=pl.Series(against, dtype=pl.String))
    return drop(batch, pl.col("against").is_not_null(), "language disputed", pl.col("against")).drop("against")


def identify(texts: Sequence[str]) -> list[Answer]:
    """Code of each text as `detect` gives it, with the calibrated probability that it is right instead of the score."""
    found = detect(texts)
    columns = pl.DataFrame(found, schema={"language": pl.String, "score": pl.Float64}, orient="row")
    heads = pl.Series([_no_surrogates(text[:MAX_CHARACTERS]) for text in texts], dtype=pl.String)
    sure = confidence(heads, columns["language"], columns["score"]).fill_null(0.0)
    return list(zip(columns["language"], sure, strict=True))


def detect(texts: Sequence[str]) -> list[Answer]:
    """Code and score in [0, 1] of each text, as langdetect gives them; ("und", 0.0) where a text is no language.

    >>> answers = detect(["The council met on Monday to decide about the bridge.", "?!"])
    >>> [language for language, score in answers]
    ['en', 'und']
    """
    found = _detect([_no_surrogates(text[:MAX_CHARACTERS]) for text in texts], detectors.get("langdetect"), MIN_LETTERS)
    return list(zip(found["language"], found["score"], strict=True))


def _no_surrogates(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _detect(texts: list[str], detector: Detector, min_letters: int) -> pl.DataFrame:
    """Columns language, score and unfit: why a text is no language, null where it is one."""
    reasons = unfit(texts, min_letters)
    answers = iter(detector.detect([text for text, reason in zip(texts, reasons, strict=True) if reason is None]))
    found = [(UNKNOWN, 0.0) if reason else next(answers) for reason in reasons]
    columns = {
        "language": [language for language, _ in found],
        "score": [score for _, score in found],
        "unfit": reasons,
    }
    frame = pl.DataFrame(columns, schema={"language": pl.String, "score": pl.Float64, "unfit": pl.String})
    unanswered = (pl.col("language") == UNKNOWN) & pl.col("unfit").is_null()
    return frame.with_columns(unfit=pl.when(unanswered).then(pl.lit("unlike any")).otherwise("unfit"))
