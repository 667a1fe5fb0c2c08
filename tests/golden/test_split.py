"""A released document keeps its split for ever, so what a cluster hashes to must never change."""

from __future__ import annotations

import polars as pl

from curate.stages.split import Config, assign

SPLITS = {
    "": "train",
    "a": "train",
    "https://example.org/1": "train",
    "Ωmega": "train",
    "0123456789abcdef": "validation",
    "tsunami": "validation",
    "42": "validation",
    "north": "validation",
    "south": "train",
    "east": "train",
    "blue": "test",
    "green": "train",
    "red": "train",
    "7": "train",
}


def test_splits_of_known_clusters():
    batch = pl.DataFrame({"cluster": list(SPLITS), "site": None, "published": None})
    found = assign(batch, Config(validation=0.3, test=0.3))
    assert found.to_list() == list(SPLITS.values())
