"""Kept documents in release order, whatever their number, in flat memory: a sample sort in two rounds of file tasks.

Order: split, then config where there are some beside the default, then month of publication (the input file where the
date is unknown; these come first), then id. So what a new month brings stands at the end, what a source brings stands
together, and the next version uploads little again.

Round `sort`: a shard -> sorted runs, and a sample of their keys. Round `merge`: the rows of all runs between two
sampled keys -> one sorted part. The release is the parts one after the other; where they are cut leaves no trace in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import fsspec
import polars as pl
import pyarrow.parquet as pq

from curate.release import subsets
from curate.release.schema import released
from curate.section import Section
from curate.stages.split import SPLITS
from curate.tasks import BATCH_ROWS, Done, File, Rounds, Rows, batches, read

RUN_BYTES = 128 << 20
"""Text that is sorted at once in one task."""
PART_BYTES = 64 << 20
"""Text of one sorted part, about."""
SAMPLE_BYTES = 1 << 20
"""Text from one sampled key to the next."""


class Subsets(Section):
    """Which configs a release has beside the default."""

    by: subsets.By | None


class Range(Section):
    """Keys from `low` up to, and without, `high`; an empty `high` means no end."""

    low: str
    high: str


def sort(shards: Sequence[File], rounds: Rounds, configs: subsets.By | None = None) -> list[File]:
    """All documents of `shards` in release order: files with the columns `key`, `split`, `subset` and those of a
    release. A subset is the config that a document is in beside the default."""
    done = rounds.run("sort", sort_runs, [[shard] for shard in shards], Subsets(by=configs))
    sample = pl.concat(read(one.files["sample"]).with_columns(shard=i) for i, one in enumerate(done))
    ranges = _ranges(sample.sort("key"))
    spans = sample.group_by("shard", "run", maintain_order=True).agg(pl.min("key").alias("low"), high=pl.max("key"))
    groups = [_runs_in(between, spans, done) for between in ranges]
    return [one.files["sorted"] for one in rounds.run("merge", merge_runs, groups, ranges)]


def sort_runs(inputs: Sequence[File], config: Subsets) -> Rows:
    """Task: a shard as sorted runs of at most RUN_BYTES of text, and a key for every SAMPLE_BYTES of them."""
    for number, documents in enumerate(_collect(inputs[0], config.by)):
        run = f"run-{number:05d}"
        ordered = documents.sort("key")
        yield from ((run, piece) for piece in _pieces(ordered))
        yield "sample", _sample(ordered).with_columns(run=pl.lit(run))
    return {}


def merge_runs(inputs: Sequence[File], config: Range) -> Rows:
    """Task: what the runs hold in a range of keys, sorted."""
    rows = pl.concat(frame for file in inputs for frame in _between(file, config)).sort("key")
    yield from (("sorted", piece) for piece in _pieces(rows))
    return {}


def _collect(shard: File, configs: subsets.By | None) -> Iterator[pl.DataFrame]:
    """The documents of a shard with their sort key, RUN_BYTES of text at a time."""
    held: list[pl.DataFrame] = []
    size = 0
    for batch in batches(shard):
        rows = released(batch).with_columns(batch["split"])
        rows = rows.with_columns(subsets.column(rows, configs))
        held.append(rows.select(_key(rows).alias("key"), "split", "subset", pl.exclude("split", "subset")))
        size += int(batch["text"].str.len_bytes().sum())
        if size >= RUN_BYTES:
            yield pl.concat(held)
            held, size = [], 0
    if held:
        yield pl.concat(held)


def _key(batch: pl.DataFrame) -> pl.Series:
    """A string that sorts as documents stand in a release."""
    rank = pl.col("split").replace_strict({name: str(i) for i, name in enumerate(SPLITS)})
    dated = pl.col("published").str.contains(r"^[0-9]{4}-[0-9]{2}").fill_null(False)
    group = pl.when(dated).then("1" + pl.col("published").str.head(7)).otherwise("0" + pl.col("source"))
    return batch.select(pl.concat_str(rank, "subset", group, "id", separator="\0"))["split"]


def _sample(ordered: pl.DataFrame) -> pl.DataFrame:
    """First key, last key, and one for each SAMPLE_BYTES between; `bytes` is the text since the one before."""
    size = ordered["text"].str.len_bytes().cum_sum()
    frame = ordered.select("key", size=size).with_row_index()
    steps = pl.col("size") // SAMPLE_BYTES
    chosen = frame.filter((pl.col("index") == 0) | (pl.col("index") == ordered.height - 1) | (steps != steps.shift()))
    return chosen.select("key", bytes=pl.col("size").diff().fill_null(pl.col("size")))


def _ranges(sample: pl.DataFrame) -> list[Range]:
    """Ranges of keys with about PART_BYTES of text each, which cover all keys."""
    part = pl.col("bytes").cum_sum() // PART_BYTES
    lows = (
        sample.filter((part != part.shift()).fill_null(False)).get_column("key").unique(maintain_order=True).to_list()
    )
    return [Range(low=low, high=high) for low, high in zip(["", *lows], [*lows, ""], strict=True)]


def _runs_in(between: Range, spans: pl.DataFrame, done: Sequence[Done]) -> list[File]:
    """The runs that have keys in the range."""
    reach = spans.filter(pl.col("high") >= between.low, (pl.col("low") < between.high) | pl.lit(between.high == ""))
    return [done[shard].files[run] for shard, run in reach.select("shard", "run").iter_rows()]


def _between(run: File, between: Range) -> Iterator[pl.DataFrame]:
    """The rows of a sorted run in a range. Of the rest of the file only the statistics are read."""
    inside = (pl.col("key") >= between.low) & ((pl.col("key") < between.high) | pl.lit(between.high == ""))
    with fsspec.open(run.url, "rb") as stream, pq.ParquetFile(stream) as parquet:
        yield _frame(parquet.schema_arrow.empty_table())
        for group in range(parquet.num_row_groups):
            keys = parquet.metadata.row_group(group).column(0).statistics
            if keys is None or not keys.has_min_max or _overlaps(keys.min, keys.max, between):
                yield _frame(parquet.read_row_group(group, use_threads=False)).filter(inside)


def _overlaps(low: str, high: str, between: Range) -> bool:
    return high >= between.low and (not between.high or low < between.high)


def _frame(table: object) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _pieces(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Batches of rows; one empty batch where there are none."""
    yield from (rows[start : start + BATCH_ROWS] for start in range(0, max(rows.height, 1), BATCH_ROWS))
