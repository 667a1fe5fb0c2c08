"""Parquet shards of a release, written so that the next version shares most of their bytes.

Row groups and shards end where a document's id says so (content-defined chunking, as inside the columns): a document
put in or taken out changes the piece it stands in and no other. pyarrow, zstd, page index. The bytes depend on the
documents alone, not on how they arrive. The driver sees the sizes of documents and says where shards end; a task writes
each.
"""

from __future__ import annotations

import io
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, groupby
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from curate.release import disk
from curate.release.order import Part
from curate.release.schema import SCHEMA
from curate.section import Section
from curate.tasks import File, Rounds, Written, batches

ROW_GROUP_BYTES = 8 << 20
"""Text of a row group, about: from half of this to twice."""
CHUNKS = {"min_chunk_size": 16 << 10, "max_chunk_size": 64 << 10}
"""Bytes of a column, before compression, from one content-defined cut to the next: what a changed document costs. Xet
compares pieces of some 64 KiB of the file, so that smaller ones gain little (docs/releases.md)."""
LEVEL = 9
"""Of zstd: makes up for half of what small pages cost; twice the time of level 3, which is little of a run."""
REPEATING = ["author", "published", "site", "source", "language"]
"""Columns worth a dictionary."""

Group = tuple[str, int, int]
"""A row group: its split, below the folder of its config; the number of its shard there; how many documents it has."""


class Shard(Section):
    """Where a shard stands, the documents of its row groups, and how many stand before it in the first of its files."""

    place: str
    number: int
    groups: tuple[int, ...]
    skip: int


@dataclass
class Cut:
    """Cuts a stream of documents into pieces of half to twice `target` bytes, by the hashes of their ids."""

    target: int
    size: int = 0

    def ends(self, size: int, place: int) -> bool:
        """Whether a piece ends with this document, which has `size` bytes and hash `place`."""
        self.size += size
        chosen = place < 2**64 * size // max(self.target // 2, 1)
        if (self.size * 2 >= self.target and chosen) or self.size >= 2 * self.target:
            self.size = 0
            return True
        return False


def write(parts: Sequence[Part], rounds: Rounds, folder: Path, shard_bytes: int) -> list[Path]:
    """Write documents in release order as `<split>-<number>-of-<count>.parquet`, below the folder of their config
    where there are some beside the default; returns the paths, in order. Every file is on the disk then."""
    sizes = chain.from_iterable(batches(part.sizes, rows=65536) for part in parts)
    located = _located(row_groups(sizes, shard_bytes), [part.documents for part in parts])
    inputs, shards = zip(*located, strict=True)
    done = rounds.run("shards", write_shard, inputs, shards)
    counts = Counter(shard.place for shard in shards)
    paths = [folder / f"{shard.place}-{shard.number:05d}-of-{counts[shard.place]:05d}.parquet" for shard in shards]
    for one, path in zip(done, paths, strict=True):
        disk.put(one.files["shard"].url, path)
    return paths


def write_shard(inputs: Sequence[File], config: Shard) -> Written:
    """Task: a shard as it is released. Inputs: the files that have its documents."""
    documents = _without(config.skip, chain.from_iterable(batches(file) for file in inputs))
    written = io.BytesIO()
    with pq.ParquetWriter(
        written,
        SCHEMA,
        compression="zstd",
        compression_level=LEVEL,
        use_dictionary=REPEATING,
        use_content_defined_chunking=CHUNKS,
        write_page_index=True,
    ) as writer:
        for group in _cut(documents, config.groups):
            table = group.select(SCHEMA.names).to_arrow(compat_level=pl.CompatLevel.oldest())
            writer.write_table(table.cast(SCHEMA).combine_chunks(), row_group_size=len(group) or None)
            yield "shard", _taken(written)
    yield "shard", _taken(written)
    return {}


def row_groups(sizes: Iterable[pl.DataFrame], shard_bytes: int) -> Iterator[Group]:
    """The row groups of all shards, cut by content, from what `order.Part.sizes` tells of all documents in order."""
    rows, place, number = 0, "", 0
    group, shard = Cut(ROW_GROUP_BYTES), Cut(shard_bytes)
    for here, batch in _by_place(sizes):
        if here != place:
            if rows:
                yield place, number, rows
            rows, place, number = 0, here, 0
            group, shard = Cut(ROW_GROUP_BYTES), Cut(shard_bytes)
        start = 0
        for end, ends_shard in _cuts(batch, group, shard):
            yield place, number, rows + end - start
            rows, start, number = 0, end, number + ends_shard
        rows += batch.height - start
    if rows:
        yield place, number, rows


def _by_place(rows: Iterable[pl.DataFrame]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Documents that are in one split of one config, with these."""
    for batch in rows:
        for part in batch.partition_by("split", "subset", maintain_order=True):
            split, subset = part.select("split", "subset").row(0)
            yield f"{subset}/{split}" if subset else split, part


def _cuts(batch: pl.DataFrame, group: Cut, shard: Cut) -> Iterator[tuple[int, bool]]:
    """Rows before which a row group ends, and whether a shard ends there too."""
    for end, (size, place) in enumerate(batch.select("size", "place").iter_rows(), start=1):
        ends_group, ends_shard = group.ends(size, place), shard.ends(size, place)
        if ends_group or ends_shard:
            group.size = 0
            yield end, ends_shard


def _located(groups: Iterable[Group], files: Sequence[File]) -> Iterator[tuple[list[File], Shard]]:
    """The shards that row groups make, with the files that have their documents."""
    ends = list(accumulate(file.rows for file in files))
    first = 0
    for (place, number), some in groupby(groups, key=lambda group: group[:2]):
        rows = tuple(count for _, _, count in some)
        last = first + sum(rows)
        low, high = bisect_right(ends, first), bisect_left(ends, last)
        skip = first - (ends[low] - files[low].rows)
        yield list(files[low : high + 1]), Shard(place=place, number=number, groups=rows, skip=skip)
        first = last


def _without(skip: int, rows: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """All rows but the first ones."""
    for batch in rows:
        yield batch[skip:]
        skip = max(skip - batch.height, 0)


def _cut(rows: Iterator[pl.DataFrame], counts: Sequence[int]) -> Iterator[pl.DataFrame]:
    """The rows again, in frames of these heights."""
    held = [next(rows)]
    for count in counts:
        while sum(frame.height for frame in held) < count:
            held.append(next(rows))
        joined = pl.concat(held)
        yield joined[:count]
        held = [joined[count:]]


def _taken(written: io.BytesIO) -> bytes:
    """What was written since the last time."""
    taken = written.getvalue()
    written.seek(0)
    written.truncate()
    return taken
