"""Pairs of texts -> their exact similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from curate.neardup.arrays import NO_RANKS, Flags, Ragged, Ranks, Scores, ascending, starts_of_runs
from curate.neardup.candidates import Pairs
from curate.neardup.shingles import BATCH_TOKENS, slices
from curate.text import Hashes, Positions

if TYPE_CHECKING:
    import scipy.sparse

MIN_RATIO = 0.2
"""Jaccard similarity below which a text that is contained in another is no copy, but a brief in a digest."""
RELAXED = 0.7
"""Share of the bounds that is enough for two texts of which a third is a near-duplicate."""

HITS_AT_ONCE = 1 << 20
"""Shingles that a text and a sampled one share, all such pairs together, that are held at a time."""


class Verified(NamedTuple):
    """Pairs of texts by rank with their exact similarity."""

    first: Ranks
    second: Ranks
    jaccard: Scores
    containment: Scores

    def take(self, which: Ranks | Flags) -> Verified:
        """Some of the pairs."""
        return Verified(self.first[which], self.second[which], self.jaccard[which], self.containment[which])


NO_VERIFIED = Verified(NO_RANKS, NO_RANKS, np.empty(0), np.empty(0))


class Index(NamedTuple):
    """Some texts by their shingles."""

    shingles: Hashes  # ascending
    holders: Ragged  # the texts that have each
    lengths: Positions  # number of shingles of each text


def verify(pairs: Pairs, sets: Ragged, ranks: Ranks) -> Verified:
    """The exact similarity of pairs, from the sets of the texts that have these `ranks`."""
    order = np.argsort(ranks)
    first, second = (order[np.searchsorted(ranks, side, sorter=order)] for side in (pairs.first, pairs.second))
    lengths = sets.lengths
    found, matrix = [NO_RANKS], _matrix(sets)
    for start, end in slices((lengths[first] + lengths[second]).tolist(), BATCH_TOKENS):
        found.append(np.diff(matrix[first[start:end]].multiply(matrix[second[start:end]]).indptr))
    return _compared(pairs.first, pairs.second, np.concatenate(found), lengths[first], lengths[second])


def index(sets: Ragged) -> Index:
    """The texts that have each shingle."""
    order = np.argsort(sets.values)
    starts = starts_of_runs(sets.values[order])
    holders = Ragged(sets.owners[order].astype(np.uint64), np.append(starts, len(order)))
    return Index(sets.values[order][starts], holders, sets.lengths)


def search(sets: Ragged, sample: Index) -> Verified:
    """The exact similarity of all pairs (text of `sets`, text of `sample`) that have a shingle in common."""
    entries = len(sample.shingles)
    place = np.minimum(np.searchsorted(sample.shingles, sets.values), max(entries - 1, 0))
    known = np.flatnonzero(sample.shingles[place] == sets.values) if entries else NO_RANKS
    owners, place = sets.owners[known], place[known]
    hits = np.bincount(owners, sample.holders.lengths[place], len(sets.lengths)).astype(np.int64)
    found = [NO_VERIFIED]
    for start, end in slices(hits.tolist(), HITS_AT_ONCE):
        here = slice(*np.searchsorted(owners, [start, end]))
        first, second, shared = _shared(owners[here], sample.holders.take(place[here]), len(sample.lengths))
        found.append(_compared(first, second, shared, sets.lengths[first], sample.lengths[second]))
    return Verified(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _shared(owners: Positions, hits: Ragged, texts: int) -> tuple[Ranks, Ranks, Positions]:
    """How many shingles of each owner each of the sampled texts has, where it has any."""
    pairs = ascending(owners[hits.owners] * texts + hits.values.astype(np.int64))
    starts = starts_of_runs(pairs)
    first, second = np.divmod(pairs[starts], max(texts, 1))
    return first, second, np.diff(np.append(starts, len(pairs)))


def similar(checked: Verified, threshold: float, containment: float, share: float = 1.0) -> Flags:
    """Which pairs reach the bounds, or a share of them: near-duplicates by themselves, for a share of 1."""
    contained = (checked.containment >= share * containment) & (checked.jaccard >= share * MIN_RATIO)
    return (checked.jaccard >= share * threshold) | contained


def relevant(checked: Verified, threshold: float, containment: float) -> Verified:
    """The pairs that are near-duplicates, or may be so by a third text."""
    return checked.take(similar(checked, threshold, containment, RELAXED))


def _compared(first: Ranks, second: Ranks, shared: Positions, one: Positions, other: Positions) -> Verified:
    """Pairs with their similarity, from how many shingles they share and have."""
    return Verified(first, second, shared / (one + other - shared), shared / np.minimum(one, other))


def _matrix(sets: Ragged) -> scipy.sparse.csr_array:
    """A row for each text with a one for each of its shingles."""
    import scipy.sparse  # here, for it takes a tenth of a second

    ones = np.ones(len(sets.values), np.int8)
    return scipy.sparse.csr_array((ones, sets.values.view(np.int64), sets.offsets), (len(sets.lengths), 1 << 55))
