"""Tasks of the stage `dedup`: signatures of the documents, and their order.

A signature holds the tokens of a document as 32-bit hashes: all that later rounds read of it. It depends on the
document alone, so those of a file that did not change, such as an earlier release, are not made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.neardup import shingles
from curate.neardup.arrays import Flags, Ranks, first_of
from curate.neardup.files import (
    PLACE,
    WRITE_NUMBERS,
    Partitioned,
    Whole,
    lists_of,
    numbered,
    texts_of,
    tokens_of,
)
from curate.section import Section
from curate.tasks import File, Rows, batches, read
from curate.text import Hashes, Positions, hash64

_NO_KEYS = pl.DataFrame(schema={"key": pl.UInt64, "row": pl.UInt32})


class Signing(Section):
    """Which signatures these are: those of another version do not compare, and are made anew."""

    version: int = shingles.VERSION


class Ordering(Whole):
    """Which documents come first, and how many are a sample. The first `earlier` shards are of other datasets."""

    keep: Literal["longest", "earliest", "first"]
    audit: int
    earlier: int = 0
    standing: tuple[int, ...] = ()  # of the last inputs, released shards: how firmly what is in each stands


def sign(inputs: Sequence[File], config: Signing) -> Rows:
    """Task: the signatures of the documents of a shard, or of a file of another dataset."""
    for texts in texts_of(inputs[0], PLACE):
        tokens = shingles.tokens(texts["text"].to_list())
        about = {"exact": pl.Series(shingles.whole(tokens)), "size": pl.Series(tokens.lengths)}
        yield "documents", texts.drop("text").with_columns(**about)
        yield "tokens", lists_of(tokens, pl.UInt32)
    return {}


def list_keys(inputs: Sequence[File], config: Partitioned) -> Rows:
    """Task: the sampled shingles of the documents of a shard, by partition. Input: their tokens."""
    waiting = [_NO_KEYS]
    row = 0
    for tokens in tokens_of(inputs[0]):
        signed = shingles.sign(tokens)
        yield "sampled", pl.DataFrame({"keys": signed.keys.lengths, "rate": signed.rates})
        rows = (row + signed.keys.owners).astype(np.uint32)
        waiting.append(pl.DataFrame({"key": signed.keys.values, "row": rows}))
        row += len(signed.sizes)
        if sum(frame.height for frame in waiting) > WRITE_NUMBERS:
            yield from _scatter(pl.concat(waiting), config.partitions)
            waiting = waiting[:1]
    yield from _scatter(pl.concat(waiting), config.partitions)
    return {}


def order(inputs: Sequence[File], config: Ordering) -> Rows:
    """Task: for the rows of each shard, rank, the rank of the first document with the same id or text, and standing.

    Inputs: the documents of all shards, what is sampled of each, and released shards, of which the ids are read. Part
    `sizes` describes the signatures by rank.
    """
    count = config.shards
    files, sampled, released = inputs[:count], inputs[count : 2 * count], inputs[2 * count :]
    names = np.concatenate([hash64(read(file, ["id"])["id"]) for file in files])
    standing = _standing(names, list(zip(config.standing, released, strict=True)))
    by_rank = _by_rank(files, standing, config)
    chance = names[by_rank]
    numbers = pl.concat(read(file, ["exact", "size"]) for file in files)[by_rank]
    original, namesake = _originals(chance, numbers["exact"].to_numpy(), numbers["size"].to_numpy())
    yield "sizes", pl.concat(read(file) for file in sampled)[by_rank]

    ranks = np.arange(len(by_rank))
    given = sum(file.rows for file in files[: config.earlier])
    alone = np.flatnonzero((original == ranks) & (numbers["size"].to_numpy() > 0) & (ranks >= given))
    chosen = alone[np.argsort(chance[alone], kind="stable")[: config.audit]].astype(np.uint32)
    yield "sample", pl.DataFrame({"first": chosen, "second": chosen})

    places = np.empty(len(by_rank), np.int64)
    places[by_rank] = ranks
    table = pl.DataFrame({"rank": ranks.astype(np.uint32), "original": original.astype(np.uint32)})
    table = table.with_columns(namesake=pl.Series(namesake), standing=pl.Series(standing[by_rank]))[places]
    for number, end in enumerate(np.cumsum([file.rows for file in files]).tolist()):
        yield numbered("ranks", number), table[end - files[number].rows : end]
    return {"copies": int((original != ranks).sum())}


def _standing(names: Hashes, released: Sequence[tuple[int, File]]) -> npt.NDArray[np.int8]:
    """The highest standing that released shards give the documents of these names; 0 for what is in none."""
    known, which = np.unique(names, return_inverse=True)
    standing = np.zeros(len(known) + 1, np.int8)  # the last is for names that are not here
    for number, file in released if len(known) else ():
        for batch in batches(file, ["id"], rows=65536):
            asked = hash64(batch["id"])
            place = np.searchsorted(known, asked)
            place[known[np.minimum(place, len(known) - 1)] != asked] = len(known)
            standing[place] = np.maximum(standing[place], number)
    return standing[which]


def _by_rank(files: Sequence[File], standing: npt.NDArray[np.int8], config: Ordering) -> Ranks:
    """The documents, as rows of all files together, in the order in which they are preferred."""
    keys = _preference(config.keep)
    columns = sorted({name for key in keys for name in key.meta.root_names()})
    frames = (read(file, columns).with_columns(later=i >= config.earlier) for i, file in enumerate(files))
    documents = pl.concat(frames).with_columns(standing=pl.Series(-standing))
    by = [pl.col("later"), pl.col("standing"), *keys]
    return documents.select(pl.arg_sort_by(by, nulls_last=True, maintain_order=True)).to_series().to_numpy()


def _originals(names: Hashes, exact: Hashes, sizes: Positions) -> tuple[Ranks, Flags]:
    """By rank: the first document with the same text or id, and whether one before has the same id."""
    first = first_of(names)
    distinct = np.flatnonzero(first == np.arange(len(first)))
    same = np.where(sizes[distinct] > 0, distinct[first_of(exact[distinct])], distinct)
    originals = np.empty(len(first), np.int64)
    originals[distinct] = same
    return originals[first], first != np.arange(len(first))


def _preference(keep: str) -> list[pl.Expr]:
    """Sort keys of documents: the preferred first, ties by id, and whatever is left by content and place."""
    by = {"longest": [-pl.col("size").cast(pl.Int64)], "earliest": [pl.col("published")], "first": []}
    ties = ["source", "record", "id"] if keep == "first" else ["id", "exact", "source", "record"]
    return [*by[keep], *map(pl.col, ties)]


def _scatter(keys: pl.DataFrame, partitions: int) -> Iterator[tuple[str, pl.DataFrame]]:
    """Keys by partition. A part is written in large pieces, not in one for each batch of texts."""
    for number in range(partitions):
        yield numbered("keys", number), keys.filter(pl.col("key") % partitions == number)
