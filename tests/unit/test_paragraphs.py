"""Documents in two languages: shares, flags, and what is cut."""

from __future__ import annotations

import pytest

from curate.stages.language import Config, apply
from tests.unit.test_language import TEXTS, documents


def text(*languages: str) -> str:
    return "\n\n".join(TEXTS[language] for language in languages)


def test_shares_and_flag() -> None:
    batch = documents([text("de", "de", "en"), text("fr", "fr"), "Short", text("ja", "ja", "ru")])
    result = apply(batch, Config(paragraphs="keep"))
    shares = [{one["language"]: one["share"] for one in row} for row in result["language_shares"].to_list()]
    assert shares[0] == {"de": pytest.approx(0.67, abs=0.05), "en": pytest.approx(0.33, abs=0.05)}
    assert shares[1] == {"fr": 1.0}
    assert shares[2] == {}
    assert set(shares[3]) == {"ja", "ru"}
    assert result["language_mixed"].to_list() == [True, False, False, True]
    assert result["text"].to_list() == batch["text"].to_list()


def test_drop_cuts_foreign_paragraphs() -> None:
    mixed = text("de", "en", "de", "de")
    result = apply(documents([mixed, text("fr", "fr"), ""]), Config(paragraphs="drop"))
    assert result["text"].to_list() == [text("de", "de", "de"), text("fr", "fr"), ""]
    (cut,) = result["foreign"].to_list()[0]
    assert (cut["text"], cut["language"]) == (TEXTS["en"], "en")
    assert cut["confidence"] > 0.5
    assert result["foreign"].list.len().to_list() == [1, 0, 0]
    assert result["drop_reason"].null_count() == 3


def test_nothing_is_foreign_without_a_majority() -> None:
    half = text("de", "en", "fr")
    assert apply(documents([half]), Config(paragraphs="drop"))["text"].to_list() == [half]


def test_short_lines_stay() -> None:
    page = text("en", "en") + "\nLire aussi\n" + text("en")
    assert apply(documents([page]), Config(paragraphs="drop"))["text"].to_list() == [page]


def test_not_asked_not_looked_at() -> None:
    assert "language_shares" not in apply(documents([text("de", "en")]), Config()).columns
    assert apply(documents([]), Config(paragraphs="drop")).height == 0
