"""Hub configs beside the default: one for each language, site or year, each in a folder of `data/` of its own.

data/train-00000-of-00004.parquet       without `release.configs`
data/en/train-00000-of-00003.parquet    with `configs: language`; the default config reads `data/*/`
"""

from __future__ import annotations

import re
from typing import Literal

import polars as pl

from curate.errors import ReleaseError
from curate.text import hash64

By = Literal["language", "site", "year"]

UNKNOWN = "unknown"
MOST = 1000
"""Configs of a release: each is a folder, and some lines of the card."""
LONGEST = 64
"""Characters of a config's name."""
_RESERVED = {"", "default", "data", UNKNOWN}
_DEVICES = {"aux", "con", "nul", "prn"}  # on Windows no file names, whatever follows a dot


def column(batch: pl.DataFrame, by: By | None) -> pl.Series:
    """The config of each document; empty where none are asked for."""
    if by is None:
        return pl.Series("subset", [""] * batch.height, pl.String)
    values = batch.select(pl.col("published").str.head(4) if by == "year" else pl.col(by)).to_series()
    known = values.drop_nulls().unique().to_list()
    return values.replace_strict(
        known, [name(value) for value in known], default=UNKNOWN, return_dtype=pl.String
    ).alias("subset")


def name(value: str) -> str:
    """A value as the name of a config and a folder: what cannot stand there gives way, and a hash keeps names apart."""
    plain = re.sub(r"[^a-z0-9._-]", "_", value)[:LONGEST].lstrip(".-_").rstrip(".")
    if plain == value and plain not in _RESERVED and plain.partition(".")[0] not in _DEVICES:
        return plain
    return f"{plain}-{hash64(pl.Series([value]))[0]:016x}".lstrip("-")


def check(number: int, by: By) -> None:
    """Raise ReleaseError where there would be too many configs."""
    if number > MOST:
        raise ReleaseError(f"release.configs: {by}: {number:,} configs are more than {MOST:,}; take another column")
