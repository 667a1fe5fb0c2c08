"""Boilerplate removal on HTML, pinned on development pages of sites never trained on: a loss of .002 fails.

`html-without-fold-1.npz` are weights that have not seen the sites of fold 1, as `curate.models.train_html` writes them
for each group that it validates; nor have those for flattened text beside them, the third judge. How good the
published weights are, their card says.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from curate import extract
from curate.models import flattened, html
from curate.models.command import fold_of
from curate.models.scoring import bag_f1, count_segments, segment_f1

HERE = Path(__file__).resolve()
WEIGHTS = HERE.with_name("html-without-fold-1.npz")
SHARED = HERE.parents[3] / "shared/bench/boilerplate"
MEASURED = {"all": 0.9477, "English": 0.9532, "other": 0.9354}
"""Fb. Half a point of `other` is one page of Latin dummy text, cut in two by the language contrast. It was .9383
before the text model gained .0027 on text: a Russian page that was half right comes out empty."""
SEGMENTS = 0.9217
"""F1 over segments that must stay or go; .9229 with the text model before."""
LOSS = 0.0019

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared")


@pytest.fixture(autouse=True)
def held_out(monkeypatch):
    monkeypatch.setattr(html, "WEIGHTS", WEIGHTS)
    monkeypatch.setattr(flattened, "WEIGHTS", WEIGHTS.with_name("without-fold-1.npz"))


def left_out(name, *columns):
    pages = pl.read_parquet(SHARED / name, columns=["site", "html", *columns])
    return pages.filter([fold_of(site) == 0 for site in pages["site"]])


def test_pages_of_sites_not_trained_on():
    pages = left_out("dev.parquet", "gold_text", "lang")
    score = pl.Series(map(bag_f1, extract(pages["html"].to_list()), pages["gold_text"]))
    english = pages["lang"] == "en"
    figures = {"all": score.mean(), "English": score.filter(english).mean(), "other": score.filter(~english).mean()}
    assert all(figures[name] >= MEASURED[name] - LOSS for name in MEASURED), figures


def test_segments_of_pages_of_sites_not_trained_on():
    pages = left_out("part_dev.parquet", "with", "without")
    counts = Counter()
    for body, wanted, unwanted in zip(extract(pages["html"].to_list()), pages["with"], pages["without"], strict=True):
        counts += count_segments(body, wanted, unwanted)
    assert segment_f1(counts) >= SEGMENTS - LOSS
