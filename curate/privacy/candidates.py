"""Places in a batch of texts where personal data may stand: found with numpy over all bytes, without a look at lines.

Every function takes UTF-8 text as bytes, in which a line end stands at least behind each document, and returns
positions in it. What they find is a superset: nothing that `kinds` would take is missing, most of it is dropped there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from curate.text import Bytes, Positions

MIN_NUMBER = 7
"""Digits of the shortest phone number that is looked for."""
MAX_NUMBER = 48
"""Digits of a run that may be a number; a longer one is a table or a list."""
_LONGEST_GAP = 4

_DIGITS = np.zeros(256, bool)
_DIGITS[48:58] = True
_CAPITALS = np.zeros(256, bool)
_CAPITALS[65:91] = True
_WORD = _DIGITS | _CAPITALS
_WORD[97:123] = True
_BETWEEN = np.zeros(256, bool)
_BETWEEN[list(b" -./()" + "\u00a0\u2010\u2011\u2012\u2013\u202f".encode())] = True


@dataclass(frozen=True)
class Places:
    """The candidates in `data`."""

    data: Bytes

    @cached_property
    def digits(self) -> Positions:
        """Position of every ASCII digit."""
        return np.flatnonzero((self.data - np.uint8(48)) < 10)

    def emails(self) -> Positions:
        """Each @."""
        return np.flatnonzero(self.data == 64)

    def numbers(self) -> Positions:
        """The first of a run of digits that only spaces, hyphens, dots, slashes and brackets part."""
        digits = self.digits
        if not len(digits):
            return digits
        starts = np.flatnonzero(np.append(True, ~self._joined()))
        counts = np.diff(np.append(starts, len(digits)))
        return digits[starts[(counts >= MIN_NUMBER) & (counts <= MAX_NUMBER)]]

    def _joined(self) -> npt.NDArray[np.bool_]:
        """Whether each digit but the last belongs to one number with the next."""
        here, gap = self.digits[:-1], np.diff(self.digits)
        joined = gap <= _LONGEST_GAP
        for step in range(1, _LONGEST_GAP):
            inside = np.flatnonzero(joined & (gap > step))
            joined[inside] &= _BETWEEN[self.data[here[inside] + step]]
        return joined

    def ipv4(self) -> Positions:
        """The first of three dots between digits, near each other."""
        after = self.digits[: np.searchsorted(self.digits, len(self.data) - 2)] + 1
        dots = after[(self.data[after] == 46) & _DIGITS[self.data[after + 1]]]
        first: Positions = dots[:-2][dots[2:] - dots[:-2] <= 8]
        return first

    def ipv6(self) -> Positions:
        """The first of two colons in a row, or of seven near each other."""
        colons = np.flatnonzero(self.data == 58)
        double = colons[:-1][np.diff(colons) == 1]
        many = colons[:-6][colons[6:] - colons[:-6] <= 30]
        return np.union1d(double, many)

    def ibans(self) -> Positions:
        """The first letter of two capitals and two digits at the beginning of a word."""
        at = self.digits[:-1][np.diff(self.digits) == 1]
        at = at[at >= 2]
        at = at[_CAPITALS[self.data[at - 1]] & _CAPITALS[self.data[at - 2]]] - 2
        first: Positions = at[(at == 0) | ~_WORD[self.data[at - 1]]]
        return first
