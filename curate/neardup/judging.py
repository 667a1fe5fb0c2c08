"""Tasks of the stage `dedup`: verified pairs -> a verdict on each document.

What is held of all documents is two numbers, and of the verified pairs; ids are held of those that have copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from curate.neardup.arrays import Flags, Numbers, Ranks, blocks, places_in
from curate.neardup.files import Bounds, Whole, columns_of, numbered
from curate.neardup.representatives import assign
from curate.neardup.similarity import Verified
from curate.tasks import END, File, Rows, read

_WRITTEN_AT_ONCE = 1 << 16


class Judging(Whole, Bounds):
    """The corpus, and what is a near-duplicate in it. The first `earlier` shards are of other datasets."""

    earlier: int = 0


@dataclass(frozen=True)
class _Clusters:
    """Which documents are kept for which, by rank."""

    kept: Numbers  # the representative of each document; of a copy of the same text, itself
    near: Verified  # those that are near their representative, ascending
    names: pl.Series  # ids of the documents that have copies
    named: Ranks  # whose ids these are, ascending
    standing: npt.NDArray[np.int8]
    earlier: int  # documents of other datasets: the first by rank


def judge(inputs: Sequence[File], config: Judging) -> Rows:
    """Task: the verdict on every row of each shard. Inputs: documents and ranks of the shards, the verified pairs."""
    count = config.shards
    documents, places, pairs = inputs[:count], inputs[count : 2 * count], inputs[2 * count :]
    near = assign(_verified(pairs), config.threshold, config.containment)
    kept = np.arange(config.documents, dtype=np.uint32)
    kept[near.second] = near.first
    standing = np.zeros(config.documents, np.int8)
    has_copies = np.zeros(config.documents, bool)
    for place in map(read, places):
        rank, original = place["rank"].to_numpy(), place["original"].to_numpy()
        standing[rank] = place["standing"].to_numpy()
        has_copies[kept[original][kept[original] != rank]] = True
    named, names = _names(documents, places, has_copies)
    clusters = _Clusters(kept, near, names, named, standing, sum(file.rows for file in places[: config.earlier]))
    for number in range(config.earlier, count):
        part = numbered("verdicts", number)
        yield part, _verdicts(read(places[number]), clusters)
        yield part, END
    for block in blocks(config.documents, _WRITTEN_AT_ONCE) or [slice(0)]:
        yield "kept", pl.DataFrame({"kept": kept[block]})
    return {"near_copies": len(near.second)}


def _verified(pairs: Sequence[File]) -> Verified:
    return Verified(*columns_of(pl.concat(read(file) for file in pairs)))


def _names(documents: Sequence[File], places: Sequence[File], wanted: Flags) -> tuple[Ranks, pl.Series]:
    """The ids of some documents, and their ranks, ascending."""
    ids, ranks = [], []
    for file, place in zip(documents, places, strict=True):
        rank = read(place, ["rank"])["rank"]
        here = np.flatnonzero(wanted[rank.to_numpy()])
        found = read(file, ["id"])["id"].gather(here)
        ids.append(found.to_arrow(compat_level=pl.CompatLevel.oldest()))  # a copy of these alone
        ranks.append(rank.gather(here))
    order = pl.concat(ranks).arg_sort()
    names = pl.Series(pa.concat_arrays(ids), dtype=pl.String)
    return pl.concat(ranks).gather(order).to_numpy().astype(np.int64), names.gather(order)


def _verdicts(places: pl.DataFrame, clusters: _Clusters) -> pl.DataFrame:
    """What each document is a copy of: always of one that is kept, also where that is a copy's original.

    `conflict`: both were released, in different splits.
    """
    rank, original = places["rank"].to_numpy(), places["original"].to_numpy()
    kept = clusters.kept[original]
    near, name = places_in(original, clusters.near.second), places_in(kept, clusters.named)
    is_copy, stands = pl.Series(kept != rank), pl.Series(clusters.standing[kept])
    how = pl.when(places["namesake"]).then(pl.lit("id")).when(near.is_not_null()).then(pl.lit("near"))
    columns = {
        "name": clusters.names.gather(name),
        "similarity": pl.Series(clusters.near.jaccard).gather(near),
        "containment": pl.Series(clusters.near.containment).gather(near),
    }
    return pl.DataFrame(columns).select(
        copy=pl.when(is_copy).then(how.otherwise(pl.lit("exact"))),
        duplicate_of=pl.when(is_copy).then("name"),
        earlier=pl.Series(kept < clusters.earlier),
        conflict=(places["standing"] > 0) & (places["standing"] < stands),
        similarity=pl.when(is_copy).then("similarity"),
        containment=pl.when(is_copy).then("containment"),
    )
