"""Sampled shingles -> pairs of texts that may be near-duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from curate.neardup.arrays import (
    NO_RANKS,
    Flags,
    Numbers,
    Ranks,
    Scores,
    ascending,
    ascending_order,
    blocks,
    distinct,
    starts_of_runs,
)
from curate.neardup.shingles import LOWEST, SPARE_BITS, resemblance
from curate.text import Hashes, Positions

MIN_SHARED = 0.3
"""Share of the smaller text that must seem to be in the larger, by their signatures, for a pair to be verified."""
MIN_SIMILARITY = 0.07
"""And what their Jaccard similarity must seem to be: half of what is the least of a copy cut from a longer text."""
MAX_BUCKET = 128
"""Texts with one sampled shingle in common that are all compared with each other."""
FIRST = 4
"""Texts of a larger bucket, first by rank, that the others are paired with, whatever these are like: for pieces."""
ANCHORS, NEIGHBOURS = 96, 32
"""And the first ones by rank, and those before a text, that it is paired with where their sketches are alike."""
MIN_RESEMBLANCE = 0.4
"""How alike that is, by `resemblance`: 7 of 16 cells. Strangers are once in 25,000 pairs, what has .7 nearly always."""
NEAR, ENOUGH = 0.9, 6
"""A text that has found six as like as this in a bucket looks no further there: pages that differ in a number alone
would be pairs all with all."""
Sides = Numbers
"""On which side each text stands, by rank."""
_ONE = np.uint64(1)
_RANK_BITS = 32
PAIRS_AT_ONCE = 1 << 20
"""Pairs that are held at a time, of some 100 bytes each while they are sorted."""


class Pairs(NamedTuple):
    """Pairs of texts by rank, `first < second`, and how many sampled shingles they have in common.

    `frequent` are those of large buckets, of which only the lowest of a text are looked at.
    """

    first: Ranks
    second: Ranks
    shared: Positions
    frequent: Positions


NO_PAIRS = Pairs(NO_RANKS, NO_RANKS, NO_RANKS, NO_RANKS)


@dataclass
class Capped:
    """Buckets with too many texts to compare all with all, and whose they are: a rank for each text in each of them."""

    buckets: int = 0
    largest: int = 0
    ranks: Numbers = field(default_factory=lambda: np.empty(0, np.uint32))

    def keys(self, texts: int) -> Positions:
        """How many of the keys of each text, by rank, are in such a bucket."""
        return np.bincount(self.ranks, minlength=texts)


def pack(keys: Hashes, ranks: Ranks | Numbers, low: Flags, texts: int) -> Hashes:
    """Each entry in one number that sorts by key and rank: also whether the key is one of the text's lowest.

    The key loses as many bits as the others need.
    """
    bits = _bits(texts)
    about = ranks.astype(np.uint64) << _ONE | low.astype(np.uint64)
    return keys << SPARE_BITS >> bits << bits | about


def find_pairs(packed: Hashes, sketches: Hashes, capped: Capped, sides: Sides | None = None) -> Iterator[Pairs]:
    """Pairs of texts that have sampled shingles in common, out of one packed entry for each shingle of each text.

    In a bucket of more than `MAX_BUCKET` texts each is paired with the first `FIRST`, if the shingle is among the
    lowest of one of the two, and if it is among its own with those of the first `ANCHORS` and of its `NEIGHBOURS` whose
    sketches are like its own. So the work grows with the texts and not with their square. `capped` counts those
    buckets. With `sides`, only the pairs of texts on different sides are told. Sketches and sides are by rank.
    """
    bits = _bits(len(sketches))
    packed = distinct(packed)
    later = np.flatnonzero(packed[1:] ^ packed[:-1] < _ONE << bits) + 1  # all but the first of each bucket
    low = (packed & _ONE).astype(bool)
    ranks = ((packed & ((_ONE << bits) - _ONE)) >> _ONE).astype(np.uint32)
    del packed
    entries = _Entries(ranks, low, sketches, np.arange(len(sketches)) if sides is None else sides)
    few, many = _by_size(later, capped)
    del later
    capped.ranks = np.append(capped.ranks, _members(ranks, many))
    for pairs, times in _counted(_all_pairs(entries, few)):
        yield Pairs(*_unpacked(pairs), times, np.zeros_like(times))
    del few
    asking = many.take(low[many.entries])
    for pairs, times in _counted(chain(_with_first(entries, many), _alike(entries, asking))):
        yield Pairs(*_unpacked(pairs), np.zeros_like(times), times)


def promising(pairs: Pairs, keys: Positions, rates: Scores, capped: Positions) -> Pairs:
    """The pairs whose signatures leave it possible that they are alike, or a good part of the smaller in the larger.

    `keys`, `rates` and `capped` are by rank: shingles in a text's signature, of what share of its shingles that is a
    sample, and how many of them are in a capped bucket. These tell nothing: two texts that share one are not a pair,
    but those that share some of the lowest are. Nor does one rare shingle: a text is judged by as many as its lowest.
    """
    shared, few = pairs.shared + pairs.frequent, np.minimum(keys, LOWEST)
    telling = np.maximum(keys - capped, few)
    sizes, rate = telling / rates, np.minimum(rates[pairs.first], rates[pairs.second])
    one, other = rate * sizes[pairs.first], rate * sizes[pairs.second]
    hopeful = (shared >= MIN_SHARED * np.minimum(one, other)) & (shared >= MIN_SIMILARITY * (one + other - shared))
    hopeful |= pairs.frequent >= MIN_SHARED * np.minimum(few[pairs.first], few[pairs.second])
    return Pairs(*(column[hopeful] for column in pairs))


def merged(found: Sequence[Pairs]) -> Pairs:
    """Pairs from one or several places, each pair once, in order, with the sum of what they share."""
    first, second, *shared = (np.concatenate(column) for column in zip(NO_PAIRS, *found, strict=True))
    packed = _packed(first, second)
    order = ascending_order(packed)
    packed = packed[order]
    starts = starts_of_runs(packed)
    sums = (np.add.reduceat(one[order], starts) if len(starts) else one for one in shared)
    return Pairs(*_unpacked(packed[starts]), *sums)


def _unpacked(pairs: Ranks) -> tuple[Ranks, Ranks]:
    return pairs >> _RANK_BITS, pairs & ((1 << _RANK_BITS) - 1)


class _Later(NamedTuple):
    """Entries that are not the first of their bucket, and at which place of it they stand."""

    entries: Positions
    places: Positions

    def take(self, which: Flags | Ranks | slice) -> _Later:
        """Some of them."""
        return _Later(self.entries[which], self.places[which])


def _by_size(later: Positions, capped: Capped) -> tuple[_Later, _Later]:
    """Those of buckets in which all are compared with all, and those of the others, which are counted."""
    starts = starts_of_runs(later - np.arange(len(later)))
    more = np.diff(np.append(starts, len(later)))
    large = more >= MAX_BUCKET
    capped.buckets += int(large.sum())
    capped.largest = max(capped.largest, 1 + int(more.max(initial=0)))
    found = _Later(later, np.arange(1, len(later) + 1) - np.repeat(starts, more))
    large = np.repeat(large, more)
    return found.take(~large), found.take(large)


def _members(ranks: Numbers, later: _Later) -> Numbers:
    """The texts of some buckets."""
    members: Numbers = np.append(ranks[later.entries[later.places == 1] - 1], ranks[later.entries])
    return members


def _counted(found: Iterable[Ranks]) -> Iterator[tuple[Ranks, Positions]]:
    """Packed pairs, each once, and how often it comes up; some at a time."""
    held, count = [NO_RANKS], 0
    for pairs in found:
        held.append(pairs)
        count += len(pairs)
        if count > PAIRS_AT_ONCE:
            yield _runs(held)
            held, count = held[:1], 0
    yield _runs(held)


def _runs(found: Sequence[Ranks]) -> tuple[Ranks, Positions]:
    pairs = ascending(np.concatenate(found))
    starts = starts_of_runs(pairs)
    return pairs[starts], np.diff(np.append(starts, len(pairs)))


class _Entries(NamedTuple):
    """One shingle of one text each, by shingle and rank; and, by rank, sketch and side of each text."""

    ranks: Numbers
    low: Flags
    sketches: Hashes
    sides: Ranks | Sides

    def pairs(self, first: Positions, second: Positions) -> Ranks:
        """The texts of these entries, packed, where they are on different sides."""
        one, other = self.ranks[first], self.ranks[second]
        apart = self.sides[one] != self.sides[other]
        return _packed(one[apart].astype(np.int64), other[apart].astype(np.int64))

    def resemblance(self, first: Positions, second: Positions) -> Scores:
        """How like each other the texts of these entries are by their sketches, 0 where they are on one side."""
        one, other = self.ranks[first], self.ranks[second]
        alike: Scores = (self.sides[one] != self.sides[other]) * resemblance(self.sketches[one], self.sketches[other])
        return alike


# In what follows a pair that shares several keys comes up several times.


def _all_pairs(entries: _Entries, later: _Later) -> Iterator[Ranks]:
    """All pairs of each bucket."""
    cuts = starts_of_runs(np.cumsum(later.places) // PAIRS_AT_ONCE).tolist()
    for some in (later.take(slice(*cut)) for cut in pairwise([*cuts, len(later.entries)])):
        for distance in range(1, int(some.places.max(initial=0)) + 1):
            some = some.take(some.places >= distance)
            yield entries.pairs(some.entries - distance, some.entries)


def _with_first(entries: _Entries, later: _Later) -> Iterator[Ranks]:
    """Each with the first of its bucket, where the key is among the lowest of one of the two.

    What is in both of two texts, of which one is a piece of the other, is among the lowest of the piece.
    """
    for block in blocks(len(later.entries), -(-PAIRS_AT_ONCE // FIRST)):
        second, places = later.take(block)
        for first in (second - places + place for place in range(FIRST)):
            told = (entries.low[first] | entries.low[second]) & (first < second)
            yield entries.pairs(first[told], second[told])


def _alike(entries: _Entries, later: _Later) -> Iterator[Ranks]:
    """Each with those of the first of its bucket, and of its neighbours, whose sketches are like its own."""
    for block in blocks(len(later.entries), -(-PAIRS_AT_ONCE // MAX_BUCKET)):
        second, places = later.take(block)
        near = np.zeros(len(second), np.int64)
        for step in range(ANCHORS + NEIGHBOURS):
            distance = step - ANCHORS + 1  # of a neighbour; an entry with fewer before it is left out by its place
            first = second - distance if distance > 0 else second - places + step
            alike = (places > step) * entries.resemblance(first, second)
            if step >= FIRST:  # with those before it is a pair anyway
                found = alike >= MIN_RESEMBLANCE
                yield entries.pairs(first[found], second[found])
            near += alike >= NEAR
            looking = near < ENOUGH
            second, places, near = second[looking], places[looking], near[looking]


def _packed(first: Ranks, second: Ranks) -> Ranks:
    return first << _RANK_BITS | second


def _bits(texts: int) -> np.uint64:
    """Of an entry, for its rank and whether its key is one of the lowest."""
    return np.uint64(1 + max(1, (texts - 1).bit_length()))
