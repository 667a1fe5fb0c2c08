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
    distinct,
    starts_of_runs,
)
from curate.neardup.shingles import SPARE_BITS, agreeing
from curate.text import Hashes, Positions

MIN_SHARED = 0.3
"""Share of the smaller text that must seem to be in the larger, by their signatures, for a pair to be verified."""
MIN_SIMILARITY = 0.07
"""And what their Jaccard similarity must seem to be: half of what is the least of a copy cut from a longer text."""
MIN_KEYS = 8
"""Keys of a text that a pair is judged by at the least, or all where it has fewer: one rare shingle is no evidence."""
MAX_BUCKET = 128
"""Texts with one sampled shingle in common that are all compared with each other."""
ANCHORS, NEIGHBOURS = 96, 32
"""Of a larger bucket, the first texts by rank, and those before a text, that it is compared with: as many together."""
MIN_AGREEING = 5
"""And cells of their sketches that must agree, of 16: unrelated texts do so once in 400 pairs, copies nearly always."""
Sides = Numbers
"""On which side each text stands, by rank."""
_ONE = np.uint64(1)
_RANK_BITS = 32
PAIRS_AT_ONCE = 1 << 20
"""Pairs that are held at a time, of some 100 bytes each while they are sorted."""


class Pairs(NamedTuple):
    """Pairs of texts by rank, `first < second`, and how many sampled shingles they have in common."""

    first: Ranks
    second: Ranks
    shared: Positions


NO_PAIRS = Pairs(NO_RANKS, NO_RANKS, NO_RANKS)


@dataclass
class Capped:
    """Buckets with too many texts to compare all with all, and whose they are: a rank for each text in each of them."""

    buckets: int = 0
    largest: int = 0
    ranks: Numbers = field(default_factory=lambda: np.empty(0, np.uint32))

    def keys(self, texts: int) -> Positions:
        """How many of the keys of each text, by rank, are in such a bucket."""
        return np.bincount(self.ranks, minlength=texts)


def pack(keys: Hashes, ranks: Ranks, texts: int) -> Hashes:
    """Key and rank of each entry in one number that sorts by both; the key loses as many bits as the rank needs."""
    bits = _rank_bits(texts)
    return keys << SPARE_BITS >> bits << bits | ranks.astype(np.uint64)


def find_pairs(packed: Hashes, sketches: Hashes, capped: Capped, sides: Sides | None = None) -> Iterator[Pairs]:
    """Pairs of texts that have sampled shingles in common, out of one packed entry for each shingle of each text.

    In a bucket of more than `MAX_BUCKET` texts each is paired with those of the first `ANCHORS` and of its `NEIGHBOURS`
    by rank whose sketches are like its own, so that the work grows with the texts and not with their square; `capped`
    counts those buckets. With `sides`, only the pairs of texts on different sides are told. Sketches and sides are by
    rank.
    """
    bits = _rank_bits(len(sketches))
    packed = distinct(packed)
    later = np.flatnonzero(packed[1:] ^ packed[:-1] < _ONE << bits) + 1  # all but the first of each bucket
    starts = starts_of_runs(later - np.arange(len(later)))
    others = np.diff(np.append(starts, len(later)))
    places = np.arange(1, len(later) + 1) - np.repeat(starts, others)
    large = others >= MAX_BUCKET
    packed &= (_ONE << bits) - _ONE
    ranks = packed.view(np.int64)
    capped.buckets += int(large.sum())
    capped.largest = max(capped.largest, 1 + int(others.max(initial=0)))
    large = np.repeat(large, others)
    capped.ranks = np.concatenate([capped.ranks, _members(ranks, later[large], places[large])])
    return _summed(_apart(pairs, sides) for pairs in _paired(ranks, sketches[ranks], later, places, large))


def promising(pairs: Pairs, keys: Positions, rates: Scores, capped: Positions) -> Pairs:
    """The pairs whose signatures leave it possible that they are alike, or a good part of the smaller in the larger.

    `keys`, `rates` and `capped` are by rank: shingles in a text's signature, of what share of its shingles that is a
    sample, and how many of them are in a capped bucket. These tell nothing: two texts that share one are not a pair.
    """
    telling = np.maximum(keys - capped, np.minimum(keys, MIN_KEYS))
    sizes, rate = telling / rates, np.minimum(rates[pairs.first], rates[pairs.second])
    one, other = rate * sizes[pairs.first], rate * sizes[pairs.second]
    hopeful = (pairs.shared >= MIN_SHARED * np.minimum(one, other)) & (
        pairs.shared >= MIN_SIMILARITY * (one + other - pairs.shared)
    )
    return Pairs(*(column[hopeful] for column in pairs))


def merged(found: Sequence[Pairs]) -> Pairs:
    """Pairs from one or several places, each pair once, in order, with the sum of what they share."""
    first, second, shared = (np.concatenate(column) for column in zip(NO_PAIRS, *found, strict=True))
    packed = _packed(first, second)
    order = ascending_order(packed)
    packed = packed[order]
    starts = starts_of_runs(packed)
    return _unpacked(packed[starts], np.add.reduceat(shared[order], starts) if len(starts) else shared)


def _unpacked(pairs: Ranks, shared: Positions) -> Pairs:
    return Pairs(pairs >> _RANK_BITS, pairs & ((1 << _RANK_BITS) - 1), shared)


def _members(ranks: Ranks, later: Positions, places: Positions) -> Numbers:
    """The texts of some buckets: where in `ranks` all but the first of each stand, and at which place of the bucket."""
    return np.concatenate([ranks[later[places == 1] - 1], ranks[later]]).astype(np.uint32)


def _summed(found: Iterable[Ranks]) -> Iterator[Pairs]:
    """Packed pairs with how often each comes up, some at a time."""
    held, count = [NO_RANKS], 0
    for pairs in found:
        held.append(pairs)
        count += len(pairs)
        if count > PAIRS_AT_ONCE:
            yield _counted(held)
            held, count = held[:1], 0
    yield _counted(held)


def _counted(found: Sequence[Ranks]) -> Pairs:
    pairs = ascending(np.concatenate(found))
    starts = starts_of_runs(pairs)
    return _unpacked(pairs[starts], np.diff(np.append(starts, len(pairs))))


def _paired(ranks: Ranks, sketches: Hashes, later: Positions, places: Positions, large: Flags) -> Iterator[Ranks]:
    """Pairs, packed, of the texts of buckets; one that shares several keys comes up several times.

    `ranks` and `sketches` are those of each entry; `later` says which entries are not the first of their bucket,
    `places` at which place of it they stand.
    """
    cuts = starts_of_runs(np.cumsum(np.minimum(places, MAX_BUCKET)) // PAIRS_AT_ONCE).tolist()
    for start, end in pairwise([*cuts, len(later)]):
        few = start + np.flatnonzero(~large[start:end])
        yield from _all_pairs(ranks, later[few], places[few])
        many = start + np.flatnonzero(large[start:end])
        yield from _alike(ranks, sketches, later[many], places[many])


def _all_pairs(ranks: Ranks, later: Positions, places: Positions) -> Iterator[Ranks]:
    """All pairs of each bucket."""
    for distance in range(1, int(places.max(initial=0)) + 1):
        behind = np.flatnonzero(places >= distance)
        later, places = later[behind], places[behind]
        yield _packed(ranks[later - distance], ranks[later])


def _alike(ranks: Ranks, sketches: Hashes, later: Positions, places: Positions) -> Iterator[Ranks]:
    """Those of the first texts of each bucket, and of the neighbours, whose sketches are alike."""
    own, firsts = sketches[later], later - places
    anchors = ((firsts + i, i + 1) for i in range(ANCHORS))
    neighbours = ((later - i, ANCHORS + i) for i in range(1, NEIGHBOURS + 1))
    for others, first_place in chain(anchors, neighbours):
        found = np.flatnonzero(agreeing(sketches[others], own) >= MIN_AGREEING)
        found = found[places[found] >= first_place]
        yield _packed(ranks[others[found]], ranks[later[found]])


def _apart(pairs: Ranks, sides: Sides | None) -> Ranks:
    """Those of texts on different sides; where there are no sides, all."""
    if sides is None:
        return pairs
    first, second, _ = _unpacked(pairs, NO_RANKS)
    across: Ranks = pairs[sides[first] != sides[second]]
    return across


def _packed(first: Ranks, second: Ranks) -> Ranks:
    return first << _RANK_BITS | second


def _rank_bits(texts: int) -> np.uint64:
    return np.uint64(max(1, (texts - 1).bit_length()))
