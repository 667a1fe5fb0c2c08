"""The calibrated confidence beside langdetect's score."""

from __future__ import annotations

import polars as pl
import pytest

from curate.langid.confidence import confidence
from curate.stages.language import Config, apply, identify
from tests.unit.test_language import TEXTS, documents

PIDGIN = (
    "Everi pesin get right to life and to dey free, and nobodi suppose dey suffer am. Na so di law tok am, and di "
    "goment must do wetin dem promis di pipol wey dey vote for dem."
)
SPACED = sorted(set(TEXTS) - {"fi", "ko", "tr"})  # those have few frequent words in one sentence


def test_real_text_is_likelier_than_a_relative() -> None:
    english, pidgin = identify([TEXTS["en"], PIDGIN])
    assert english[0] == pidgin[0] == "en"
    assert english[1] > 0.95
    assert pidgin[1] < 0.3


@pytest.mark.parametrize("language", SPACED)
def test_every_language_has_its_words(language: str) -> None:
    ((found, sure),) = identify([TEXTS[language] * 2])
    assert (found, sure > 0.5) == (language, True)


def test_no_language_has_no_confidence() -> None:
    assert identify(["1 2 3", ""]) == [("und", 0.0), ("und", 0.0)]
    assert identify([]) == []


def test_alone_and_in_a_batch_the_same() -> None:
    texts = pl.Series(list(TEXTS.values()))
    languages, scores = pl.Series(list(TEXTS)), pl.Series([0.99] * len(texts))
    together = confidence(texts, languages, scores).to_list()
    apart = [confidence(texts[i : i + 1], languages[i : i + 1], scores[i : i + 1])[0] for i in range(len(texts))]
    assert together == apart


def test_languages_without_words_have_none() -> None:
    found = confidence(pl.Series(["salve mundi", "the end"]), pl.Series(["la", "en"]), pl.Series([0.9, 0.9]))
    assert found.is_null().to_list() == [True, False]


def test_min_confidence_drops_the_doubtful() -> None:
    result = apply(documents([TEXTS["en"], PIDGIN]), Config(keep=("en",), min_confidence=0.5))
    assert result["drop_reason"].to_list() == [None, "language doubtful"]
    assert result["drop_detail"][1].startswith("en ")
    assert result["language_confidence"][0] > 0.9
