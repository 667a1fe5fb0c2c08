"""Tasks of the stage `dedup`: verified pairs -> a verdict on each document."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from curate.neardup.files import Bounds, Whole, columns_of, frame_of, numbered
from curate.neardup.representatives import assign
from curate.neardup.similarity import Verified
from curate.tasks import File, Rows, read


class Judging(Whole, Bounds):
    """The corpus, and what is a near-duplicate in it. The first `earlier` shards are of other datasets."""

    earlier: int = 0


def judge(inputs: Sequence[File], config: Judging) -> Rows:
    """Task: the verdict on every row of each shard. Inputs: documents and ranks of the shards, the verified pairs."""
    count = config.shards
    places = [read(file) for file in inputs[count : 2 * count]]
    alike = Verified(*columns_of(pl.concat(read(file) for file in inputs[2 * count :])))
    members = frame_of(assign(config.documents, alike, config.threshold, config.containment))
    pairs = members.rename({"first": "kept", "second": "original"})
    judged = [place.join(pairs, on="original", how="left", maintain_order="left") for place in places]
    judged = [frame.with_columns(kept=pl.coalesce("kept", "original")) for frame in judged]
    yield "kept", pl.concat(frame.select("rank", "kept") for frame in judged).sort("rank").select("kept")
    names = _names(inputs[:count], places)
    standing = pl.concat(place.select("rank", "standing") for place in places).sort("rank")["standing"]
    given = sum(place.height for place in places[: config.earlier])
    for number, frame in enumerate(judged[config.earlier :], config.earlier):
        yield numbered("verdicts", number), _verdicts(frame, names, standing, given)
    return {"near_copies": members.height}


def _names(documents: Sequence[File], places: Sequence[pl.DataFrame]) -> pl.Series:
    """The ids of all documents by rank."""
    ids = pl.concat(read(file, ["id"])["id"] for file in documents)
    return ids.gather(pl.concat(place["rank"] for place in places).arg_sort())


def _verdicts(judged: pl.DataFrame, names: pl.Series, standing: pl.Series, earlier: int) -> pl.DataFrame:
    """What each document is a copy of: always of one that is kept, also where that is a copy's original.

    The first `earlier` ranks are those of other datasets. `conflict`: both were released, in different splits.
    """
    is_copy, near = pl.col("kept") != pl.col("rank"), pl.col("jaccard").is_not_null()
    copy = pl.when("namesake").then(pl.lit("id")).when(near).then(pl.lit("near")).otherwise(pl.lit("exact"))
    kept = standing.gather(judged["kept"])
    return judged.with_columns(name=names.gather(judged["kept"])).select(
        cluster="name",
        copy=pl.when(is_copy).then(copy),
        duplicate_of=pl.when(is_copy).then("name"),
        earlier=pl.col("kept") < earlier,
        conflict=(pl.col("standing") > 0) & (pl.col("standing") < kept),
        similarity=pl.when(is_copy).then("jaccard"),
        containment=pl.when(is_copy).then("containment"),
    )
