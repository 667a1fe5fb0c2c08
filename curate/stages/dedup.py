"""Stage dedup: of documents with the same text, or nearly the same, one is kept.

News is syndicated: one wire story stands on forty sites with another headline, cut, reordered, wrapped in furniture.
Copies make a model learn by heart, and a copy in test of what is in train makes a score a lie ("Deduplicating Training
Data Makes Language Models Better", Lee et al. 2022). How near-duplicates are found is in minhash.py.

`prepare` runs rounds of file tasks, none of which holds more than a part of the corpus, but numbers:

    signatures   a shard              id, size and exact hash of each document; sampled shingles, partitioned by hash
    order        all documents        rank of each document, the preferred ones first; exact copies found
    candidates   a partition          pairs of documents that share sampled shingles
    pairs        a partition          the pairs worth verifying, each once
    shingles     a shard              all shingles of the documents in those pairs
    verified     a partition          the pairs that are near-duplicates, with their similarity
    clusters     all verified pairs   for each shard, row by row, what each document is a copy of

Ranks are the only numbers of documents that leave a shard, and ties in rank go by id: the result depends neither on the
order of the input nor on shards and workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field

from curate import minhash
from curate.document import drop
from curate.minhash import Capped, Pairs, Ragged, Verified
from curate.section import Section
from curate.tasks import Done, File, Rounds, Rows, batches, read

VERSION = 1

PARTITION_DOCUMENTS = 100_000
"""Documents of the corpus for each partition of its keys and pairs; some 300 MB."""


class Config(Section):
    """What counts as a copy, and which copy is kept."""

    threshold: float = Field(
        0.55,
        gt=0,
        le=1,
        description="Documents this similar are near-duplicates: Jaccard similarity of their shingles.",
    )
    containment: float = Field(
        0.8,
        gt=0,
        le=1,
        description="So are documents of which the smaller has this share of its shingles in the larger.",
    )
    shingle: int = Field(3, ge=1, le=minhash.MAX_SHINGLE, description="Tokens in a shingle.")
    keep: Literal["longest", "earliest", "first"] = Field(
        "longest",
        description="Which document of a cluster is kept: that with most tokens, the earliest published, or the first "
        "by source and record; ties go by id.",
    )


class _Whole(Section):
    """The corpus, as a task must know it."""

    documents: int
    shards: int
    partitions: int


class _Ordering(_Whole):
    keep: Literal["longest", "earliest", "first"]


class _Shingling(_Whole):
    shingle: int


class _Similarity(_Whole):
    threshold: float
    containment: float


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Drop what `prepare` found to be a copy; `cluster` is the id of the document that is kept."""
    shares = [(100 * pl.col(name)).floor().cast(pl.Int64) for name in ("similarity", "containment")]
    near = pl.format("of {}: similarity {}%, containment {}%", "duplicate_of", *shares)
    batch = drop(batch, pl.col("copy") == "id", "exact duplicate", pl.lit("another document has its id"))
    batch = drop(batch, pl.col("copy") == "exact", "exact duplicate", pl.format("same text as {}", "duplicate_of"))
    batch = drop(batch, pl.col("copy") == "near", "near-duplicate", near)
    return batch.drop("copy", "duplicate_of", "similarity", "containment")


def prepare(shards: Sequence[File], config: Config, rounds: Rounds) -> list[File]:
    """A file a shard with `cluster` and, for copies, `copy` (id, exact or near), `duplicate_of` and similarities."""
    if not shards:
        return []
    documents = sum(shard.rows for shard in shards)
    partitions = range(-(-documents // PARTITION_DOCUMENTS) or 1)
    whole = {"documents": documents, "shards": len(shards), "partitions": len(partitions)}
    plain = _Whole(**whole)

    signed = rounds.run("signatures", sign, [[shard] for shard in shards], plain)
    found = _files(signed, "documents")
    ordered = rounds.run("order", order, [found], _Ordering(**whole, keep=config.keep))[0].files
    ranks = [ordered[_part("ranks", number)] for number in range(len(shards))]

    keys = [[*_files(signed, _part("keys", number)), *ranks] for number in partitions]
    paired = rounds.run("candidates", pair_up, keys, plain)
    candidates = [[ordered["sizes"], *_files(paired, _part("pairs", number))] for number in partitions]
    pairs = _files(rounds.run("pairs", choose_pairs, candidates, plain), "pairs")

    wanted = [[shard, place, *pairs] for shard, place in zip(shards, ranks, strict=True)]
    sets = rounds.run("shingles", list_shingles, wanted, _Shingling(**whole, shingle=config.shingle))
    checks = [[pairs[number], *_files(sets, _part("sets", number))] for number in partitions]
    bounds = _Similarity(**whole, threshold=config.threshold, containment=config.containment)
    alike = _files(rounds.run("verified", verify, checks, bounds), "alike")

    judged = rounds.run("clusters", judge, [[*found, *ranks, *alike]], bounds)[0].files
    return [judged[_part("verdicts", number)] for number in range(len(shards))]


def sign(inputs: Sequence[File], config: _Whole) -> Rows:
    """Task: what is compared of the documents of a shard."""
    for texts in _texts(inputs[0], ["id", "published", "source", "record"]):
        signed = minhash.sign(texts["text"].to_list())
        yield (
            "documents",
            texts.drop("text").with_columns(
                exact=signed.exact, size=signed.sizes, keys=signed.keys.lengths, rate=signed.rates
            ),
        )
        keys = pl.DataFrame({"key": signed.keys.values, "row": texts["row"].gather(signed.keys.owners)})
        for number in range(config.partitions):
            yield _part("keys", number), keys.filter(pl.col("key") % config.partitions == number)
    return {}


def order(inputs: Sequence[File], config: _Ordering) -> Rows:
    """Task: for the rows of each shard, rank and the rank of the first document with the same id or text.

    Input: the documents of all shards. Part `sizes` describes the signatures by rank.
    """
    documents = pl.concat(read(file).with_columns(shard=pl.lit(i, pl.UInt32)) for i, file in enumerate(inputs))
    documents = documents.sort(_preference(config.keep), nulls_last=True).with_row_index("rank")
    documents = documents.with_columns(namesake=pl.col("rank").first().over("id"))
    same = pl.when(pl.col("size") > 0).then(pl.col("rank").first().over("exact")).otherwise("rank")
    distinct = documents.filter(pl.col("namesake") == pl.col("rank")).select("rank", original=same)
    documents = documents.join(distinct, left_on="namesake", right_on="rank", maintain_order="left")
    yield "sizes", documents.select("keys", "rate")
    for number in range(config.shards):
        yield _part("ranks", number), documents.filter(shard=number).sort("row").select("rank", "original")
    return {"copies": documents.filter(pl.col("original") != pl.col("rank")).height}


def pair_up(inputs: Sequence[File], config: _Whole) -> Rows:
    """Task: pairs of documents with sampled shingles in common. Inputs: a partition's keys of each shard, ranks."""
    keys = pl.concat(map(_ranked, inputs[: config.shards], inputs[config.shards :]))
    capped = Capped()
    found = minhash.find_pairs(keys["key"].to_numpy(), keys["rank"].to_numpy(), config.documents, capped)
    for pairs in chain([minhash.NO_PAIRS], found):
        for number in range(config.partitions):
            yield _part("pairs", number), _frame(pairs).filter(pl.col("first") % config.partitions == number)
    return {"capped_buckets": capped.buckets, "largest_bucket": capped.largest}


def choose_pairs(inputs: Sequence[File], config: _Whole) -> Rows:
    """Task: the pairs to verify. Inputs: the documents' sizes, then a partition's pairs from each part of the keys."""
    sizes, *parts = inputs
    pairs = minhash.merged([Pairs(*_columns(read(part))) for part in parts])
    chosen = minhash.promising(pairs, *_columns(read(sizes)))
    yield "pairs", _frame(chosen)
    return {"candidate_pairs": len(pairs.first), "verified_pairs": len(chosen.first)}


def list_shingles(inputs: Sequence[File], config: _Shingling) -> Rows:
    """Task: the shingles of the documents of a shard that are in a pair. Inputs: shard, its ranks, all pairs."""
    shard, place, *parts = inputs
    ranks = read(place)["rank"]
    wanted = [_is_wanted(read(pairs), config.documents) for pairs in parts]
    anywhere = np.logical_or.reduce(wanted)
    for texts in _texts(shard, []):
        texts = texts.with_columns(rank=ranks.gather(texts["row"]))
        texts = texts.filter(anywhere[texts["rank"].to_numpy()])
        sets = minhash.text_sets(texts["text"].to_list(), config.shingle)
        for number, needed in enumerate(wanted):
            chosen = np.flatnonzero(needed[texts["rank"].to_numpy()])
            yield _part("sets", number), _lists(texts["rank"].gather(chosen), sets.take(chosen))
    return {}


def verify(inputs: Sequence[File], config: _Similarity) -> Rows:
    """Task: the pairs that are near-duplicates. Inputs: a partition's pairs, and the shingles in it from each shard."""
    frames = [frame for file in inputs[1:] for frame in batches(file)]
    ranks = pl.concat(frame["rank"] for frame in frames).to_numpy()
    sets = minhash.stacked([_sets(frame["shingles"]) for frame in frames])
    checked = minhash.verify(Pairs(*_columns(read(inputs[0]))), sets, ranks)
    yield "alike", _frame(minhash.relevant(checked, config.threshold, config.containment))
    return {}


def judge(inputs: Sequence[File], config: _Similarity) -> Rows:
    """Task: the verdict on every row of each shard. Inputs: documents and ranks of the shards, the verified pairs."""
    count = config.shards
    documents = pl.concat(
        read(found).select("id", "exact").hstack(read(place)).with_columns(shard=pl.lit(number, pl.UInt32))
        for number, (found, place) in enumerate(zip(inputs[:count], inputs[count : 2 * count], strict=True))
    )
    alike = Verified(*_columns(pl.concat(read(file) for file in inputs[2 * count :])))
    members = minhash.assign(config.documents, alike, config.threshold, config.containment)
    verdicts = _verdicts(documents, members)
    for number in range(count):
        yield _part("verdicts", number), verdicts.filter(documents["shard"] == number)
    return {"near_copies": verdicts.filter(copy="near").height}


def _verdicts(documents: pl.DataFrame, members: Verified) -> pl.DataFrame:
    """What each document is a copy of: always of one that is kept, also where that is a copy's original."""
    pairs = _frame(members).rename({"first": "kept", "second": "original"})
    names = documents.select(kept="rank", name="id")
    judged = (
        documents.with_columns(namesake=pl.col("rank") != pl.col("rank").min().over("id"))
        .join(pairs, on="original", how="left", maintain_order="left")
        .with_columns(kept=pl.coalesce("kept", "original"))
        .join(names, on="kept", how="left", maintain_order="left")
    )
    is_copy, near = pl.col("kept") != pl.col("rank"), pl.col("jaccard").is_not_null()
    copy = pl.when("namesake").then(pl.lit("id")).when(near).then(pl.lit("near")).otherwise(pl.lit("exact"))
    return judged.select(
        cluster="name",
        copy=pl.when(is_copy).then(copy),
        duplicate_of=pl.when(is_copy).then("name"),
        similarity=pl.when(is_copy).then("jaccard"),
        containment=pl.when(is_copy).then("containment"),
    )


def _preference(keep: str) -> list[pl.Expr]:
    """Sort keys of documents: the preferred first, ties by id, and whatever is left by content and place."""
    by = {"longest": [-pl.col("size").cast(pl.Int64)], "earliest": [pl.col("published")], "first": []}
    ties = ["source", "record", "id"] if keep == "first" else ["id", "exact", "source", "record"]
    return [*by[keep], *map(pl.col, ties)]


def _texts(shard: File, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The texts of a shard with their row, a few megabytes at a time."""
    row = 0
    for batch in batches(shard, [*columns, "text"]):
        numbered = batch.with_columns(pl.col("text").fill_null("")).with_row_index("row", row)
        for start, end in minhash.batches(batch["text"].to_list()):
            yield numbered[start:end]
        if not batch.height:
            yield numbered
        row += batch.height


def _ranked(keys: File, places: File) -> pl.DataFrame:
    """The keys of a shard's documents by rank, without copies of others."""
    ranks = read(places)
    owners = read(keys).select("key", rank=pl.col("row"))
    return (
        owners.with_columns(
            rank=ranks["rank"].gather(owners["rank"]), original=ranks["original"].gather(owners["rank"])
        )
        .filter(pl.col("original") == pl.col("rank"))
        .select("key", pl.col("rank").cast(pl.Int64))
    )


def _frame(columns: Pairs | Verified) -> pl.DataFrame:
    return pl.DataFrame(columns._asdict(), schema_overrides={"first": pl.UInt32, "second": pl.UInt32})


def _columns(frame: pl.DataFrame) -> list[Any]:
    """The columns of a frame as arrays; ranks as signed numbers, which numpy counts with."""
    return [column.to_numpy().astype(np.int64 if column.dtype.is_integer() else np.float64) for column in frame]


def _is_wanted(pairs: pl.DataFrame, documents: int) -> npt.NDArray[np.bool_]:
    wanted = np.zeros(documents, bool)
    wanted[pairs["first"].to_numpy()] = True
    wanted[pairs["second"].to_numpy()] = True
    return wanted


def _lists(ranks: pl.Series, sets: Ragged) -> pl.DataFrame:
    values = pa.LargeListArray.from_arrays(sets.offsets, sets.values)
    return pl.DataFrame({"rank": ranks, "shingles": pl.Series(values, dtype=pl.List(pl.UInt64))})


def _sets(lists: pl.Series) -> Ragged:
    lengths = lists.list.len().to_numpy()
    values = lists.explode(empty_as_null=False, keep_nulls=False).to_numpy()
    return Ragged(values, np.append(0, np.cumsum(lengths, dtype=np.int64)))


def _files(tasks: Sequence[Done], part: str) -> list[File]:
    return [done.files[part] for done in tasks]


def _part(name: str, number: int) -> str:
    return f"{name}-{number:05d}"
