"""Rows of any number of files in the order of a string, in flat memory: a sample sort in two rounds of file tasks.

The first round writes the rows of a shard as sorted runs, with a sample of their keys (`run`). The samples cut all keys
into ranges of about one size (`ranges`), and a task of the second round reads what the runs hold in one of them
(`between`). The files of that round, one after the other, are all rows in order; where runs and ranges are cut leaves
no trace in them.

Source: Frazer and McKellar, "Samplesort: A Sampling Approach to Minimal Storage Tree Sorting" (1970).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from curate.section import Section
from curate.tasks import BATCH_ROWS, Done, File, read


class Range(Section):
    """Keys from `low` up to, and without, `high`; an empty `high` means no end."""

    low: str
    high: str


def run(rows: pl.DataFrame, number: int, size: pl.Expr, step: int) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows, sorted by their column `key`, as parts of a task: a run, and a sample of its keys.

    `size` is what a row counts for in the size of a range; the sample has a key for each `step` of it.
    """
    name = f"run-{number:05d}"
    ordered = rows.sort("key", maintain_order=True)
    yield from ((name, piece) for piece in pieces(ordered))
    yield "sample", _sample(ordered.select("key", size=size.cum_sum()), step).with_columns(run=pl.lit(name))


def ranges(done: Sequence[Done], size: int) -> list[tuple[Range, list[File]]]:
    """Ranges of about this size that together cover all keys, and the runs that have keys in each."""
    sample = pl.concat(read(one.files["sample"]).with_columns(shard=i) for i, one in enumerate(done)).sort("key")
    part = pl.col("size").cum_sum() // size
    lows = sample.filter((part != part.shift()).fill_null(False)).get_column("key").unique(maintain_order=True)
    cut = [Range(low=low, high=high) for low, high in zip(["", *lows], [*lows, ""], strict=True)]
    spans = sample.group_by("shard", "run", maintain_order=True).agg(pl.min("key").alias("low"), high=pl.max("key"))
    return [(between, _runs_in(between, spans.sort("shard", "run"), done)) for between in cut]


def between(runs: Sequence[File], keys: Range) -> pl.DataFrame:
    """The rows of sorted runs in a range of keys, sorted. Of the rest of the files only the statistics are read."""
    rows = pl.from_arrow(pa.concat_tables(table for run in runs for table in _between(run, keys)))
    assert isinstance(rows, pl.DataFrame)
    return rows.sort("key", maintain_order=True)


def pieces(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Batches of rows; one empty batch where there are none."""
    yield from (rows[start : start + BATCH_ROWS] for start in range(0, max(rows.height, 1), BATCH_ROWS))


def _sample(ordered: pl.DataFrame, step: int) -> pl.DataFrame:
    """First key, last key, and one for each `step` between; `size` is what lies since the one before."""
    steps = pl.col("size") // step
    ends = pl.int_range(pl.len()).is_in([0, ordered.height - 1])
    return ordered.filter(ends | (steps != steps.shift())).with_columns(
        size=pl.col("size").diff().fill_null(pl.col("size"))
    )


def _runs_in(keys: Range, spans: pl.DataFrame, done: Sequence[Done]) -> list[File]:
    reach = spans.filter(pl.col("high") >= keys.low, (pl.col("low") < keys.high) | pl.lit(keys.high == ""))
    found = [done[shard].files[run] for shard, run in reach.select("shard", "run").iter_rows()]
    return found or [done[0].files["run-00000"]]  # one that is empty, where all are


def _between(run: File, keys: Range) -> Iterator[pa.Table]:
    with fsspec.open(run.url, "rb") as stream, pq.ParquetFile(stream) as parquet:
        yield parquet.read_row_groups([])
        for group in range(parquet.num_row_groups):
            found = parquet.metadata.row_group(group).column(0).statistics
            if found is None or not found.has_min_max or _overlaps(found.min, found.max, keys):
                rows = parquet.read_row_group(group, use_threads=False)
                key = pl.Series(pl.from_arrow(rows["key"]))  # not by Arrow's scalars, for which pandas is imported
                inside = (key >= keys.low) & (key < keys.high) if keys.high else key >= keys.low
                yield rows.filter(inside.to_arrow())


def _overlaps(low: str, high: str, keys: Range) -> bool:
    return high >= keys.low and (not keys.high or low < keys.high)
