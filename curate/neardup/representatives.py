"""Verified pairs -> clusters, each around its representative."""

from __future__ import annotations

import numpy as np

from curate.neardup.arrays import Flags, Ragged, blocks, distinct, is_in, offsets_of
from curate.neardup.shingles import AT_ONCE
from curate.neardup.similarity import Verified, relevant, similar

_SETTLED_AT_ONCE = 1 << 16


def assign(checked: Verified, threshold: float, containment: float) -> Verified:
    """The pairs that make the clusters: (representative, member), one for each text that is no representative.

    A member joins the first representative by rank of those that it is a near-duplicate of by itself; if there is none,
    the first of the others. Memory is in proportion to the pairs.
    """
    checked = relevant(checked, threshold, containment)
    ranks = distinct(np.concatenate([checked.first, checked.second]))
    first, second = (np.searchsorted(ranks, side) for side in (checked.first, checked.second))
    found = _assign(len(ranks), checked._replace(first=first, second=second), threshold, containment)
    return found._replace(first=ranks[found.first], second=ranks[found.second])


def _assign(texts: int, checked: Verified, threshold: float, containment: float) -> Verified:
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
    neighbours = Ragged(other[np.argsort(one)].astype(np.uint64), offsets_of(counts))
    fewer = counts[loose.first] <= counts[loose.second]
    start, end = np.where(fewer, [loose.first, loose.second], [loose.second, loose.first])
    linked = np.zeros(len(start), bool)
    for block in blocks(len(start), AT_ONCE):
        third = neighbours.take(start[block])
        wanted = end[block][third.owners] * texts + third.values.astype(np.int64)
        found = third.owners[is_in(wanted, pairs)]
        linked[block.start + found] = True
    return linked


def _representatives(texts: int, alike: Verified) -> Flags:
    """Which texts are similar to no representative before them. Pairs are settled in the order of their first text."""
    kept = bytearray(b"\1") * texts
    order = np.argsort(alike.first, kind="stable")
    for block in blocks(len(order), _SETTLED_AT_ONCE):
        for first, second in zip(*(side[order[block]].tolist() for side in (alike.first, alike.second)), strict=True):
            if kept[first]:
                kept[second] = 0
    return np.frombuffer(kept, bool)
