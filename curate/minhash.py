"""Near-duplicates among texts: shingles -> signatures -> candidate pairs -> verified pairs -> clusters.

A text is the set of its token shingles. Its signature is a sample of the longer ones, chosen by hash alone: all whose
hash is below a bound (MOD sampling of Broder, "On the resemblance and containment of documents", 1997), with a higher
bound for short texts. So two copies sample the same shingles, also where one is a cut piece of the other, which MinHash
bands miss. Texts that share enough sampled shingles are candidates, and every candidate pair is verified on all of its
shingles: Jaccard similarity, or containment of the smaller set in the larger.

Two texts are near-duplicates if their Jaccard similarity reaches a threshold, or if the smaller is contained in the
larger and not too small to be a copy of it; and also somewhat below these bounds, if a third text is a near-duplicate
of both. Clusters do not chain: texts are taken by rank (the longest first, say), one that is a near-duplicate of a
representative before it joins its cluster, and any other becomes a representative.

Hashes are those of text.py. `VERSION` changes whenever a signature does; those of different versions do not compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import xxhash

from curate import text
from curate.text import Hashes, Positions, mix

VERSION = 1

KEY_SIZE = 5
"""Tokens in the shingles that signatures sample."""
SAMPLED = 1 / 8
"""Share of a text's shingles in its signature."""
SAMPLED_AT_LEAST = 64
"""Shingles of a short text in its signature, about; all of them where it has fewer."""
MIN_SHARED = 0.3
"""Share of the smaller text that must seem to be in the larger, by their signatures, for a pair to be verified."""
MAX_BUCKET = 128
"""Texts with one sampled shingle in common that are all compared with each other."""
ANCHORS = 4
"""Texts of a larger bucket, first by rank, that all others in it are compared with."""
MIN_RATIO = 0.2
"""Jaccard similarity below which a text that is contained in another is no copy, but a brief in a digest."""
RELAXED = 0.7
"""Share of the bounds that is enough for two texts of which a third is a near-duplicate."""
MAX_SHINGLE = 16

Ranks = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]

_BATCH_CHARS = 1 << 19
_AT_ONCE = 512
_ONE = np.uint64(1)
_SET_MASK = np.uint64((1 << 55) - 1)
_SET_BITS = np.uint64(55)  # of a hash, beside 9 bits that say which of 512 texts
_SPARE_BITS = np.uint64(64 - 55)
_RANK_BITS = 32
_KEYS_AT_ONCE = 1 << 17
_VERIFIED_AT_ONCE = 1 << 14
_ROLL = np.uint64(0x9E3779B97F4A7C15)
_NO_RANKS = np.empty(0, np.int64)
_NO_HASHES = np.empty(0, np.uint64)


class Ragged(NamedTuple):
    """Numbers of many texts in one array: text `i` has `values[offsets[i] : offsets[i + 1]]`."""

    values: Hashes
    offsets: Positions

    @property
    def lengths(self) -> Positions:
        """How many numbers each text has."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> Positions:
        """The text of each number."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.lengths)

    def take(self, texts: Ranks) -> Ragged:
        """The numbers of some texts, in the order of `texts`."""
        lengths = self.lengths[texts]
        offsets = _offsets(lengths)
        at = np.arange(offsets[-1]) + np.repeat(self.offsets[texts] - offsets[:-1], lengths)
        return Ragged(self.values[at], offsets)


class Signatures(NamedTuple):
    """What is compared of a batch of texts."""

    keys: Ragged  # sampled shingles
    rates: Scores  # share of the shingles that is sampled
    exact: Hashes  # one hash of all tokens, in order
    sizes: Positions  # number of tokens


class Pairs(NamedTuple):
    """Pairs of texts by rank, `first < second`, and how many sampled shingles they have in common."""

    first: Ranks
    second: Ranks
    shared: Positions


class Index(NamedTuple):
    """Some texts by their shingles."""

    shingles: Hashes  # ascending
    holders: Ragged  # the texts that have each
    lengths: Positions  # number of shingles of each text


@dataclass
class Capped:
    """Buckets with too many texts to compare all with all."""

    buckets: int = 0
    largest: int = 0


class Verified(NamedTuple):
    """Pairs of texts by rank with their exact similarity."""

    first: Ranks
    second: Ranks
    jaccard: Scores
    containment: Scores

    def take(self, which: Ranks | Flags) -> Verified:
        """Some of the pairs."""
        return Verified(self.first[which], self.second[which], self.jaccard[which], self.containment[which])


NO_PAIRS = Pairs(_NO_RANKS, _NO_RANKS, _NO_RANKS)
_NO_VERIFIED = Verified(_NO_RANKS, _NO_RANKS, np.empty(0), np.empty(0))


def cluster(texts: Sequence[str], *, threshold: float = 0.55, containment: float = 0.8, shingle: int = 3) -> list[int]:
    """The near-duplicate cluster of each text, as the index of its representative, the longest text of the cluster.

    Texts are near-duplicates if the Jaccard similarity of their token shingles is at least `threshold`, or if at least
    `containment` of the smaller one's shingles are in the larger; both are above 0 and at most 1. A shingle is
    `shingle` tokens, 1 to 16. A text without a token is a copy of none.

    Raises ValueError for a bound outside these ranges.
    """
    _check(threshold, containment, shingle)
    signed = [sign(texts[start:end]) for start, end in batches(texts)]
    sizes = np.concatenate([_NO_RANKS, *(part.sizes for part in signed)])
    exact = np.concatenate([_NO_HASHES, *(part.exact for part in signed)])
    order = np.lexsort((exact, -sizes))
    originals = np.where(sizes[order] > 0, first_of(exact[order]), np.arange(len(order)))
    keys = np.concatenate([_NO_RANKS, *(part.keys.lengths for part in signed)])
    rates = np.concatenate([np.empty(0), *(part.rates for part in signed)])
    pairs = promising(_candidates(signed, order, originals), keys[order], rates[order])
    del signed
    members = assign(len(texts), _verified(texts, order, pairs, shingle), threshold, containment)
    representatives = np.arange(len(texts))
    representatives[members.second] = members.first
    labels = np.empty(len(texts), np.int64)
    labels[order] = order[representatives[originals]]
    return labels.tolist()


def batches(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Cut a list of texts into runs of about half a million characters and at most 512 texts."""
    start = chars = 0
    for i, one in enumerate(texts):
        if i > start and (chars > _BATCH_CHARS or i - start == _AT_ONCE):
            yield start, i
            start, chars = i, 0
        chars += len(one)
    if start < len(texts):
        yield start, len(texts)


def sign(texts: Sequence[str]) -> Signatures:
    """The signatures of at most 512 texts."""
    found = text.tokens(texts)
    hashes = Ragged(found.hashes(), found.offsets)
    keys, rates = sample(shingles(hashes, KEY_SIZE))
    return Signatures(keys, rates, _whole(hashes), found.counts)


def fingerprint(texts: Sequence[str]) -> tuple[Hashes, Positions]:
    """One hash of all tokens of each text in order, and their number."""
    found = text.tokens(texts)
    return _whole(Ragged(found.hashes(), found.offsets)), found.counts


def shingles(tokens: Ragged, size: int) -> Ragged:
    """Hash of every run of `size` tokens. A text of fewer tokens has one shingle of all, an empty text none."""
    values, offsets = tokens
    lengths = tokens.lengths
    rolled = values.copy()
    begins = np.ones(len(values), bool)
    for i in range(1, size):
        rolled *= _ROLL
        rolled[: max(len(values) - i, 0)] += values[i:]
        begins[offsets[1:][lengths > i] - i] = False
    for i in np.flatnonzero((lengths > 0) & (lengths < size)).tolist():
        rolled[offsets[i]] = _roll(values[offsets[i] : offsets[i + 1]].tolist())
    count = np.where(lengths >= size, lengths - size + 1, lengths > 0)
    return Ragged(mix(rolled[begins]), _offsets(count))


def sample(shingled: Ragged) -> tuple[Ragged, Scores]:
    """The shingles that stand for each text, and what share of its shingles they are: those with the lowest hashes.

    The share goes by the number of all shingles, which needs no sorting, and by that of the distinct ones only where a
    text repeats itself so much that hardly any are found.
    """
    rates = _rate(shingled.lengths)
    keys = _below(shingled, rates)
    repetitive = (keys.lengths < SAMPLED_AT_LEAST // 4) & (shingled.lengths > SAMPLED_AT_LEAST)
    if not repetitive.any():
        return keys, rates
    for i in np.flatnonzero(repetitive).tolist():
        rates[i] = _rate(as_sets(shingled.take(np.array([i]))).lengths)[0]
    return _below(shingled, rates), rates


def _below(shingled: Ragged, rates: Scores) -> Ragged:
    bounds = (rates * (2.0**64 - 2048)).astype(np.uint64)
    chosen = np.flatnonzero(shingled.values <= np.repeat(bounds, shingled.lengths))
    return as_sets(Ragged(shingled.values[chosen], np.searchsorted(chosen, shingled.offsets)))


def as_sets(shingled: Ragged) -> Ragged:
    """The distinct shingles of each of at most 512 texts, sorted, as 55-bit numbers."""
    tagged = shingled.owners.astype(np.uint64) << _SET_BITS | shingled.values >> _SPARE_BITS
    tagged = _distinct(tagged)
    counts = np.bincount((tagged >> _SET_BITS).astype(np.int64), minlength=len(shingled.offsets) - 1)
    return Ragged(tagged & _SET_MASK, _offsets(counts))


def first_of(values: Hashes) -> Ranks:
    """For each value the position of the first one equal to it."""
    _, first, group = np.unique(values, return_index=True, return_inverse=True)
    return first[group]


def pack(keys: Hashes, ranks: Ranks, texts: int) -> Hashes:
    """Key and rank of each entry in one number that sorts by both; the key loses as many bits as the rank needs."""
    bits = _rank_bits(texts)
    return keys << _SPARE_BITS >> bits << bits | ranks.astype(np.uint64)


def find_pairs(packed: Hashes, texts: int, capped: Capped) -> Iterator[Pairs]:
    """Pairs of texts that have sampled shingles in common, out of one packed entry for each shingle of each text.

    In a bucket of more than `MAX_BUCKET` texts each is paired with the first `ANCHORS` and its neighbour by rank, so
    that the pairs grow with the texts and not with their square; `capped` counts those buckets.
    """
    bits = _rank_bits(texts)
    for some in _whole_buckets(_distinct(packed), bits):
        yield _pair_up(some >> bits, (some & ((_ONE << bits) - _ONE)).astype(np.int64), capped)


def promising(pairs: Pairs, keys: Positions, rates: Scores) -> Pairs:
    """The pairs whose signatures leave it possible that a good part of the smaller text is in the larger.

    `keys` and `rates` are by rank: shingles in a text's signature, and of what share of its shingles that is a sample.
    """
    sizes, rate = keys / rates, np.minimum(rates[pairs.first], rates[pairs.second])
    expected = rate * np.minimum(sizes[pairs.first], sizes[pairs.second])
    hopeful = pairs.shared >= MIN_SHARED * expected
    return Pairs(*(column[hopeful] for column in pairs))


def verify(pairs: Pairs, sets: Ragged, ranks: Ranks) -> Verified:
    """The exact similarity of pairs, from the sets of the texts that have these `ranks`."""
    order = np.argsort(ranks)
    first, second = (order[np.searchsorted(ranks, side, sorter=order)] for side in (pairs.first, pairs.second))
    blocks = _blocks(len(first), _AT_ONCE)
    shared = [_shared(sets.take(first[block]), sets.take(second[block])) for block in blocks]
    both = np.concatenate([_NO_RANKS, *shared])
    return _compared(pairs.first, pairs.second, both, sets.lengths[first], sets.lengths[second])


def _compared(first: Ranks, second: Ranks, shared: Positions, one: Positions, other: Positions) -> Verified:
    """Pairs with their similarity, from how many shingles they share and have."""
    return Verified(first, second, shared / (one + other - shared), shared / np.minimum(one, other))


def index(sets: Ragged) -> Index:
    """The texts that have each shingle."""
    order = np.argsort(sets.values)
    starts = _starts(sets.values[order])
    holders = Ragged(sets.owners[order].astype(np.uint64), np.append(starts, len(order)))
    return Index(sets.values[order][starts], holders, sets.lengths)


def search(sets: Ragged, sample: Index) -> Verified:
    """The exact similarity of all pairs (text of `sets`, text of `sample`) that have a shingle in common."""
    texts, entries = len(sample.lengths), len(sample.shingles)
    place = np.minimum(np.searchsorted(sample.shingles, sets.values), max(entries - 1, 0))
    known = np.flatnonzero(sample.shingles[place] == sets.values) if entries else _NO_RANKS
    hits = sample.holders.take(place[known])
    pairs = _sorted(sets.owners[known][hits.owners] * texts + hits.values.astype(np.int64))
    starts = _starts(pairs)
    first, second = np.divmod(pairs[starts], max(texts, 1))
    shared = np.diff(np.append(starts, len(pairs)))
    return _compared(first, second, shared, sets.lengths[first], sample.lengths[second])


def similar(checked: Verified, threshold: float, containment: float, share: float = 1.0) -> Flags:
    """Which pairs reach the bounds, or a share of them: near-duplicates by themselves, for a share of 1."""
    contained = (checked.containment >= share * containment) & (checked.jaccard >= share * MIN_RATIO)
    return (checked.jaccard >= share * threshold) | contained


def relevant(checked: Verified, threshold: float, containment: float) -> Verified:
    """The pairs that are near-duplicates, or may be so by a third text."""
    return checked.take(similar(checked, threshold, containment, RELAXED))


def assign(texts: int, checked: Verified, threshold: float, containment: float) -> Verified:
    """The pairs that make the clusters: (representative, member), one for each text that is no representative.

    A member joins the first representative by rank of those that it is a near-duplicate of by itself; if there is none,
    the first of the others.
    """
    checked = relevant(checked, threshold, containment)
    strict = similar(checked, threshold, containment)
    strict_or_linked = strict.copy()
    strict_or_linked[~strict] = _linked(texts, checked.take(~strict), checked.take(strict))
    alike, strict = checked.take(strict_or_linked), strict[strict_or_linked]
    kept = _representatives(texts, alike)
    order = np.lexsort((alike.first, ~strict, alike.second))
    order = order[kept[alike.first[order]] & ~kept[alike.second[order]]]
    return alike.take(order[np.unique(alike.second[order], return_index=True)[1]])


def _linked(texts: int, loose: Verified, strict: Verified) -> Flags:
    """For which of the loose pairs a third text makes a strict pair with both."""
    one = np.concatenate([strict.first, strict.second])
    other = np.concatenate([strict.second, strict.first])
    pairs = np.sort(one * texts + other)
    counts = np.bincount(one, minlength=texts)
    neighbours = Ragged(other[np.argsort(one)].astype(np.uint64), _offsets(counts))
    fewer = counts[loose.first] <= counts[loose.second]
    start, end = np.where(fewer, [loose.first, loose.second], [loose.second, loose.first])
    linked = np.zeros(len(start), bool)
    for block in _blocks(len(start), _AT_ONCE):
        third = neighbours.take(start[block])
        wanted = end[block][third.owners] * texts + third.values.astype(np.int64)
        found = third.owners[_is_in(wanted, pairs)]
        linked[block.start + found] = True
    return linked


def _representatives(texts: int, alike: Verified) -> Flags:
    """Which texts are similar to no representative before them. Pairs are settled in the order of their first text."""
    kept = bytearray(b"\1") * texts
    order = np.argsort(alike.first, kind="stable")
    for first, second in zip(alike.first[order].tolist(), alike.second[order].tolist(), strict=True):
        if kept[first]:
            kept[second] = 0
    return np.frombuffer(kept, bool)


def _candidates(signed: Sequence[Signatures], order: Ranks, originals: Ranks) -> Pairs:
    """All candidate pairs of the texts in memory, without those that are equal to one before."""
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    keys = np.concatenate([_NO_HASHES, *(part.keys.values for part in signed)])
    counts = np.concatenate([_NO_RANKS, *(part.keys.lengths for part in signed)])
    owners = np.repeat(ranks, counts)
    single = originals[owners] == owners
    packed = pack(keys[single], owners[single], len(order))
    return merged(list(find_pairs(packed, len(order), Capped())))


def merged(found: Sequence[Pairs]) -> Pairs:
    """Pairs from several places, each pair once, in order, with the sum of what they share."""
    first, second, shared = (np.concatenate(column) for column in zip(NO_PAIRS, *found, strict=True))
    packed = first << _RANK_BITS | second
    order = np.argsort(packed)
    packed = packed[order]
    starts = _starts(packed)
    return _unpacked(packed[starts], np.add.reduceat(shared[order], starts) if len(starts) else shared)


def _unpacked(pairs: Ranks, shared: Positions) -> Pairs:
    return Pairs(pairs >> _RANK_BITS, pairs & ((1 << _RANK_BITS) - 1), shared)


def _verified(texts: Sequence[str], order: Ranks, pairs: Pairs, size: int) -> Verified:
    """Verify pairs of texts in memory, some thousand pairs at a time."""
    checked = [_NO_VERIFIED]
    for which in _blocks(len(pairs.first), _VERIFIED_AT_ONCE):
        block = Pairs(*(column[which] for column in pairs))
        wanted = np.unique(np.concatenate([block.first, block.second]))
        sets = text_sets([texts[i] for i in order[wanted].tolist()], size)
        checked.append(verify(block, sets, wanted))
    return Verified(*(np.concatenate(column) for column in zip(*checked, strict=True)))


def text_sets(texts: Sequence[str], size: int) -> Ragged:
    """The set of shingles of each text."""
    parts = []
    for start, end in batches(texts):
        found = text.tokens(texts[start:end])
        parts.append(as_sets(shingles(Ragged(found.hashes(), found.offsets), size)))
    return stacked(parts)


def stacked(parts: Sequence[Ragged]) -> Ragged:
    """The numbers of the texts of several batches."""
    lengths = np.concatenate([_NO_RANKS, *(part.lengths for part in parts)])
    return Ragged(np.concatenate([_NO_HASHES, *(part.values for part in parts)]), _offsets(lengths))


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
    starts = _starts(buckets)
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
    pairs = _sorted(np.concatenate(found))
    starts = _starts(pairs)
    return _unpacked(pairs[starts], np.diff(np.append(starts, len(pairs))))


def _shared(one: Ragged, other: Ragged) -> Positions:
    """How many numbers each set of `one` has in common with the same set of `other`."""
    tags = [sets.owners.astype(np.uint64) << _SET_BITS | sets.values for sets in (one, other)]
    both = np.concatenate(tags)
    both.sort(kind="stable")  # two sorted runs: stable sorting merges them
    twice = both[1:][both[1:] == both[:-1]] >> _SET_BITS
    return np.bincount(twice.astype(np.int64), minlength=len(one.offsets) - 1)


def _whole(tokens: Ragged) -> Hashes:
    """One hash of all tokens of each text, in order."""
    data, ends = memoryview(tokens.values.astype("<u8", copy=False).tobytes()), (8 * tokens.offsets).tolist()
    hashes = (xxhash.xxh3_64_intdigest(data[start:end]) for start, end in pairwise(ends))
    return np.fromiter(hashes, np.uint64, len(ends) - 1)


def _roll(tokens: Sequence[int]) -> int:
    rolled = 0
    for token in tokens:
        rolled = (rolled * int(_ROLL) + token) % (1 << 64)
    return rolled


def _rank_bits(texts: int) -> np.uint64:
    return np.uint64(max(1, (texts - 1).bit_length()))


def _rate(lengths: Positions) -> Scores:
    """Share of a text's shingles that its signature holds."""
    return np.minimum(1.0, np.maximum(SAMPLED, SAMPLED_AT_LEAST / np.maximum(lengths, 1)))


def _is_in(values: npt.NDArray[Any], ordered: npt.NDArray[Any]) -> Flags:
    """Which values are among those in ascending order."""
    if not len(ordered):
        return np.zeros(len(values), bool)
    found: Flags = ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
    return found


def _sorted(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Ascending. Polars sorts three times as fast as numpy does without AVX-512."""
    return pl.Series(values).sort().to_numpy()


def _distinct(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    values = _sorted(values)
    return values[_starts(values)]


def _starts(ordered: npt.NDArray[np.integer]) -> Positions:
    """Where each run of equal numbers begins."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])


def _blocks(count: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def _offsets(lengths: npt.NDArray[np.integer]) -> Positions:
    return np.append(0, np.cumsum(lengths, dtype=np.int64))


def _check(threshold: float, containment: float, shingle: int) -> None:
    for name, value in (("threshold", threshold), ("containment", containment)):
        if not 0 < value <= 1:
            raise ValueError(f"{name} must be above 0 and at most 1, not {value}")
    if not 1 <= shingle <= MAX_SHINGLE:
        raise ValueError(f"shingle must be from 1 to {MAX_SHINGLE}, not {shingle}")
