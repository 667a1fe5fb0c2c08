"""The figures of boilerplate removal, pinned: the seed page, and Fb on development pages of sites never trained on.

`without-fold-1.npz` are weights that have not seen the sites of fold 1, written by the training of the published
weights as it validated them. A change of code which costs .002 on the pages of those sites fails. How good the
published weights are, their card says.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl
import pytest

from curate import clean
from curate.document import undecided
from curate.models.command import fold_of
from curate.models.scoring import bag_f1
from curate.stages.boilerplate import Config, apply, count_templates

HERE = Path(__file__).resolve()
WEIGHTS = HERE.with_name("without-fold-1.npz")
SHARED = HERE.parents[3] / "shared"
PAGES = SHARED / "bench/boilerplate/dev.parquet"
SEED = SHARED / "cases/urdupoint-2019-11-22.txt"

MEASURED = [("inscriptis", 0.9281, 0.9283), ("resiliparse", 0.9287, 0.9317), ("wet", 0.9304, 0.9319)]
"""Flattener, Fb one page at a time, Fb with sites. The latter was .003 more with weights that had learnt from invented
comments, too; these cost .0015 over all four folds, .01 and more on modern sources left out (docs, stages).
"""
LOSS = 0.0019
FEW = 30
"""Pages of a source below which one of them decides whether the source loses by its sites."""

STARTS = ["Russia sincerely", "NAGOYA (", '"Japan is our', "The top Russian", '"With qualitatively']
STARTS += ["Motegi, who", "The latest bilateral", "Russia and Japan", "In November 2018"]


@pytest.mark.skipif(not SEED.exists(), reason="needs ../shared")
def test_seed_page():
    paragraphs = clean([SEED.read_text()])[0].split("\n")
    assert [paragraph[: len(start)] for paragraph, start in zip(paragraphs, STARTS, strict=True)] == STARTS
    assert paragraphs[-1].endswith("long-pending peace treaty.")


@pytest.mark.skipif(not PAGES.exists(), reason="needs ../shared")
@pytest.mark.parametrize(("flattener", "alone", "with_sites"), MEASURED)
def test_pages_of_sites_not_trained_on(flattener, alone, with_sites):
    pages = left_out().select("site", "source", "gold_text", format=pl.lit("text"), text=f"text_{flattener}")
    scores = pages.select("source", alone=scored(pages), with_sites=scored(pages.hstack(count_templates(pages))))
    assert scores["alone"].mean() >= alone - LOSS
    assert scores["with_sites"].mean() >= with_sites - LOSS
    sources = scores.group_by("source").agg(pl.len(), pl.mean("alone", "with_sites")).filter(pl.col("len") >= FEW)
    assert sources.filter(pl.col("with_sites") < pl.col("alone") - LOSS).is_empty()


@cache
def left_out():
    texts = [f"text_{name}" for name, _, _ in MEASURED]
    pages = pl.read_parquet(PAGES, columns=["site", "source", "gold_text", *texts])
    return pages.filter([fold_of(site) == 0 for site in pages["site"]])


def scored(pages):
    bodies = apply(undecided(pages), Config(weights=str(WEIGHTS)))["text"]
    return pl.Series(list(map(bag_f1, bodies, pages["gold_text"])))
