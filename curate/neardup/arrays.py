"""Numbers of many texts in numpy arrays, and what is done with such arrays everywhere here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.text import Hashes, Positions

Ranks = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.float64]
NO_RANKS = np.empty(0, np.int64)
NO_HASHES = np.empty(0, np.uint64)
_COMPARED_AT_ONCE = 1 << 19


class Ragged(NamedTuple):
    """Numbers of many texts in one array: text `i` has `values[offsets[i] : offsets[i + 1]]`."""

    values: npt.NDArray[Any]
    offsets: Positions

    @property
    def lengths(self) -> Positions:
        """How many numbers each text has."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> Positions:
        """The text of each number."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.lengths)

    def between(self, start: int, end: int) -> Ragged:
        """The numbers of a run of texts."""
        offsets = self.offsets[start : end + 1]
        return Ragged(self.values[offsets[0] : offsets[-1]], offsets - offsets[0])

    def take(self, texts: Ranks) -> Ragged:
        """The numbers of some texts, in the order of `texts`."""
        lengths = self.lengths[texts]
        offsets = offsets_of(lengths)
        at = np.arange(offsets[-1]) + np.repeat(self.offsets[texts] - offsets[:-1], lengths)
        return Ragged(self.values[at], offsets)


def stacked(parts: Sequence[Ragged]) -> Ragged:
    """The numbers of the texts of several batches."""
    lengths = np.concatenate([NO_RANKS, *(part.lengths for part in parts)])
    return Ragged(np.concatenate([part.values for part in parts]) if parts else NO_HASHES, offsets_of(lengths))


def first_of(values: Hashes, among: Flags | None = None) -> Numbers:
    """For each value the position of the first one equal to it; for one that is not `among` those compared its own.

    >>> first_of(np.array([7, 3, 7], np.uint64)).tolist()
    [0, 1, 0]
    """
    found = np.arange(len(values), dtype=np.uint32)
    parts = np.uint64(1 + len(values) // _COMPARED_AT_ONCE)
    cut = blocks(len(values), _COMPARED_AT_ONCE)
    among = np.ones(len(values), bool) if among is None else among
    for part in range(int(parts)):
        rows = (block.start + np.flatnonzero(among[block] & (values[block] % parts == part)) for block in cut)
        which = np.concatenate([NO_RANKS, *rows]).astype(np.uint32)
        _, first, group = np.unique(values[which], return_index=True, return_inverse=True)
        found[which] = which[first[group]]
    return found


def ascending(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Ascending. Polars sorts three times as fast as numpy does without AVX-512."""
    return pl.Series(values).sort().to_numpy()


def ascending_order(values: npt.NDArray[Any]) -> Ranks:
    """The positions of the values in ascending order."""
    return pl.Series(values).arg_sort().to_numpy().astype(np.int64)


def distinct(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each value once, ascending."""
    values = ascending(values)
    return values[starts_of_runs(values)]


def starts_of_runs(ordered: npt.NDArray[np.integer]) -> Positions:
    """Where each run of equal numbers begins."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])


def is_in(values: npt.NDArray[Any], ordered: npt.NDArray[Any]) -> Flags:
    """Which values are among those in ascending order."""
    if not len(ordered):
        return np.zeros(len(values), bool)
    found: Flags = ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
    return found


def places_in(values: npt.NDArray[Any], ordered: npt.NDArray[Any]) -> pl.Series:
    """Where each value stands among those in ascending order; null where it does not."""
    places = pl.Series(np.searchsorted(ordered, values), dtype=pl.UInt32)
    return places.set(~pl.Series(is_in(values, ordered)), None)


def blocks(count: int, size: int) -> list[slice]:
    """Slices of at most `size` that together cover `count` rows.

    >>> blocks(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def offsets_of(lengths: npt.NDArray[np.integer]) -> Positions:
    """Where each of consecutive runs begins, and at last where they end.

    >>> offsets_of(np.array([2, 0, 3])).tolist()
    [0, 2, 2, 5]
    """
    return np.append(0, np.cumsum(lengths, dtype=np.int64))
