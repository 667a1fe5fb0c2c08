"""What a line, a word and a hash are: one definition for all stages, the same on every machine and in every year.

A token is a run of letters, digits and marks, or one character of a script that writes no spaces (Han, kana, Thai, Lao,
Burmese, Khmer), after NFKC and lower case (of characters whose lower case is as long in UTF-8). Character classes come
from the frozen Unicode 3.2 tables that every Python carries (`unicodedata.ucd_3_2_0`); a letter assigned later counts
as a letter. NFKC and case mapping are stable for assigned characters by Unicode's policy. Hashes are 64 bits: xxh3 of
the UTF-8 bytes for strings, and for tokens a multiply-and-shift over their bytes, eight at a time, which numpy does for
a whole batch at once.

`VERSION` changes whenever a token or a hash does. Hashes of different versions must not be compared.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl
import xxhash

VERSION = 1

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

OTHER, WORD, SINGLE = 0, 1, 2  # classes of characters: no token, part of a token, a token
UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3040, 0x30FF),  # kana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_SYMBOLS = ((0x2000, 0x2BFF), (0x2E00, 0x2E7F), (0xFE00, 0xFE6F), (0xFFF0, 0xFFFF), (0x1F000, 0x1FFFF))
_COMMON_MARKS = "\u3000，．：；！？（）～…\xa0"
_LONGEST = 64
_FACTOR = np.uint64(0xD6E8FEB86659FD93)
_SHIFT = np.uint64(32)
_BLANK = ord(" ")


@dataclass(frozen=True)
class Tokens:
    """The tokens of a batch of texts: text `i` has tokens `offsets[i]` up to `offsets[i + 1]`."""

    data: Bytes  # all texts as normalised UTF-8, blank where there is no token
    starts: Positions  # where each token begins in `data`
    ends: Positions
    offsets: Positions  # one more than there are texts

    @property
    def counts(self) -> Positions:
        """Number of tokens of each text."""
        return np.diff(self.offsets)

    def hashes(self) -> Hashes:
        """A 64-bit hash of each token."""
        return _hash_slices(self.data, self.starts, self.ends)


def hash64(values: pl.Series) -> Hashes:
    """xxh3 of the UTF-8 bytes of each string; a null hashes as the empty string."""
    strings = values.cast(pl.String).fill_null("").cast(pl.Binary).to_list()
    return np.fromiter(map(xxhash.xxh3_64_intdigest, strings), np.uint64, len(strings))


def mix(x: Hashes) -> Hashes:
    """Scramble 64-bit integers one to one, so that every bit depends on every bit, as MurmurHash3 does at its end."""
    x = x ^ (x >> _SHIFT)
    for _ in range(2):
        x *= _FACTOR
        x ^= x >> _SHIFT
    return x


def lines(texts: pl.Series) -> pl.DataFrame:
    """The lines of each text: columns `document` (row in `texts`, UInt32) and `line`. A null text has none.

    >>> lines(pl.Series(["one\\ntwo", None])).rows()
    [(0, 'one'), (0, 'two')]
    """
    frame = pl.DataFrame({"line": texts.cast(pl.String).str.split("\n")}).with_row_index("document")
    return frame.explode("line", empty_as_null=False, keep_nulls=False)


def tokens(texts: Sequence[str]) -> Tokens:
    """Find the tokens of each text. Memory: about 12 times the texts, so give some megabytes at a time."""
    encoded = [_composed(text) for text in texts]
    joined = bytearray(b" ").join([b"", *encoded, bytes(8)])
    data = np.frombuffer(joined.translate(_ascii_table()), np.uint8)
    starts, ends = _find(data, _fold(data))
    breaks = np.cumsum([0] + [len(text) + 1 for text in encoded])
    return Tokens(data, starts, ends, np.searchsorted(starts, breaks))


def _composed(text: str) -> bytes:
    """NFKC as UTF-8. Marks that most texts not in this form have, and that are in no token, go first: it is faster."""
    if text.isascii():
        return text.encode()
    if not unicodedata.is_normalized("NFKC", text):
        for mark in _COMMON_MARKS:
            text = text.replace(mark, " ")
        text = unicodedata.normalize("NFKC", text)
    return text.encode(errors="replace")


def _find(data: Bytes, single: Positions) -> tuple[Positions, Positions]:
    """Where tokens start and end: runs of what is not blank, cut before and after the one-character tokens."""
    word = data != _BLANK
    edges = word[1:] != word[:-1]
    if not len(single):
        found = np.flatnonzero(edges) + 1
        return found[0::2], found[1::2]
    starts, ends = np.zeros(len(data), bool), np.zeros(len(data), bool)
    starts[1:], ends[1:] = edges & word[1:], edges & word[:-1]
    first, behind = single[:, 0], single[:, 1]
    starts[first], ends[behind] = True, True
    starts[behind], ends[first] = starts[behind] | word[behind], ends[first] | word[first - 1]
    return np.flatnonzero(starts), np.flatnonzero(ends)


def _fold(data: Bytes) -> Positions:
    """Lower the characters beyond ASCII and blank those in no token; returns start and end of one-character tokens."""
    found = [np.empty((0, 2), np.int64)]
    leads = np.flatnonzero(data >= 0xC0)
    lengths = 2 + (data[leads] >= 0xE0).view(np.uint8) + (data[leads] >= 0xF0).view(np.uint8)
    for length in (2, 3, 4):
        at = leads[lengths == length]
        points = _codepoints(data, at, length)
        kinds = character_classes()[points]
        lowered = _lower()[points]
        capital = np.flatnonzero(lowered != points)
        _write(data, at[capital], lowered[capital], length)
        other = at[kinds == OTHER]
        for i in range(length):
            data[other + i] = _BLANK
        found.append(np.stack([at, at + length], 1)[kinds == SINGLE])
    return np.concatenate(found)


def _codepoints(data: Bytes, at: Positions, length: int) -> npt.NDArray[np.int32]:
    points = (data[at] & (0x7F >> length)).astype(np.int32)
    for i in range(1, length):
        points = points << 6 | (data[at + i] & 0x3F)
    return points


def _write(data: Bytes, at: Positions, points: npt.NDArray[np.int32], length: int) -> None:
    """Put characters in the place of others of the same number of bytes."""
    for i in range(length - 1, 0, -1):
        data[at + i] = points & 0x3F | 0x80
        points = points >> 6
    data[at] = points | (0xFF00 >> length & 0xFF)


def _hash_slices(data: Bytes, starts: Positions, ends: Positions) -> Hashes:
    """Hash of the bytes of each slice, eight at a time; slices over 64 bytes by xxh3."""
    words = np.ndarray(len(data) - 7, "<u8", data, strides=(1,))
    lengths = ends - starts
    hashes = _scramble(words[starts] << _unused_bits(lengths))
    for done in range(8, _LONGEST, 8):
        more = np.flatnonzero(lengths > done)
        if not len(more):
            return hashes
        rest = words[starts[more] + done] << _unused_bits(lengths[more] - done)
        hashes[more] = _scramble(hashes[more] ^ rest)
    for i in np.flatnonzero(lengths > _LONGEST):
        hashes[i] = xxhash.xxh3_64_intdigest(data[starts[i] : ends[i]].tobytes())
    return hashes


def _unused_bits(lengths: Positions) -> Hashes:
    """Bits of a word of eight bytes behind a slice."""
    return np.maximum(64 - 8 * lengths, 0).view(np.uint64)


def _scramble(x: Hashes) -> Hashes:
    x = x * _FACTOR
    x ^= x >> _SHIFT
    return x


@cache
def _ascii_table() -> bytes:
    """ASCII letters and digits in lower case, all else blank; bytes beyond ASCII as they are."""
    kept = (chr(i).lower() if i > 127 or chr(i).isalnum() else " " for i in range(256))
    return bytes(i if i > 127 else ord(char) for i, char in enumerate(kept))


@cache
def character_classes() -> Bytes:
    """Class of every code point: OTHER, WORD or SINGLE. Planes 2 and 3 are Han; above are no letters."""
    table = np.full(0x110000, OTHER, np.uint8)
    kinds = categories(unicodedata.ucd_3_2_0.category)
    new = kinds == "Cn"
    for low, high in _SYMBOLS:
        new[low : high + 1] = False
    table[: len(kinds)] = new | np.isin(kinds.astype("U1"), ["L", "N", "M"])
    table[0x20000:0x40000] = WORD
    for low, high in UNSPACED:
        table[low : high + 1] *= SINGLE
    return table


@cache
def _lower() -> npt.NDArray[np.int32]:
    """Lower case of every code point, where it is one character of as many bytes in UTF-8."""
    table = np.arange(0x110000, dtype=np.int32)
    small = [chr(point).lower() for point in range(0x20000)]
    points = np.flatnonzero(np.fromiter(map(len, small), np.int64) == 1)
    lower = np.array([ord(small[point]) for point in points], np.int32)
    same = (_utf8_length(lower) == _utf8_length(points)) & (points >= 0x80)
    table[points[same]] = lower[same]
    table[ord("ς")] = ord("σ")
    return table


def _utf8_length(points: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    return np.searchsorted([0x80, 0x800, 0x10000], points, side="right") + 1


def categories(category: Callable[[str], str]) -> npt.NDArray[np.str_]:
    """The two letters of each code point's category, below 0x20000: all that are not ideographs."""
    return np.array("".join(map(category, map(chr, range(0x20000))))).reshape(1).view("U2")
