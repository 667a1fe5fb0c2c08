"""Sampled shingles -> pairs of texts that may be near-duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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
from curate.neardup.shingles import SPARE_BITS
from curate.text import Hashes, Positions

MIN_SHARED = 0.3
"""Share of the smaller text that must seem to be in the larger, by their signatures, for a pair to be verified."""
MIN_SIMILARITY = 0.07
"""And what their Jaccard similarity must seem to be: half of what is the least of a copy cut from a longer text."""
MIN_KEYS = 8
"""Keys of a text that a pair is judged by at the least, or all where it has fewer: one rare shingle is no evidence."""
MAX_BUCKET = 128
"""Texts with one sampled shingle in common that are all compared with each other."""
ANCHORS = 4
"""Texts of a larger bucket, first by rank, that all others in it are compared with."""
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


def find_pairs(packed: Hashes, texts: int, capped: Capped, sides: Sides | None = None) -> Iterator[Pairs]:
    """Pairs of texts that have sampled shingles in common, out of one packed entry for each shingle of each text.

    In a bucket of more than `MAX_BUCKET` texts each is paired with the first `ANCHORS` and its neighbour by rank, so
    that the pairs grow with the texts and not with their square; `capped` counts those buckets. With `sides`, by rank,
    only the pairs of texts on different sides are told.
    """
    bits = _rank_bits(texts)
    packed = distinct(packed)
    later = np.flatnonzero(packed[1:] ^ packed[:-1] < _ONE << bits) + 1  # all but the first of each bucket
    starts = starts_of_runs(later - np.arange(len(later)))
    sizes = np.diff(np.append(starts, len(later))) + 1
    capped.buckets += int((sizes > MAX_BUCKET).sum())
    capped.largest = int(sizes.max(initial=capped.largest))
    packed &= (_ONE << bits) - _ONE
    capped.ranks = np.append(capped.ranks, _members(packed.view(np.int64), later, starts, sizes > MAX_BUCKET))
    pairs = np.cumsum(np.where(sizes > MAX_BUCKET, (ANCHORS + 1) * sizes, sizes * (sizes - 1) // 2))
    cuts = starts_of_runs(pairs // PAIRS_AT_ONCE).tolist()
    for start, end in pairwise([*cuts, len(sizes)]):
        behind = starts[end] if end < len(starts) else len(later)
        yield _pair_up(packed.view(np.int64), later[starts[start] : behind], sizes[start:end], sides)


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


def _members(ranks: Ranks, later: Positions, starts: Positions, chosen: Flags) -> Numbers:
    """The texts of some buckets: `later` has the places of all but the first of each, from `starts` on."""
    sizes = np.diff(np.append(starts, len(later)))
    places = later[starts[chosen]] - 1, later[np.repeat(chosen, sizes)]
    return np.concatenate([ranks[where].astype(np.uint32) for where in places])


def _pair_up(ranks: Ranks, later: Positions, sizes: Positions, sides: Sides | None) -> Pairs:
    """The pairs of texts within some buckets of these sizes: where in `ranks` all but the first of each stand."""
    joined = np.concatenate([_apart(pairs, sides) for pairs in _in_buckets(ranks, later, sizes)])
    pairs = ascending(joined)
    starts = starts_of_runs(pairs)
    return _unpacked(pairs[starts], np.diff(np.append(starts, len(pairs))))


def _in_buckets(ranks: Ranks, later: Positions, sizes: Positions) -> Iterator[Ranks]:
    """Pairs, packed, as `_pair_up` is given them; one that shares several keys comes up several times."""
    place = np.arange(1, len(later) + 1) - np.repeat(np.cumsum(sizes - 1) - (sizes - 1), sizes - 1)
    large = np.repeat(sizes > MAX_BUCKET, sizes - 1)
    yield _packed(ranks[later - 1], ranks[later])
    few, places = later[~large], place[~large]
    for distance in range(2, min(MAX_BUCKET, int(sizes.max(initial=0)))):
        behind = np.flatnonzero(places >= distance)
        few, places = few[behind], places[behind]
        yield _packed(ranks[few - distance], ranks[few])
    for anchor in range(ANCHORS):
        behind = np.flatnonzero(large & (place > anchor + 1))
        yield _packed(ranks[later[behind] - place[behind] + anchor], ranks[later[behind]])


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
