"""How texts, pairs and shingles lie in the files of the stage's rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from curate.neardup.arrays import NO_RANKS, Ragged, Ranks, offsets_of, stacked
from curate.neardup.candidates import Pairs
from curate.neardup.shingles import AT_ONCE, slices
from curate.neardup.similarity import Verified
from curate.section import Section
from curate.tasks import Done, File, batches, columns_in

WRITE_NUMBERS = 1 << 18
"""Keys or shingles that are written at a time."""
_PLACE = {
    "id": pl.col("row").cast(pl.String),
    "published": pl.lit(None, pl.String),
    "source": pl.lit(None, pl.String),
    "record": pl.col("row").cast(pl.Int64),
}
PLACE = tuple(_PLACE)
"""What says which document a row is, with what stands for it in a dataset that has no such column."""


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
    """The texts of a shard with their row and these columns, a few megabytes at a time.

    Files of other datasets may lack columns: these are null, and the id is the row. What `read` made has UTF-8 pages.
    """
    row = 0
    given = columns_in(shard)
    text = pl.col("text") if "text" in given else pl.col("page").cast(pl.String, strict=False)
    wanted = [pl.col(name) if name in given else _PLACE[name].alias(name) for name in columns]
    for batch in batches(shard, [name for name in (*columns, "text", "page") if name in given]):
        numbered = batch.with_row_index("row", row).select("row", *wanted, text=text.fill_null(""))
        for start, end in slices(numbered["text"].str.len_bytes().to_list()):
            yield numbered[start:end]
        if not batch.height:
            yield numbered
        row += batch.height


def frame_of(columns: Pairs | Verified) -> pl.DataFrame:
    """Pairs as they are written."""
    small: dict[str, type[pl.DataType]] = dict.fromkeys({*Pairs._fields} & {*columns._fields}, pl.UInt32)
    return pl.DataFrame(columns._asdict(), schema_overrides=small)


def columns_of(frame: pl.DataFrame) -> list[Any]:
    """The columns of a frame as arrays; ranks as signed numbers, which numpy counts with."""
    return [column.to_numpy().astype(np.int64 if column.dtype.is_integer() else np.float64) for column in frame]


def tokens_of(signed: File) -> Iterator[Ragged]:
    """The tokens of the documents of a shard, of at most 512 at a time, in order."""
    for batch in batches(signed, rows=AT_ONCE):
        yield ragged(batch["numbers"])


def lists_of(numbers: Ragged, dtype: type[pl.DataType]) -> pl.DataFrame:
    """Numbers of many texts as they are written."""
    offsets, flat = (pl.Series(part).to_arrow() for part in (numbers.offsets, numbers.values))  # no pandas, as by numpy
    values = pa.LargeListArray.from_arrays(offsets, flat)
    return pl.DataFrame({"numbers": pl.Series(values, dtype=pl.List(dtype))})


def ragged(lists: pl.Series) -> Ragged:
    """Numbers of many texts as they are computed with."""
    values = lists.explode(empty_as_null=False, keep_nulls=False).to_numpy()
    return Ragged(values, offsets_of(lists.list.len().to_numpy()))


def read_sets(files: Sequence[File], wanted: Ranks | None = None) -> tuple[Ranks, Ragged]:
    """The sets of shingles in some files, and the ranks of their texts: of those `wanted`, or all."""
    some = pl.lit(True) if wanted is None else pl.col("rank").is_in(pl.Series(wanted, dtype=pl.UInt32).implode())
    frames = (frame.filter(some) for file in files for frame in batches(file))
    parts = [(frame["rank"].to_numpy(), ragged(frame["numbers"])) for frame in frames]
    ranks = np.concatenate([NO_RANKS, *(part for part, _ in parts)])
    return ranks, stacked([sets for _, sets in parts])


def rows_at(file: File, ordered: Ranks) -> pl.DataFrame:
    """Some rows of a file, by their ascending numbers."""
    found, start = [], 0
    for batch in batches(file, rows=65536):
        end = start + batch.height
        low, high = np.searchsorted(ordered, [start, end])
        found.append(batch[ordered[low:high] - start])
        start = end
    return pl.concat(found)


def files_of(tasks: Sequence[Done], part: str) -> list[File]:
    """One part of each task's outputs."""
    return [done.files[part] for done in tasks]


def numbered(name: str, number: int) -> str:
    """The name of one of many parts of a task's output."""
    return f"{name}-{number:05d}"
