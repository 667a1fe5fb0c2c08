"""Articles in another language than the page around them: what is kept then, and what is left as it was."""

from __future__ import annotations

import polars as pl

from curate.langid.contrast import MAX_LINES, MIN_ALONE, kept_lines
from tests.unit.test_language import TEXTS

MENU = ["Home", "Sports and weather", "Sign in to your account", "About this newspaper", "Contact us today"]
NOTICE = "We and our partners use cookies to remember your choices and to show you advertisements that you may like."


def kept(*lines: tuple[str, float], page: int = 0) -> list[str]:
    judged = judged_page(lines, page)
    return judged.filter(kept_lines(judged))["text"].to_list()


def judged_page(lines: tuple[tuple[str, float], ...], page: int = 0) -> pl.DataFrame:
    rows = [(page, text, score, score >= 0.5) for text, score in [*((entry, 0.0) for entry in MENU), *lines]]
    schema = {"page": pl.UInt32, "text": pl.String, "score": pl.Float32, "kept": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_notice_beside_a_foreign_article_goes():
    article = [(TEXTS["de"], 0.99), ("Ein Satz.", 0.8), (TEXTS["de"], 0.99)]
    assert kept(("Accept", 0.6), (NOTICE, 0.9), *article, (NOTICE, 0.7)) == [text for text, _ in article]


def test_foreign_prose_is_the_article_where_nothing_is_kept():
    assert len(TEXTS["de"]) < MIN_ALONE <= 2 * len(TEXTS["de"]), "the test tries both sides of the bound"
    assert kept((NOTICE, 0.2), (TEXTS["de"], 0.1), (TEXTS["de"] + " ", 0.0)) == [TEXTS["de"], TEXTS["de"] + " "]
    assert kept((NOTICE, 0.2), (TEXTS["de"], 0.1)) == []


def test_quotation_in_an_article_stays_and_so_does_the_article():
    quoted = [(TEXTS["en"], 0.99)] * 4 + [(TEXTS["de"], 0.9)] + [(TEXTS["en"], 0.99)] * 4
    assert kept(*quoted) == [text for text, _ in quoted]


def test_page_without_any_prose_stays_empty():
    assert kept((NOTICE, 0.3), (NOTICE, 0.4)) == []


def test_chinese_is_not_taken_for_korean():
    chinese = "大會發布這一世界人權宣言，作為所有人民和所有國家努力實現的共同標準，以期每一個人和社會機構經常銘念。"
    assert kept(("人民的意志是政府權力的基礎；" * 4, 0.99), (chinese, 0.99)) == [
        "人民的意志是政府權力的基礎；" * 4,
        chinese,
    ]


def test_other_pages_change_nothing():
    one = judged_page(((NOTICE, 0.9), (TEXTS["de"], 0.99), (TEXTS["de"], 0.99)))
    other = judged_page(((TEXTS["en"], 0.9), (TEXTS["en"], 0.2)), page=1)
    both = kept_lines(pl.concat([one, other])).to_list()
    assert both == kept_lines(one).to_list() + kept_lines(other).to_list()
    assert kept_lines(one.clear()).to_list() == []


def test_endless_page_is_left_as_it_is():
    foreign = [(TEXTS["de"], 0.1)] * 2
    assert kept(*[("Short", 0.1)] * (MAX_LINES - len(MENU) - 2), *foreign) == [text for text, _ in foreign]
    assert kept(*[("Short", 0.1)] * MAX_LINES, *foreign) == []
