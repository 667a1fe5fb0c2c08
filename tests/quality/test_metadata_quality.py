"""Metadata on the development pages: a change that loses .002 fails. Skips without ../shared."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from curate.document import LINE
from curate.stages import metadata

PAGES = Path(__file__).parents[3] / "shared" / "bench" / "boilerplate" / "dev.parquet"
FLOORS = {
    "text": {"title": 0.900, "author": 0.783, "date": 0.769},
    "html": {"title": 0.935, "author": 0.936, "date": 0.883},
}
WORD = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)

pytestmark = pytest.mark.skipif(not PAGES.exists(), reason="no development pages beside the repository")


def words(text: str | None) -> Counter[str]:
    return Counter(WORD.findall((text or "").lower()))


def right(gold: dict[str, str], got: dict[str, str | None]) -> dict[str, bool]:
    """The benchmark's matches: bag-of-words F1 of .8 for titles, a shared word for authors, the same day for dates."""
    a, b = words(got["title"]), words(gold["title"])
    return {
        "title": 2 * sum((a & b).values()) >= 0.8 * (sum(a.values()) + sum(b.values())),
        "author": bool(words(got["author"]) & words(gold["author"])),
        "date": got["published"] == gold["date"][:10],
    }


@pytest.fixture(scope="module")
def pages() -> pl.DataFrame:
    columns = ["source", "url", "title", "author", "date", "text_wet", "labels_wet", "html"]
    frame = pl.read_parquet(PAGES, columns=columns)
    wanted = pl.col("source").is_in(["andy", "wcxb", "fundus"]) & (pl.col("title") != "")
    return frame.filter(wanted & pl.col("labels_wet").str.contains("1"))


def judged(page: dict[str, str]) -> list[dict[str, object]]:
    lines = zip(page["text_wet"].split("\n"), page["labels_wet"], strict=True)
    return [{"text": text, "score": 0.0, "kept": label == "1"} for text, label in lines]


@pytest.mark.parametrize("kind", FLOORS)
def test_the_figures_hold(pages: pl.DataFrame, kind: str) -> None:
    html = [page.decode("utf-8", "replace") if kind == "html" else None for page in pages["html"]]
    lines = [judged(page) for page in pages.iter_rows(named=True)]
    empty = pl.lit(None, dtype=pl.String())
    batch = pages.select("url", site=empty, title=empty, author=empty, published=empty).with_columns(
        html=pl.Series(html, dtype=pl.String()), lines=pl.Series(lines, dtype=pl.List(LINE))
    )
    found = metadata.apply(batch, metadata.Config())
    hits: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for gold, got in zip(pages.iter_rows(named=True), found.iter_rows(named=True), strict=True):
        for name, ok in right(gold, got).items():
            known[name] += bool(gold[name])
            hits[name] += bool(gold[name]) and ok
    shares = {name: hits[name] / known[name] for name in known}
    assert {name: share for name, share in shares.items() if share < FLOORS[kind][name]} == {}, shares
