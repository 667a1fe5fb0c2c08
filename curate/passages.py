"""In which passages two texts differ: what stands behind "near-duplicate", for `explain` and the report.

Texts are compared word by word, as `dedup` compares them: case, punctuation and spacing do not count, and a character
of a script that writes no spaces is a word. Long texts are compared line by line. The matching is that of the standard
library's difflib (Ratcliff and Obershelp 1988).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import NamedTuple

from curate.text import UNSPACED

MAX_UNITS = 4000
"""Words, or else lines, of a text between its first and last difference: more are not matched."""
MIN_SAME = 3
"""Words that two texts have in common between two differences, below which both are shown as one."""

_ONE = "".join(f"{chr(low)}-{chr(high)}" for low, high in UNSPACED)
_WORD = re.compile(rf"\W*(?:[{_ONE}]|[^\W{_ONE}]+)\W*|\W+")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_NO_WORD = re.compile(r"\W+")


class Passage(NamedTuple):
    """A piece of two texts that is the same in both, or differs: then one side may be empty."""

    same: bool
    first: str
    second: str


def compare(first: str, second: str) -> list[Passage]:
    """Two texts as passages that are the same in both and passages that differ; the pieces add up to the texts.

    >>> [(passage.first, passage.second) for passage in compare("Rain is due on Monday.", "Rain is due on Tuesday.")]
    [('Rain is due on ', 'Rain is due on '), ('Monday.', 'Tuesday.')]
    """
    for cut in (_WORD.findall, _LINE.findall):
        units = cut(first), cut(second)
        found = _Match(*units)
        if found.fits:
            break
    return list(_joined(found.blocks(), *units))


class _Match:
    """Two lists of units, equal at their start and end."""

    def __init__(self, first: Sequence[str], second: Sequence[str]) -> None:
        self.first, self.second = _keys(first), _keys(second)
        shorter = min(len(first), len(second))
        self.head = _same_at_start(self.first, self.second, shorter)
        self.tail = _same_at_start(self.first[::-1], self.second[::-1], shorter - self.head)

    @property
    def fits(self) -> bool:
        """Whether what lies between can be matched in a moment."""
        return max(len(self.first), len(self.second)) - self.head - self.tail <= MAX_UNITS

    def blocks(self) -> Iterator[tuple[int, int, int]]:
        """Start in the first and in the second list and length of each run that both have, in order."""
        yield 0, 0, self.head
        ends = len(self.first) - self.tail, len(self.second) - self.tail
        if self.fits:
            between = self.first[self.head : ends[0]], self.second[self.head : ends[1]]
            for start, other, size in SequenceMatcher(None, *between).get_matching_blocks()[:-1]:
                yield self.head + start, self.head + other, size
        yield *ends, self.tail


def _keys(units: Sequence[str]) -> list[str]:
    return [_NO_WORD.sub(" ", unit).strip().lower() for unit in units]


def _same_at_start(first: Sequence[str], second: Sequence[str], most: int) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first[:most], second, strict=False)))


def _joined(blocks: Iterator[tuple[int, int, int]], first: Sequence[str], second: Sequence[str]) -> Iterator[Passage]:
    """The runs that both texts have, and what lies between them."""
    done = other_done = 0
    last = len(first), len(second)
    for start, other, size in blocks:
        inside = (done or other_done) and (start + size, other + size) != last
        if not size or (inside and size < MIN_SAME):
            continue
        if start > done or other > other_done:
            yield Passage(False, "".join(first[done:start]), "".join(second[other_done:other]))
        done, other_done = start + size, other + size
        yield Passage(True, "".join(first[start:done]), "".join(second[other:other_done]))
    if (done, other_done) != last:
        yield Passage(False, "".join(first[done:]), "".join(second[other_done:]))
