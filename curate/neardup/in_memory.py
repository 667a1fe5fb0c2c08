"""Clusters of a list of texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse  # noqa: F401  # what similarity.py imports when it is needed: not while texts wait

from curate.neardup.arrays import NO_HASHES, NO_RANKS, Ragged, Ranks, blocks, first_of
from curate.neardup.candidates import Capped, Pairs, find_pairs, merged, pack, promising
from curate.neardup.representatives import assign
from curate.neardup.shingles import BATCH_TOKENS, MAX_SHINGLE, Signatures, lowest, sets, sign, sketch, slices, tokens
from curate.neardup.similarity import NO_VERIFIED, Verified, verify
from curate.text import Hashes

_VERIFIED_AT_ONCE = 1 << 14


def cluster(texts: Sequence[str], *, threshold: float = 0.55, containment: float = 0.8, shingle: int = 3) -> list[int]:
    """The near-duplicate cluster of each text, as the index of its representative, the longest text of the cluster.

    Texts are near-duplicates if the Jaccard similarity of their token shingles is at least `threshold`, or if at least
    `containment` of the smaller one's shingles are in the larger; both are above 0 and at most 1. A shingle is
    `shingle` tokens, 1 to 16. A text without a token is a copy of none.

    Raises ValueError for a bound outside these ranges.

    >>> cluster(["The ferry leaves at noon today.", "THE FERRY leaves, at noon, today", "Snow fell on the pass."])
    [0, 0, 2]
    """
    _check(threshold, containment, shingle)
    read = tokens(texts)
    signed = [sign(read.between(start, end)) for start, end in slices(read.lengths.tolist(), BATCH_TOKENS)]
    sizes = np.concatenate([NO_RANKS, *(part.sizes for part in signed)])
    exact = np.concatenate([NO_HASHES, *(part.exact for part in signed)])
    order = np.lexsort((exact, -sizes))
    originals = np.where(sizes[order] > 0, first_of(exact[order]), np.arange(len(order)))
    keys = np.concatenate([NO_RANKS, *(part.keys.lengths for part in signed)])
    rates = np.concatenate([np.empty(0), *(part.rates for part in signed)])
    capped = Capped()
    sketches = np.concatenate([NO_HASHES, *(sketch(part.keys) for part in signed)])[order]
    found = _candidates(signed, order, originals, sketches, capped)
    pairs = promising(found, keys[order], rates[order], capped.keys(len(order)))
    members = assign(_verified(read, order, pairs, shingle), threshold, containment)
    representatives = np.arange(len(texts))
    representatives[members.second] = members.first
    labels = np.empty(len(texts), np.int64)
    labels[order] = order[representatives[originals]]
    return labels.tolist()


def _candidates(signed: list[Signatures], order: Ranks, originals: Ranks, sketches: Hashes, capped: Capped) -> Pairs:
    """All candidate pairs of the texts in memory, without those that are equal to one before. Takes `signed` apart."""
    return merged(list(find_pairs(_packed(signed, order, originals), sketches, capped)))


def _packed(signed: list[Signatures], order: Ranks, originals: Ranks) -> Hashes:
    """The keys of all texts with their ranks; each part of the signatures is let go of when it is packed."""
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    packed, end = [NO_HASHES], len(order)
    while signed:
        part = signed.pop()
        end -= len(part.sizes)
        owners = ranks[end : end + len(part.sizes)][part.keys.owners]
        single = np.flatnonzero(originals[owners] == owners)
        low = lowest(part.keys)[single]
        packed.append(pack(part.keys.values[single], owners[single], low, len(order)))
    return np.concatenate(packed)


def _verified(read: Ragged, order: Ranks, pairs: Pairs, size: int) -> Verified:
    """Verify pairs of texts, given by their tokens, some thousand pairs at a time."""
    checked = [NO_VERIFIED]
    for which in blocks(len(pairs.first), _VERIFIED_AT_ONCE):
        block = Pairs(*(column[which] for column in pairs))
        wanted = np.unique(np.concatenate([block.first, block.second]))
        checked.append(verify(block, sets(read.take(order[wanted]), size), wanted))
    return Verified(*(np.concatenate(column) for column in zip(*checked, strict=True)))


def _check(threshold: float, containment: float, shingle: int) -> None:
    for name, value in (("threshold", threshold), ("containment", containment)):
        if not 0 < value <= 1:
            raise ValueError(f"{name} must be above 0 and at most 1, not {value}")
    if not 1 <= shingle <= MAX_SHINGLE:
        raise ValueError(f"shingle must be from 1 to {MAX_SHINGLE}, not {shingle}")
