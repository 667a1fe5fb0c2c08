"""The figures of boilerplate removal, pinned: the seed page, and Fb on the development pages with its floors.

The shipped weights were trained on the development pages, so these floors say nothing about other pages (the card
does): they are there so that a change of code which costs .002 fails.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from curate import clean
from curate.models.scoring import bag_f1

SHARED = Path(__file__).resolve().parents[3] / "shared"
PAGES = SHARED / "bench/boilerplate/dev.parquet"
SEED = SHARED / "cases/urdupoint-2019-11-22.txt"

FLOORS = [("inscriptis", 0.954, 0.955), ("resiliparse", 0.951, 0.951), ("wet", 0.952, 0.954)]
"""Flattener, Fb one page at a time, Fb with sites; on every third page."""

STARTS = ["Russia sincerely", "NAGOYA (", '"Japan is our', "The top Russian", '"With qualitatively']
STARTS += ["Motegi, who", "The latest bilateral", "Russia and Japan", "In November 2018"]


@pytest.mark.skipif(not SEED.exists(), reason="needs ../shared")
def test_seed_page():
    paragraphs = clean([SEED.read_text()])[0].split("\n")
    assert [paragraph[: len(start)] for paragraph, start in zip(paragraphs, STARTS, strict=True)] == STARTS
    assert paragraphs[-1].endswith("long-pending peace treaty.")


@pytest.mark.skipif(not PAGES.exists(), reason="needs ../shared")
@pytest.mark.parametrize(("flattener", "alone", "with_sites"), FLOORS)
def test_floors(flattener, alone, with_sites):
    pages = pl.read_parquet(PAGES, columns=["site", "gold_text", f"text_{flattener}"]).gather_every(3)
    texts, gold = pages[f"text_{flattener}"].to_list(), pages["gold_text"].to_list()
    assert score(clean(texts), gold) >= alone
    assert score(clean(texts, sites=pages["site"].to_list()), gold) >= with_sites


def score(bodies, gold):
    return sum(map(bag_f1, bodies, gold)) / len(gold)
