"""Kept documents in release order, whatever their number (curate/sorting.py).

Order: split, then config where there are some beside the default, then month of publication (the input file where the
date is unknown; these come first), then id. So what a new month brings stands at the end, what a source brings stands
together, and the next version uploads little again. The release is the sorted parts one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from curate import sorting
from curate.release import subsets
from curate.release.schema import released
from curate.section import Section
from curate.stages.split import SPLITS
from curate.tasks import File, Rounds, Rows, batches
from curate.text import hash64

RUN_BYTES = 128 << 20
"""Text that is sorted at once in one task."""
PART_BYTES = 64 << 20
"""Text of one sorted part, about."""
SAMPLE_BYTES = 1 << 20
"""Text from one sampled key to the next."""


class Subsets(Section):
    """Which configs a release has beside the default."""

    by: subsets.By | None


class Part(NamedTuple):
    """Some documents in release order: `key`, `split`, `subset` and the columns of a release; and for each of them
    `split`, `subset`, `size` (bytes of text) and `place` (hash of the id). A subset is the config that a document is in
    beside the default."""

    documents: File
    sizes: File


def sort(shards: Sequence[File], rounds: Rounds, configs: subsets.By | None = None) -> list[Part]:
    """All documents of `shards` in release order, one part after the other."""
    done = rounds.run("sort", sort_runs, [[shard] for shard in shards], Subsets(by=configs))
    ranges, runs = zip(*sorting.ranges(done, PART_BYTES), strict=True)
    return [Part(one.files["sorted"], one.files["sizes"]) for one in rounds.run("merge", merge_runs, runs, ranges)]


def sort_runs(inputs: Sequence[File], config: Subsets) -> Rows:
    """Task: a shard as sorted runs of at most RUN_BYTES of text, and a key for every SAMPLE_BYTES of them."""
    for number, documents in enumerate(_collect(inputs[0], config.by)):
        yield from sorting.run(documents, number, pl.col("text").str.len_bytes(), SAMPLE_BYTES)
    return {}


def merge_runs(inputs: Sequence[File], config: sorting.Range) -> Rows:
    """Task: what the runs hold in a range of keys, sorted."""
    documents = sorting.between(inputs, config)
    yield from (("sorted", piece) for piece in sorting.pieces(documents))
    place = pl.Series(hash64(documents["id"]))
    yield "sizes", documents.select("split", "subset", size=pl.col("text").str.len_bytes(), place=place)
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
