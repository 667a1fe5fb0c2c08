"""Stage split: every document goes to train, validation or test, and near-duplicates go together.

The split is a function of the salt and the near-duplicate cluster alone, so it does not depend on order, on workers or
on what else is in the corpus. Test takes the lowest hashes and validation the highest: raising a share takes documents
from train only. An id that the corpus holds more than once keeps its first document, by source and record.

Source: hash splits as in CCNet and the TFDS splits API, with the cluster as the key, as "Deduplicating Training Data
Makes Language Models Better" (Lee et al. 2022) asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import polars as pl
from pydantic import Field, model_validator

from curate.document import drop
from curate.section import Section
from curate.tasks import File, Rounds, Rows, batches, read
from curate.text import hash64

VERSION = 1

SPLITS = ("train", "validation", "test")
"""In the order in which releases list them."""
BUCKET_ROWS = 1_000_000
"""Ids that are compared in one task; some 150 MB."""


class Config(Section):
    """How documents are split. Near-duplicates never cross splits."""

    validation: float = Field(0.05, ge=0, lt=1, description="Share of clusters in validation; 0 for none.")
    test: float = Field(0.05, ge=0, lt=1, description="Share of clusters in test; 0 for none.")
    salt: str = Field("curate", description="Another salt gives another split.")

    @model_validator(mode="after")
    def _train_is_left(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing for train: their sum must be below 1")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The splits asked for."""
        shares = {"train": 1.0, "validation": self.validation, "test": self.test}
        return tuple(name for name in SPLITS if shares[name])


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Add `split`, and `cluster` where dedup is off; drop what `prepare` found under an earlier document's id."""
    cluster = pl.coalesce("cluster", "id") if "cluster" in batch.columns else pl.col("id")
    batch = batch.with_columns(cluster=cluster)
    batch = batch.with_columns(split=assign(batch["cluster"], config))
    return drop(batch, pl.col("first").is_not_null(), "duplicate id", pl.col("first")).drop("first")


def assign(clusters: pl.Series, config: Config) -> pl.Series:
    """The split of each cluster."""
    place = hash64(config.salt + "\0" + clusters)
    test, validation = place < int(config.test * 2**64), ~place < int(config.validation * 2**64)
    frame = pl.DataFrame({"test": test, "validation": validation})
    return frame.select(split=pl.when("test").then(pl.lit("test")).when("validation").then(pl.lit("validation"))
                        .otherwise(pl.lit("train")))["split"]  # fmt: skip


def prepare(shards: Sequence[File], config: Config, rounds: Rounds) -> list[File]:
    """A file a shard with column `first`: where the first document of this id stands; null for the first itself."""
    buckets = -(-sum(shard.rows for shard in shards) // BUCKET_ROWS) or 1
    scattered = rounds.run("ids", scatter_ids, [[shard] for shard in shards], _Buckets(buckets=buckets))
    groups = [[done.files[part] for done in scattered] for part in _parts(buckets)]
    found = rounds.run("duplicates", find_duplicates, groups, Section())
    repeated = [done.files["repeated"] for done in found if done.files["repeated"].rows]
    numbers = [_Shard(shard=number) for number in range(len(shards))]
    verdicts = rounds.run("verdict", list_verdicts, [[shard, *repeated] for shard in shards], numbers)
    return [done.files["verdict"] for done in verdicts]


class _Buckets(Section):
    buckets: int


class _Shard(Section):
    shard: int


def scatter_ids(inputs: Sequence[File], config: _Buckets) -> Rows:
    """Task: the ids of a shard, and where they stand, by hash into buckets."""
    row = 0
    for batch in batches(inputs[0], ["id", "source", "record"]):
        ids = batch.with_row_index("row", row).with_columns(bucket=hash64(batch["id"]) % config.buckets)
        for number, part in enumerate(_parts(config.buckets)):
            yield part, ids.filter(bucket=number).drop("bucket")
        row += batch.height
    return {}


def find_duplicates(inputs: Sequence[File], config: Section) -> Rows:
    """Task: the documents of a bucket whose id an earlier one has. Input: the bucket's file of each shard, in order."""
    shards = [read(file).with_columns(shard=pl.lit(number, pl.UInt32)) for number, file in enumerate(inputs)]
    repeated = pl.concat(shards).filter(pl.col("id").is_duplicated()).sort("id", "source", "record", "shard", "row")
    where = pl.format("first in {}, record {}", pl.col("source").first(), pl.col("record").first()).over("id")
    yield (
        "repeated",
        repeated.with_columns(first=where).filter(~pl.col("id").is_first_distinct()).select("shard", "row", "first"),
    )
    return {}


def list_verdicts(inputs: Sequence[File], config: _Shard) -> Rows:
    """Task: what was found in all buckets on one shard, row by row. Inputs: the shard, then the buckets' findings."""
    shard, *findings = inputs
    found = pl.concat([_nothing(), *(read(file).filter(shard=config.shard) for file in findings)])
    row = 0
    for batch in batches(shard, ["id"]):
        rows = batch.with_row_index("row", row).join(found, on="row", how="left", maintain_order="left")
        yield "verdict", rows.select("first")
        row += batch.height
    return {}


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={"shard": pl.UInt32, "row": pl.UInt32, "first": pl.String})


def _parts(buckets: int) -> Iterator[str]:
    return (f"bucket-{number:05d}" for number in range(buckets))
