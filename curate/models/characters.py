"""The characters of lines by class (letters, digits, commas, brackets, ...), for a batch of lines at once.

One histogram over the batch, and what stands at the start and end of each line: nothing here loops over lines.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

SPACE, LOWER, UPPER, LETTER, UNSPACED, DIGIT, COMMA, TERMINAL, QUOTE = range(9)
SEPARATOR, BRACKET, COLON, CUT, OTHER, NEWLINE = range(9, 15)
_SPELLED = {
    COMMA: ",，、،;؛；",
    TERMINAL: ".!?。！？؟।։",
    QUOTE: "\"'“”„«‘’「」『』‹",
    SEPARATOR: "|·•/–—>-←▼▲●✓✔*_=#~<",
    BRACKET: "()[]{}（）【】〔〕",
    COLON: ":：",
    CUT: "…→»›▶►",
    NEWLINE: "\n",
}
_UNSPACED_RANGES = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0xF900, 0xFAFF),
)
_CRY, _AT = ord("!"), ord("@")
_CATEGORIES = {"Ll": LOWER, "Lu": UPPER, "Lt": UPPER, "Nd": DIGIT, "No": DIGIT, "Nl": DIGIT}


class Characters:
    """The characters of lines by class. `counts` is [lines, classes]."""

    def __init__(self, joined: str, lines: int) -> None:
        points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
        self._classes = _classes()[np.minimum(points, 0xFFFF)]
        breaks = np.flatnonzero(self._classes == NEWLINE)
        self._ends = np.append(breaks, len(points))[:lines]
        self._starts = np.append(0, breaks + 1)[:lines]
        self.lengths = self._ends - self._starts
        line = np.repeat(np.arange(lines) * 16, np.append(self.lengths[:-1] + 1, self.lengths[-1:]))
        self.counts = np.bincount(line + self._classes, minlength=lines * 16).reshape(lines, 16)
        self._last = self._at(self._ends - 1)
        self._read_ends()
        self._read_words()
        self.has_time = self._per_line(self._times()) > 0
        self.cries = self._per_line(np.flatnonzero((points == _CRY) | (points == _AT)))

    def _times(self) -> Ints:
        """Where a clock or a date in numbers stands: 10:30, 24.12.2012."""
        before, mark, after = self._classes[:-2], self._classes[1:-1], self._classes[2:]
        between = np.flatnonzero((before == DIGIT) & (after == DIGIT) & (mark != DIGIT)) + 1
        kind = self._classes[between]
        point = between[(kind == TERMINAL) | (kind == SEPARATOR)]
        dates = point[:-1][np.diff(point) <= 3]
        return np.sort(np.concatenate([between[kind == COLON], dates]))

    def _at(self, index: Ints) -> npt.NDArray[np.uint8]:
        return self._classes[np.maximum(index, 0)]

    def _read_ends(self) -> None:
        end = self._ends - 1
        for _ in range(2):
            closing = np.isin(self._at(end), (QUOTE, BRACKET)) & (end > self._starts)
            end = end - closing
        twice = (self._at(end) == TERMINAL) & (self._at(end - 1) == TERMINAL)
        self.ends_cut = twice | (self._last == CUT)
        self.ends_sentence = self._at(end) == TERMINAL

    def _read_words(self) -> None:
        before, after = self._classes[:-1], self._classes[1:]
        initial = np.flatnonzero((after == UPPER) & (before != LOWER) & (before != UPPER)) + 1
        stops = np.flatnonzero((before == TERMINAL) & ((after == SPACE) | (after == UNSPACED)))
        self.capitalised = self._per_line(initial) + self.starts_in(UPPER)
        self.sentences = self._per_line(stops)

    def _per_line(self, places: Ints) -> Ints:
        return np.searchsorted(places, self._ends) - np.searchsorted(places, self._starts + 1)

    def starts_in(self, *classes: int) -> npt.NDArray[np.bool_]:
        """Which lines start with a character of these classes."""
        return np.isin(self._at(self._starts), classes)

    def ends_in(self, *classes: int) -> npt.NDArray[np.bool_]:
        """Which lines end with one."""
        return np.isin(self._last, classes)


@cache
def _classes() -> npt.NDArray[np.uint8]:
    """Class of each code point of the first plane; what lies above counts as its last one, a symbol."""
    category = unicodedata.ucd_3_2_0.category
    table = np.array([_class_of(category(chr(i))) for i in range(0x10000)], np.uint8)
    for low, high in _UNSPACED_RANGES:
        span = table[low : high + 1]
        span[span == LETTER] = UNSPACED
    for kind, characters in _SPELLED.items():
        table[[ord(character) for character in characters]] = kind
    return table


def _class_of(category: str) -> int:
    if category in _CATEGORIES:
        return _CATEGORIES[category]
    if category[0] in "LM":
        return LETTER
    return SPACE if category[0] in "ZC" else OTHER
