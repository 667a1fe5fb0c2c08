"""Tasks of the stage `dedup`: candidate pairs, and their exact similarity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import polars as pl

from curate.neardup import similarity
from curate.neardup.arrays import (
    NO_RANKS,
    Flags,
    Numbers,
    Ragged,
    Ranks,
    blocks,
    distinct,
    is_in,
    stacked,
)
from curate.neardup.candidates import NO_PAIRS, PAIRS_AT_ONCE, Capped, Pairs, find_pairs, merged, pack, promising
from curate.neardup.files import (
    WRITE_NUMBERS,
    Bounds,
    Whole,
    columns_of,
    frame_of,
    lists_of,
    numbered,
    read_sets,
    rows_at,
    tokens_of,
)
from curate.neardup.shingles import sets
from curate.tasks import File, Rows, batches, read, size_of
from curate.text import Hashes, Positions

SHINGLE_BYTES = 64 << 20
"""Shingles that are held at a time, of which verifying takes three times as much."""


class Pairing(Whole):
    """Which pairs are asked for: all, or where each shard has a side, those of documents on different sides."""

    sides: tuple[int, ...] = ()


class Shingling(Whole):
    """What a shingle is."""

    shingle: int


def pair_up(inputs: Sequence[File], config: Pairing) -> Rows:
    """Task: pairs of documents with sampled shingles in common.

    Inputs: the sketches of all documents, a partition's keys of each shard, ranks; where only the pairs with some
    documents are asked for, the rows of these, a file for each of the last shards.
    """
    sketched, *files = inputs
    keys, places, changed = files[: config.shards], files[config.shards : 2 * config.shards], files[2 * config.shards :]
    entries = list(map(_entries, keys, places))
    ranks = distinct(np.concatenate([frame["rank"].to_numpy() for frame in entries])).astype(np.int64)
    sketches = rows_at(sketched, ranks)["sketch"].to_numpy()
    sides = _own_sides(places, changed, ranks) if changed else _sides(places, config.sides, ranks)
    capped = Capped()
    packed = [_packed(entries.pop(), ranks) for _ in keys]  # with places among these ranks as ranks
    found = find_pairs(np.concatenate(packed), sketches, capped, sides)
    del packed
    for pairs in chain([NO_PAIRS], found):
        frame = frame_of(pairs._replace(first=ranks[pairs.first], second=ranks[pairs.second]))
        for number in range(config.partitions):
            yield numbered("pairs", number), frame.filter(pl.col("first") % config.partitions == number)
    yield "capped", _counted(ranks, capped.keys(len(ranks)))
    return {"capped_buckets": capped.buckets, "largest_bucket": capped.largest}


def sum_capped(inputs: Sequence[File], config: Whole) -> Rows:
    """Task: by rank, how many keys of each document are in capped buckets. Inputs: those of each partition."""
    capped = np.zeros(config.documents, np.uint32)
    for batch in chain.from_iterable(batches(file, rows=65536) for file in inputs):
        capped[batch["rank"].to_numpy()] += batch["capped"].to_numpy()
    for block in blocks(config.documents, 65536) or [slice(0)]:
        yield "capped", pl.DataFrame({"capped": capped[block]})
    return {}


def choose_pairs(inputs: Sequence[File], config: Whole) -> Rows:
    """Task: the pairs to verify. Inputs: the documents' sizes, their keys in capped buckets, then a partition's pairs
    from each part of the keys.

    A partition with more pairs than are held at once is read several times, for some of the documents each time.
    """
    sizes, capped, *parts = inputs
    times = 1 + sum(part.rows for part in parts) // PAIRS_AT_ONCE
    candidates = verified = 0
    for time in range(times):
        some = pl.col("first") // config.partitions % times == time if times > 1 else pl.lit(True)
        pairs = merged([Pairs(*columns_of(_filtered(part, some))) for part in parts])
        chosen = _promising(pairs, sizes, capped)
        candidates += len(pairs.first)
        verified += len(chosen.first)
        yield "pairs", frame_of(chosen)
    return {"candidate_pairs": candidates, "verified_pairs": verified}


def list_shingles(inputs: Sequence[File], config: Shingling) -> Rows:
    """Task: the shingles of the documents of a shard that are in a pair. Inputs: their tokens, ranks, all pairs."""
    signed, place, *parts = inputs
    ranks = read(place, ["rank"])["rank"].to_numpy()
    wanted = _wanted(parts, ranks, config.documents)
    anywhere = np.logical_or.reduce(wanted)
    waiting = [(NO_RANKS, stacked([]))]
    row = 0
    for tokens in tokens_of(signed):
        rows = row + np.flatnonzero(anywhere[row : row + len(tokens.lengths)])
        waiting.append((rows, sets(tokens.take(rows - row), config.shingle)))
        row += len(tokens.lengths)
        if sum(len(listed.values) for _, listed in waiting) > WRITE_NUMBERS:
            yield from _distribute(waiting, ranks, wanted)
            waiting = waiting[:1]
    yield from _distribute(waiting, ranks, wanted)
    return {}


def verify(inputs: Sequence[File], config: Bounds) -> Rows:
    """Task: the pairs that are near-duplicates. Inputs: a partition's pairs, and the shingles in it from each shard.

    Of more shingles than are held at once, those of some of the pairs are read each time.
    """
    pairs, parts = Pairs(*columns_of(read(inputs[0]))), inputs[1:]
    times = 1 + sum(size_of(part) for part in parts) // SHINGLE_BYTES
    for block in blocks(len(pairs.first), -(-len(pairs.first) // times) or 1) or [slice(0)]:
        some = Pairs(*(column[block] for column in pairs))
        wanted = distinct(np.concatenate([some.first, some.second])) if times > 1 else None
        ranks, read_back = read_sets(parts, wanted)
        checked = similarity.verify(some, read_back, ranks)
        yield "alike", frame_of(similarity.relevant(checked, config.threshold, config.containment))
    return {}


def _filtered(pairs: File, some: pl.Expr) -> pl.DataFrame:
    return pl.concat(frame.filter(some) for frame in batches(pairs, rows=65536))


def _entries(keys: File, place: File) -> pl.DataFrame:
    """Columns key, rank and low: the keys of a shard's documents that are copies of no other."""
    documents = read(place, ["rank", "original"])
    single = pl.col("rank") == pl.col("original")
    found = (frame.with_columns(documents[frame["row"]]).filter(single) for frame in batches(keys, rows=65536))
    return pl.concat(frame.select("key", "rank", "low") for frame in found)


def _packed(entries: pl.DataFrame, ranks: Ranks) -> Hashes:
    key, rank, low = (entries[name].to_numpy() for name in ("key", "rank", "low"))
    return pack(key, np.searchsorted(ranks, rank), low, len(ranks))


def _sides(places: Sequence[File], sides: Sequence[int], ranks: Ranks) -> Numbers | None:
    """The side of each of some documents: of the shard that it is in. None where shards have no sides."""
    found = np.empty(len(ranks), np.uint32)
    for side, file in zip(sides, places, strict=bool(sides)):
        found[_places_of(read(file, ["rank"])["rank"], ranks)] = side
    return found if sides else None


def _own_sides(places: Sequence[File], changed: Sequence[File], ranks: Ranks) -> Numbers:
    """Of some documents, each whose row is listed on a side of its own, all others on one."""
    found = np.zeros(len(ranks), np.uint32)
    for file, rows in zip(places[-len(changed) :], changed, strict=True):
        listed = _places_of(read(file, ["rank"])["rank"].gather(read(rows)["row"]), ranks)
        found[listed] = ranks[listed] + 1
    return found


def _places_of(listed: pl.Series, ranks: Ranks) -> Positions:
    """Where those that are there stand among ascending ranks."""
    wanted = listed.to_numpy()
    return np.searchsorted(ranks, wanted[is_in(wanted, ranks)])


def _counted(ranks: Ranks, capped: Positions) -> pl.DataFrame:
    """The documents, by rank, that have keys in capped buckets."""
    some = np.flatnonzero(capped)
    return pl.DataFrame({"rank": ranks[some].astype(np.uint32), "capped": capped[some].astype(np.uint32)})


def _promising(pairs: Pairs, sizes: File, capped: File) -> Pairs:
    """See `promising`. Of the files that describe all documents, the rows of those in a pair are held."""
    ranks = distinct(np.concatenate([pairs.first, pairs.second]))
    first, second = (np.searchsorted(ranks, side) for side in (pairs.first, pairs.second))
    about = [*columns_of(rows_at(sizes, ranks)), *columns_of(rows_at(capped, ranks))]
    chosen = promising(pairs._replace(first=first, second=second), *about)
    return chosen._replace(first=ranks[chosen.first], second=ranks[chosen.second])


def _wanted(parts: Sequence[File], ranks: Numbers, documents: int) -> list[Flags]:
    """Which rows of a shard, given by their ranks, are in a pair, for each of the files of pairs."""
    row = np.full(documents, len(ranks), np.uint32)  # of a document that stands elsewhere: one that is none
    row[ranks] = np.arange(len(ranks), dtype=np.uint32)
    found = []
    for part in parts:
        wanted = np.zeros(len(ranks) + 1, bool)
        for pairs in batches(part, ["first", "second"], rows=65536):
            wanted[row[pairs["first"].to_numpy()]] = wanted[row[pairs["second"].to_numpy()]] = True
        found.append(wanted[:-1])
    return found


def _distribute(
    found: Sequence[tuple[Ranks, Ragged]], ranks: Numbers, wanted: Sequence[Flags]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The sets of shingles of some rows of a shard by the partitions that want them."""
    rows, listed = np.concatenate([part for part, _ in found]), stacked([part for _, part in found])
    for number, needed in enumerate(wanted):
        chosen = np.flatnonzero(needed[rows])
        rank = pl.Series(ranks[rows[chosen]])
        yield numbered("sets", number), lists_of(listed.take(chosen), pl.UInt64).with_columns(rank=rank)
