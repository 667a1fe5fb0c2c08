"""Why a text is in no language, whatever a detector says: it has no letters or too few, or what it has is no prose.

langdetect calls code Danish and mojibake Portuguese, at 1.00. Counts of classes of characters tell such text first. The
bounds leave 15,470 of 15,471 texts of the development data alone, all but the letter `O`.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

from curate.text import categories

Counts = npt.NDArray[np.int64]

MAX_CHARACTERS = 20_000
"""How much of a text is looked at. langdetect stops at 10,000 characters that are not in addresses."""
MIN_LETTERS = 2
"""Below, not even `detect` answers."""
MIN_LETTER_SHARE = 0.4
"""Of the characters that are not spaces. Real texts have more, down to numbered headings."""
MAX_SYMBOL_SHARE, FEW_SYMBOLS = 0.12, 10
"""Of the characters that are not spaces: brackets, operators and what mojibake is made of. Prose stays under .05."""
MAX_WORD = 40
"""Letters between two spaces, on average, in scripts that put spaces."""

_AT_ONCE = 64
"""Texts that are counted together: few enough for a processor's cache, which is twice as fast as a batch."""
_UNSPACED = (
    (0x0E00, 0x109F),  # Thai, Lao, Tibetan, Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x30FF),  # kana
    (0x31F0, 0x31FF),
    (0x3400, 0x9FFF),  # Han
    (0xA000, 0xA4CF),  # Yi
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
)
_CODE = frozenset("()[]{}/\\@#&*_%")


def unfit(texts: list[str], min_letters: int) -> list[str | None]:
    """Why a text cannot be in any language; None where it can."""
    parts = [_character_counts(texts[start : start + _AT_ONCE]) for start in range(0, max(len(texts), 1), _AT_ONCE)]
    spaced, unspaced, symbols, spaces, solid = (np.concatenate(counts) for counts in zip(*parts, strict=True))
    letters = spaced + unspaced
    reasons = {
        "no letters": letters == 0,
        "too short": spaced + 3 * unspaced < min_letters,  # a syllable or ideograph says as much as three letters
        "few letters": letters < MIN_LETTER_SHARE * solid,
        "many symbols": (symbols > MAX_SYMBOL_SHARE * solid) & (symbols >= FEW_SYMBOLS),
        "endless words": spaced > MAX_WORD * (spaces + 1),
    }
    found = np.select(list(reasons.values()), list(reasons), default="")
    return [reason or None for reason in found.tolist()]


def _character_counts(texts: list[str]) -> tuple[Counts, ...]:
    """Letters, letters of scripts without spaces, symbols, spaces, and all but spaces: one count a text.

    One table look-up and one sum: each class counts in 15 bits of its own, enough for MAX_CHARACTERS.
    """
    points = np.frombuffer(("\n".join(texts) + "\n").encode("utf-32-le"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    starts = np.cumsum(lengths + 1) - lengths - 1
    sums = np.add.reduceat(_character_classes().take(points), starts) if texts else starts
    spaced, unspaced, symbols, spaces = ((sums >> shift) & 0x7FFF for shift in (0, 15, 30, 45))
    spaces -= 1  # the line end between two texts
    return spaced, unspaced, symbols, spaces, lengths - spaces


@cache
def _character_classes() -> Counts:
    """For each code point 1 in the bits of its class, or 0."""
    classes = np.zeros(0x110000, np.int64)
    kinds = categories(unicodedata.category)
    points = np.arange(len(kinds))
    first = kinds.astype("U1")
    letters = np.isin(first, ["L", "M"]) | (points == 0x0F0B)  # Tibetan puts this mark between syllables
    unspaced = np.zeros(len(points), bool)
    for low, high in _UNSPACED:
        unspaced[low : high + 1] = True
    symbols = np.isin(first, ["S", "C"]) | (kinds == "No") | np.isin(points, [ord(mark) for mark in _CODE])
    bits = np.select([letters & unspaced, letters, symbols], [1 << 15, 1, 1 << 30])
    classes[: len(kinds)] = bits
    classes[[point for point in range(0x3001) if chr(point).isspace()]] = 1 << 45
    classes[0x20000:0x32400] = 1 << 15  # ideographs
    return classes
