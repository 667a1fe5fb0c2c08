"""Parquet shards of a release, written so that the next version shares most of their bytes.

Row groups and shards end where a document's id says so (content-defined chunking, as inside the columns): a document
put in or taken out changes the piece it stands in and no other. pyarrow, zstd, page index. The bytes depend on the
documents alone, not on how they arrive.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from curate.release.schema import SCHEMA
from curate.text import hash64

ROW_GROUP_BYTES = 8 << 20
"""Text of a row group, about: from half of this to twice."""
CHUNKS = {"min_chunk_size": 16 << 10, "max_chunk_size": 64 << 10}
"""Bytes of a column, before compression, from one content-defined cut to the next: what a changed document costs. Xet
compares pieces of some 64 KiB of the file, so that smaller ones gain little (docs/releases.md)."""
LEVEL = 9
"""Of zstd: makes up for half of what small pages cost; twice the time of level 3, which is little of a run."""
REPEATING = ["author", "published", "site", "source", "language"]
"""Columns worth a dictionary."""

Group = tuple[str, int, pl.DataFrame]
"""A row group: its split, below the folder of its config; the number of its shard there; its documents."""


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


def write(rows: Iterable[pl.DataFrame], folder: Path, shard_bytes: int) -> list[str]:
    """Write documents in release order as `<split>-<number>-of-<count>.parquet`, below the folder of their config
    where there are some beside the default; returns the names, in order.

    `rows` have the columns of a release, `split` and `subset`. Every file is on the disk when this returns.
    """
    written: dict[str, list[Path]] = defaultdict(list)
    for (place, number), groups in groupby(row_groups(rows, shard_bytes), key=lambda group: group[:2]):
        path = folder / f"{place}-{number:05d}.parquet"
        path.parent.mkdir(exist_ok=True)
        _write_shard(path, (documents for _, _, documents in groups))
        written[place].append(path)
    return [_named(path, place, i, len(paths)) for place, paths in written.items() for i, path in enumerate(paths)]


def row_groups(rows: Iterable[pl.DataFrame], shard_bytes: int) -> Iterator[Group]:
    """The row groups of all shards, cut by content."""
    held: list[pl.DataFrame] = []
    place, number = "", 0
    group, shard = Cut(ROW_GROUP_BYTES), Cut(shard_bytes)
    for here, batch in _by_place(rows):
        if here != place:
            if held:
                yield place, number, pl.concat(held)
            held, place, number = [], here, 0
            group, shard = Cut(ROW_GROUP_BYTES), Cut(shard_bytes)
        start = 0
        for end, ends_shard in _cuts(batch, group, shard):
            yield place, number, pl.concat([*held, batch[start:end]])
            held, start, number = [], end, number + ends_shard
        if start < batch.height:
            held.append(batch[start:])
    if held:
        yield place, number, pl.concat(held)


def _by_place(rows: Iterable[pl.DataFrame]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Documents that are in one split of one config, with these."""
    for batch in rows:
        for part in batch.partition_by("split", "subset", maintain_order=True):
            split, subset = part.select("split", "subset").row(0)
            yield f"{subset}/{split}" if subset else split, part


def _cuts(batch: pl.DataFrame, group: Cut, shard: Cut) -> Iterator[tuple[int, bool]]:
    """Rows before which a row group ends, and whether a shard ends there too."""
    sizes, places = batch["text"].str.len_bytes().to_list(), hash64(batch["id"]).tolist()
    for end, (size, place) in enumerate(zip(sizes, places, strict=True), start=1):
        ends_group, ends_shard = group.ends(size, place), shard.ends(size, place)
        if ends_group or ends_shard:
            group.size = 0
            yield end, ends_shard


def _write_shard(path: Path, groups: Iterable[pl.DataFrame]) -> None:
    with path.open("wb") as stream:
        with pq.ParquetWriter(
            stream,
            SCHEMA,
            compression="zstd",
            compression_level=LEVEL,
            use_dictionary=REPEATING,
            use_content_defined_chunking=CHUNKS,
            write_page_index=True,
        ) as writer:
            for documents in groups:
                table = documents.select(SCHEMA.names).to_arrow(compat_level=pl.CompatLevel.oldest())
                writer.write_table(table.cast(SCHEMA).combine_chunks(), row_group_size=len(documents) or None)
        stream.flush()
        os.fsync(stream.fileno())


def _named(path: Path, place: str, number: int, count: int) -> str:
    name = f"{place}-{number:05d}-of-{count:05d}.parquet"
    path.rename(path.with_name(name.rsplit("/", 1)[-1]))
    return name
