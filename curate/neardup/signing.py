"""Tasks of the stage `dedup`: signatures of the documents, and their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import polars as pl

from curate.neardup import shingles
from curate.neardup.files import WRITE_NUMBERS, Partitioned, Whole, numbered, texts_of
from curate.tasks import File, Rows, read
from curate.text import hash64

_NO_KEYS = pl.DataFrame(schema={"key": pl.UInt64, "row": pl.UInt32})


class Ordering(Whole):
    """Which documents come first, and how many are a sample."""

    keep: Literal["longest", "earliest", "first"]
    audit: int


def sign(inputs: Sequence[File], config: Partitioned) -> Rows:
    """Task: what is compared of the documents of a shard."""
    waiting: list[pl.DataFrame] = []
    for texts in texts_of(inputs[0], ["id", "published", "source", "record"]):
        signed = shingles.sign(texts["text"].to_list())
        about = {"exact": signed.exact, "size": signed.sizes, "keys": signed.keys.lengths, "rate": signed.rates}
        columns = {name: pl.Series(column) for name, column in about.items()}
        yield "documents", texts.drop("text").with_columns(**columns)
        waiting.append(pl.DataFrame({"key": signed.keys.values, "row": texts["row"].gather(signed.keys.owners)}))
        if sum(frame.height for frame in waiting) > WRITE_NUMBERS:
            yield from _scatter(pl.concat(waiting), config.partitions)
            waiting = waiting[:0]
    yield from _scatter(pl.concat([_NO_KEYS, *waiting]), config.partitions)
    return {}


def order(inputs: Sequence[File], config: Ordering) -> Rows:
    """Task: for the rows of each shard, rank and the rank of the first document with the same id or text.

    Input: the documents of all shards. Part `sizes` describes the signatures by rank.
    """
    documents = pl.concat(read(file).with_columns(shard=pl.lit(i, pl.UInt32)) for i, file in enumerate(inputs))
    documents = documents.sort(_preference(config.keep), nulls_last=True, maintain_order=True).with_row_index("rank")
    documents = documents.with_columns(namesake=pl.col("rank").first().over("id"))
    same = pl.when(pl.col("size") > 0).then(pl.col("rank").first().over("exact")).otherwise("rank")
    distinct = documents.filter(pl.col("namesake") == pl.col("rank")).select("rank", original=same)
    documents = documents.join(distinct, left_on="namesake", right_on="rank", maintain_order="left")
    yield "sizes", documents.select("keys", "rate")
    chosen = documents.filter((pl.col("original") == pl.col("rank")) & (pl.col("size") > 0))
    chosen = chosen.with_columns(chance=hash64(chosen["id"])).sort("chance").head(config.audit)
    yield "sample", chosen.select(first="rank", second="rank")
    for number in range(config.shards):
        ranks = documents.filter(shard=number).sort("row")
        yield numbered("ranks", number), ranks.select("rank", "original", namesake=pl.col("namesake") != pl.col("rank"))
    return {"copies": documents.filter(pl.col("original") != pl.col("rank")).height}


def _preference(keep: str) -> list[pl.Expr]:
    """Sort keys of documents: the preferred first, ties by id, and whatever is left by content and place."""
    by = {"longest": [-pl.col("size").cast(pl.Int64)], "earliest": [pl.col("published")], "first": []}
    ties = ["source", "record", "id"] if keep == "first" else ["id", "exact", "source", "record"]
    return [*by[keep], *map(pl.col, ties)]


def _scatter(keys: pl.DataFrame, partitions: int) -> Iterator[tuple[str, pl.DataFrame]]:
    """Keys by partition. A part is written in large pieces, not in one for each batch of texts."""
    for number in range(partitions):
        yield numbered("keys", number), keys.filter(pl.col("key") % partitions == number)
