"""Sampled shingles -> pairs of texts that may be near-duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from curate.neardup.arrays import NO_RANKS, Ranks, Scores, ascending, distinct, starts_of_runs
from curate.neardup.shingles import SPARE_BITS
from curate.text import Hashes, Positions

MIN_SHARED = 0.3
"""Share of the smaller text that must seem to be in the larger, by their signatures, for a pair to be verified."""
MAX_BUCKET = 128
"""Texts with one sampled shingle in common that are all compared with each other."""
ANCHORS = 4
"""Texts of a larger bucket, first by rank, that all others in it are compared with."""
_ONE = np.uint64(1)
_RANK_BITS = 32
_KEYS_AT_ONCE = 1 << 17


class Pairs(NamedTuple):
    """Pairs of texts by rank, `first < second`, and how many sampled shingles they have in common."""

    first: Ranks
    second: Ranks
    shared: Positions


NO_PAIRS = Pairs(NO_RANKS, NO_RANKS, NO_RANKS)


@dataclass
class Capped:
    """Buckets with too many texts to compare all with all."""

    buckets: int = 0
    largest: int = 0


def pack(keys: Hashes, ranks: Ranks, texts: int) -> Hashes:
    """Key and rank of each entry in one number that sorts by both; the key loses as many bits as the rank needs."""
    bits = _rank_bits(texts)
    return keys << SPARE_BITS >> bits << bits | ranks.astype(np.uint64)


def find_pairs(packed: Hashes, texts: int, capped: Capped) -> Iterator[Pairs]:
    """Pairs of texts that have sampled shingles in common, out of one packed entry for each shingle of each text.

    In a bucket of more than `MAX_BUCKET` texts each is paired with the first `ANCHORS` and its neighbour by rank, so
    that the pairs grow with the texts and not with their square; `capped` counts those buckets.
    """
    bits = _rank_bits(texts)
    for some in _whole_buckets(distinct(packed), bits):
        yield _pair_up(some >> bits, (some & ((_ONE << bits) - _ONE)).astype(np.int64), capped)


def promising(pairs: Pairs, keys: Positions, rates: Scores) -> Pairs:
    """The pairs whose signatures leave it possible that a good part of the smaller text is in the larger.

    `keys` and `rates` are by rank: shingles in a text's signature, and of what share of its shingles that is a sample.
    """
    sizes, rate = keys / rates, np.minimum(rates[pairs.first], rates[pairs.second])
    expected = rate * np.minimum(sizes[pairs.first], sizes[pairs.second])
    hopeful = pairs.shared >= MIN_SHARED * expected
    return Pairs(*(column[hopeful] for column in pairs))


def merged(found: Sequence[Pairs]) -> Pairs:
    """Pairs from several places, each pair once, in order, with the sum of what they share."""
    first, second, shared = (np.concatenate(column) for column in zip(NO_PAIRS, *found, strict=True))
    packed = first << _RANK_BITS | second
    order = np.argsort(packed)
    packed = packed[order]
    starts = starts_of_runs(packed)
    return _unpacked(packed[starts], np.add.reduceat(shared[order], starts) if len(starts) else shared)


def _unpacked(pairs: Ranks, shared: Positions) -> Pairs:
    return Pairs(pairs >> _RANK_BITS, pairs & ((1 << _RANK_BITS) - 1), shared)


def _whole_buckets(packed: Hashes, bits: np.uint64) -> Iterator[Hashes]:
    """The entries that are not alone in their bucket, in pieces that cut no bucket in two."""
    same = packed[1:] >> bits == packed[:-1] >> bits
    packed = packed[np.append(same, False)[: len(packed)] | np.append(False, same)[: len(packed)]]
    start = 0
    while start < len(packed):
        last = packed[min(start + _KEYS_AT_ONCE, len(packed)) - 1]
        end = int(np.searchsorted(packed, last | ((_ONE << bits) - _ONE), side="right"))
        yield packed[start:end]
        start = end


def _pair_up(buckets: Hashes, ranks: Ranks, capped: Capped) -> Pairs:
    """The pairs of texts within each bucket; entries are sorted by bucket and rank."""
    starts = starts_of_runs(buckets)
    lengths = np.diff(np.append(starts, len(buckets)))
    place = np.arange(len(buckets)) - np.repeat(starts, lengths)
    large = np.repeat(lengths > MAX_BUCKET, lengths)
    capped.buckets += int((lengths > MAX_BUCKET).sum())
    capped.largest = max(capped.largest, int(lengths.max()))
    later = np.flatnonzero(place >= 1)
    found = [ranks[later - 1] << _RANK_BITS | ranks[later]]
    later = later[~large[later]]
    for distance in range(2, MAX_BUCKET):
        later = later[place[later] >= distance]
        found.append(ranks[later - distance] << _RANK_BITS | ranks[later])
    for anchor in range(ANCHORS):
        later = np.flatnonzero(large & (place > anchor + 1))
        found.append(ranks[later - place[later] + anchor] << _RANK_BITS | ranks[later])
    pairs = ascending(np.concatenate(found))
    starts = starts_of_runs(pairs)
    return _unpacked(pairs[starts], np.diff(np.append(starts, len(pairs))))


def _rank_bits(texts: int) -> np.uint64:
    return np.uint64(max(1, (texts - 1).bit_length()))
