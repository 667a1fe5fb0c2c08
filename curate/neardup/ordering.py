"""Tasks of the stage `dedup`: the rank of every document, the preferred ones first, and exact copies.

What tells documents apart (size, date, id, source) is sorted by curate/sorting.py, some at a time. The one task that
sees all documents, `order`, holds numbers of them alone: at most some 40 bytes for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from curate import sorting
from curate.neardup.arrays import Flags, Numbers, blocks, first_of, offsets_of
from curate.neardup.files import Whole, numbered
from curate.section import Section
from curate.tasks import END, File, Rows, batches, read
from curate.text import Hashes, hash64

RANGE_ROWS = 500_000
"""Documents that are sorted in one task; some 200 MB."""
SAMPLE_ROWS = 1_000
"""Documents from one sampled key to the next."""
_WRITTEN_AT_ONCE = 1 << 16
_HASHES_AT_ONCE = 1 << 20

Keep = Literal["longest", "earliest", "first"]


class Preference(Section):
    """Which documents come first, and how many stand in the shards before."""

    keep: Keep
    start: int


class Ordering(Whole):
    """How many documents are a sample. The first `earlier` shards are of other datasets."""

    audit: int
    earlier: int = 0
    standing: tuple[int, ...] = ()  # of the last inputs, released shards: how firmly what is in each stands


def sort_run(inputs: Sequence[File], config: Preference) -> Rows:
    """Task: the documents of a shard as sorted runs. Input: who they are."""
    start = config.start
    for number, documents in enumerate(batches(inputs[0], rows=RANGE_ROWS)):
        rows = documents.select(
            key=pl.concat_str(*_preference(config.keep), separator="\0"),
            row=pl.int_range(start, start + documents.height, dtype=pl.UInt32),
            name=pl.Series(hash64(documents["id"])),
            exact="exact",
            empty=pl.col("size") == 0,
        )
        yield from sorting.run(rows, number, pl.repeat(1, pl.len()), SAMPLE_ROWS)
        start += documents.height
    return {}


def merge(inputs: Sequence[File], config: sorting.Range) -> Rows:
    """Task: what all runs hold in a range of keys, in order, without the keys."""
    yield "sorted", sorting.between(inputs, config).drop("key")
    return {}


def order(inputs: Sequence[File], config: Ordering) -> Rows:
    """Task: for the rows of each shard, rank, the rank of the first document with the same id or text, and standing.

    Inputs: all documents in order of preference, what is sampled of the documents of each shard, and released shards,
    of which the ids are read. What stands firmly goes before the others. Parts `sizes` and `sketches` describe the
    signatures by rank.
    """
    count, released = config.shards, len(config.standing)
    parts = inputs[: len(inputs) - count - released]
    sampled, earlier = inputs[len(parts) : len(parts) + count], inputs[len(parts) + count :]
    starts = offsets_of(np.array([file.rows for file in sampled]))
    given = int(starts[config.earlier])

    row, name, exact, empty = _columns(parts, config.documents)
    standing = _standing(name, list(zip(config.standing, earlier, strict=True)))
    if (firm := _firm_first(standing, row < given)) is not None:
        row, name, exact, empty, standing = row[firm], name[firm], exact[firm], empty[firm], standing[firm]
    namesake, original = _originals(name, exact, empty)
    del exact
    first = original == np.arange(config.documents, dtype=np.uint32)
    yield "sample", _sample(name, first & ~empty & (row >= given), config.audit)
    ranks = np.empty(config.documents, np.uint32)
    ranks[row] = np.arange(config.documents, dtype=np.uint32)
    del row, name, empty
    for number, (start, end) in enumerate(pairwise(starts.tolist())):
        rank = ranks[start:end]
        table = {"rank": rank, "original": original[rank], "namesake": namesake[rank], "standing": standing[rank]}
        yield numbered("ranks", number), pl.DataFrame(table)
        yield numbered("ranks", number), END
    del original, namesake, standing
    yield from _by_rank(sampled, ranks)
    return {"copies": int((~first).sum())}


def _columns(parts: Sequence[File], documents: int) -> tuple[Numbers, Hashes, Hashes, Flags]:
    """Of all documents in order: the number of their row, hashes of id and text, and whether the text has no token."""
    name, exact = np.empty(documents, np.uint64), np.empty(documents, np.uint64)
    row, empty = np.empty(documents, np.uint32), np.empty(documents, bool)
    end = 0
    for batch in chain.from_iterable(batches(part, rows=_WRITTEN_AT_ONCE) for part in parts):
        start, end = end, end + batch.height
        row[start:end], name[start:end] = batch["row"].to_numpy(), batch["name"].to_numpy()
        exact[start:end], empty[start:end] = batch["exact"].to_numpy(), batch["empty"].to_numpy()
    return row, name, exact, empty


def _standing(names: Hashes, released: Sequence[tuple[int, File]]) -> npt.NDArray[np.int8]:
    """The highest standing that released shards give the documents of these names; 0 for what is in none."""
    standing = np.zeros(len(names), np.int8)
    if not released:
        return standing
    asked = np.concatenate([hash64(batch["id"]) for _, file in released for batch in batches(file, ["id"], rows=65536)])
    levels = np.repeat(np.array([level for level, _ in released], np.int8), [file.rows for _, file in released])
    by_level = np.lexsort((levels, asked))
    asked, levels = asked[by_level], levels[by_level]  # the last of a name has its highest
    for block in blocks(len(names), _HASHES_AT_ONCE):
        last = np.maximum(np.searchsorted(asked, names[block], side="right") - 1, 0)
        standing[block] = np.where(asked[last] == names[block], levels[last], 0) if len(asked) else 0
    return standing


def _firm_first(standing: npt.NDArray[np.int8], given: Flags) -> Numbers | None:
    """Documents of other datasets, then those that stand firmly, then the others, each in the order that they have;
    None where that is how they stand."""
    group = -64 * given.astype(np.int8) - standing
    return np.argsort(group, kind="stable").astype(np.uint32) if group.any() else None


def _originals(name: Hashes, exact: Hashes, empty: Flags) -> tuple[Flags, Numbers]:
    """By rank: whether a document before has the same id, and the first document with the same text or id."""
    first = first_of(name)
    namesake = first != np.arange(len(first), dtype=np.uint32)
    original = first_of(exact, ~(namesake | empty))
    for block in blocks(len(first), _WRITTEN_AT_ONCE):
        first[block] = original[first[block]]
    return namesake, first


def _sample(name: Hashes, alone: Flags, size: int) -> pl.DataFrame:
    """Documents with a text of their own, chosen by hash of their id, as pairs with themselves."""
    chosen = np.empty(0, np.int64)
    for block in blocks(len(name), _HASHES_AT_ONCE):
        chosen = np.append(chosen, block.start + np.flatnonzero(alone[block]))
        chosen = chosen[np.argsort(name[chosen], kind="stable")[:size]]
    return pl.DataFrame({"first": chosen.astype(np.uint32), "second": chosen.astype(np.uint32)})


def _by_rank(sampled: Sequence[File], ranks: Numbers) -> Iterator[tuple[str, pl.DataFrame]]:
    keys, rates, sketches = np.empty(len(ranks), np.uint32), np.empty(len(ranks)), np.empty(len(ranks), np.uint64)
    start = 0
    for file in sampled:
        frame = read(file)
        here = ranks[start : start + frame.height]
        keys[here], rates[here] = frame["keys"].to_numpy(), frame["rate"].to_numpy()
        sketches[here] = frame["sketch"].to_numpy()
        start += frame.height
    for block in blocks(len(ranks), _WRITTEN_AT_ONCE) or [slice(0)]:
        yield "sizes", pl.DataFrame({"keys": keys[block], "rate": rates[block]})
        yield "sketches", pl.DataFrame({"sketch": sketches[block]})


def _preference(keep: Keep) -> list[pl.Expr]:
    """What documents are sorted by: the preferred first, ties by id, and whatever is left by content and place."""
    size = (2**32 - 1 - pl.col("size").cast(pl.Int64)).cast(pl.String).str.zfill(10)
    by = {"longest": [size], "earliest": [_or_last("published")], "first": []}
    place = [_or_last("source"), _or_last("record")]
    exact = pl.col("exact").cast(pl.String).str.zfill(20)
    return [*by[keep], *([*place, pl.col("id")] if keep == "first" else [pl.col("id"), exact, *place])]


def _or_last(name: str) -> pl.Expr:
    """A column as text that sorts as it does, what is unknown last."""
    text = pl.col(name).cast(pl.String)
    return pl.coalesce("0" + (text.str.zfill(20) if name == "record" else text), pl.lit("1"))
