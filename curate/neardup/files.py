"""How texts, pairs and shingles lie in the files of the stage's rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from curate.neardup.arrays import NO_RANKS, Ragged, Ranks, offsets_of, stacked
from curate.neardup.candidates import Pairs
from curate.neardup.shingles import slices
from curate.neardup.similarity import Verified
from curate.section import Section
from curate.tasks import Done, File, batches

WRITE_NUMBERS = 1 << 18
"""Keys or shingles that are written at a time."""


class Partitioned(Section):
    """Into how many parts keys and pairs are cut."""

    partitions: int


class Whole(Partitioned):
    """The corpus, as a task must know it."""

    documents: int
    shards: int


class Bounds(Section):
    """From where on documents are near-duplicates."""

    threshold: float
    containment: float


def texts_of(shard: File, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The texts of a shard with their row, a few megabytes at a time."""
    row = 0
    for batch in batches(shard, [*columns, "text"]):
        numbered = batch.with_columns(pl.col("text").fill_null("")).with_row_index("row", row)
        for start, end in slices(batch["text"].to_list()):
            yield numbered[start:end]
        if not batch.height:
            yield numbered
        row += batch.height


def frame_of(columns: Pairs | Verified) -> pl.DataFrame:
    """Pairs as they are written."""
    return pl.DataFrame(columns._asdict(), schema_overrides={"first": pl.UInt32, "second": pl.UInt32})


def columns_of(frame: pl.DataFrame) -> list[Any]:
    """The columns of a frame as arrays; ranks as signed numbers, which numpy counts with."""
    return [column.to_numpy().astype(np.int64 if column.dtype.is_integer() else np.float64) for column in frame]


def lists_of(ranks: pl.Series, sets: Ragged) -> pl.DataFrame:
    """Sets of shingles as they are written."""
    values = pa.LargeListArray.from_arrays(sets.offsets, sets.values)
    return pl.DataFrame({"rank": ranks, "shingles": pl.Series(values, dtype=pl.List(pl.UInt64))})


def sets_of(lists: pl.Series) -> Ragged:
    """Sets of shingles as they are compared."""
    lengths = lists.list.len().to_numpy()
    values = lists.explode(empty_as_null=False, keep_nulls=False).to_numpy()
    return Ragged(values, offsets_of(lengths))


def read_sets(files: Sequence[File]) -> tuple[Ranks, Ragged]:
    """The sets of shingles in some files, and the ranks of their texts."""
    parts = [(frame["rank"].to_numpy(), sets_of(frame["shingles"])) for file in files for frame in batches(file)]
    ranks = np.concatenate([NO_RANKS, *(part for part, _ in parts)])
    return ranks, stacked([sets for _, sets in parts])


def files_of(tasks: Sequence[Done], part: str) -> list[File]:
    """One part of each task's outputs."""
    return [done.files[part] for done in tasks]


def numbered(name: str, number: int) -> str:
    """The name of one of many parts of a task's output."""
    return f"{name}-{number:05d}"
