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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import xxhash

VERSION = 1

Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

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
_UNUSED_BITS = np.arange(64, -1, -8).astype(np.uint64)  # of eight bytes, behind a slice of 0 to 8 bytes
_BLANK = ord(" ")
_KIND, _CAPITAL, _ODD, _JOINS = 3, 4, 8, 16
_JOINING_JAMO = slice(0x1160, 0x1200)
_HAN_VARIANTS = slice(0x2F800, 0x2FA20)


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
    encoded = [text.encode() if text.isascii() else text.encode(errors="replace") for text in texts]
    data, breaks = _joined(encoded)
    cuts, odd, points = _fold(data)
    if changed := _composed(texts, np.searchsorted(breaks, odd, side="right") - 1, points):
        data, cuts, breaks = _exchanged(data, cuts, breaks, changed)
    starts, ends = runs(data != _BLANK, cuts)
    return Tokens(data, starts, ends, np.searchsorted(starts, breaks))


def _joined(encoded: Sequence[bytes]) -> tuple[Bytes, Positions]:
    """Texts with ASCII in lower case and blanks before, between and behind them, and where each begins."""
    joined = bytearray(b" ").join([b"", *encoded, bytes(8)])
    breaks = np.cumsum([1] + [len(text) + 1 for text in encoded])
    return np.frombuffer(joined.translate(_ascii_table()), np.uint8), breaks


def _composed(texts: Sequence[str], owners: Positions, points: Positions) -> dict[int, bytes]:
    """Those texts that are not in NFKC, in that form, by the odd characters they have and the text of each.

    Where none of these joins what is before it, NFKC is to exchange each for what it becomes alone.
    """
    joining = owners[_looks()[points] & _JOINS > 0]
    changed = {i: _normalized(texts[i]) for i in set(joining.tolist())}
    alone = np.flatnonzero(~np.isin(owners, joining))
    for i, point in set(zip(owners[alone].tolist(), points[alone].tolist(), strict=True)):
        text = changed.get(i, texts[i])
        changed[i] = text.replace(chr(point), unicodedata.normalize("NFKC", chr(point)))
    return {i: changed[i].encode(errors="replace") for i in sorted(changed) if changed[i] is not texts[i]}


def _normalized(text: str) -> str:
    """NFKC, line by line: most lines are in this form, once the most frequent marks in no token are gone."""
    if unicodedata.is_normalized("NFKC", text):
        return text
    for mark in _COMMON_MARKS:
        text = text.replace(mark, " ")
    return "\n".join([unicodedata.normalize("NFKC", line) for line in text.split("\n")])


def _exchanged(
    data: Bytes, cuts: Flags, breaks: Positions, changed: Mapping[int, bytes]
) -> tuple[Bytes, Flags, Positions]:
    """The same with some texts exchanged for others."""
    new, new_breaks = _joined(list(changed.values()))
    new_cuts = _fold(new)[0]
    old = list(changed)
    before, after = [0, *(breaks[i + 1] for i in old)], [*(breaks[i] for i in old), len(data)]
    kept = [slice(*ends) for ends in zip(before, after, strict=True)]
    put = [slice(*ends) for ends in pairwise(new_breaks.tolist())]
    lengths = np.diff(breaks)
    lengths[old] = np.diff(new_breaks)
    return _merged(data, kept, new, put), _merged(cuts, kept, new_cuts, put), np.cumsum([1, *lengths])


def _merged(
    one: npt.NDArray[Any], kept: Sequence[slice], other: npt.NDArray[Any], put: Sequence[slice]
) -> npt.NDArray[Any]:
    """Pieces of one and of the other array by turns."""
    pieces = [one[kept[0]]]
    for place, last in zip(put, kept[1:], strict=True):
        pieces += [other[place], one[last]]
    return np.concatenate(pieces)


def runs(solid: Flags, cuts: Flags) -> tuple[Positions, Positions]:
    """Where runs of what is solid start and end, cut where `cuts` says; what is first must not be solid."""
    cuts[1:] |= solid[1:] != solid[:-1]
    return np.flatnonzero(cuts & solid), np.flatnonzero(cuts[1:] & solid[:-1]) + 1


def _fold(data: Bytes) -> tuple[Flags, Positions, Positions]:
    """Lower the characters beyond ASCII and blank those in no token.

    Returns where one-character tokens start and end, and the places and code points of odd characters.
    """
    cuts = np.zeros(len(data), bool)
    odd = [np.empty((2, 0), np.int64)]
    for at, points, length in wide_characters(data):
        looks = _looks().take(points)
        capital = np.flatnonzero(looks & _CAPITAL)
        _write(data, at[capital], _lower()[points[capital]], length)
        kinds = looks & _KIND
        other = at.compress(kinds == OTHER)
        for i in range(length):
            data[other + i] = _BLANK
        single = at.compress(kinds == SINGLE)
        cuts[single] = cuts[single + length] = True
        rare = np.flatnonzero(looks >= _ODD)
        odd.append(np.stack([at[rare], points[rare]]))
    return cuts, *np.concatenate(odd, axis=1)


def wide_characters(data: Bytes) -> Iterator[tuple[Positions, npt.NDArray[np.int32], int]]:
    """The characters of a UTF-8 text beyond ASCII, by their number of bytes: where they begin, their code points."""
    leads = np.flatnonzero(data >= 0xC0)
    heads = data[leads]
    for length, low, high in ((2, 0xC0, 0xE0), (3, 0xE0, 0xF0), (4, 0xF0, 0x100)):
        at = leads.compress((heads >= low) & (heads < high))
        if len(at):
            yield at, _codepoints(data, at, length), length


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
    hashes = words[starts]
    hashes <<= _UNUSED_BITS.take(lengths, mode="clip")
    _scramble(hashes)
    more = np.flatnonzero(lengths > 8)
    for done in range(8, _LONGEST, 8):
        more = more.compress(lengths[more] > done)
        if not len(more):
            return hashes
        rest = words[starts[more] + done] << _UNUSED_BITS.take(lengths[more] - done, mode="clip")
        hashes[more] = _scramble(hashes[more] ^ rest)
    for i in np.flatnonzero(lengths > _LONGEST):
        hashes[i] = xxhash.xxh3_64_intdigest(data[starts[i] : ends[i]].tobytes())
    return hashes


def _scramble(x: Hashes) -> Hashes:
    x *= _FACTOR
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
    table[: len(kinds)] = new | _begin_with(kinds, "LNM")
    table[0x20000:0x40000] = WORD
    for low, high in UNSPACED:
        table[low : high + 1] *= SINGLE
    return table


@cache
def _looks() -> Bytes:
    """Class of every code point, and flags: CAPITAL has a lower case, ODD is changed by NFKC or JOINS what precedes it.

    A character that is in no token, as is all that NFKC makes of it, is left alone.
    """
    classes = character_classes()
    kinds = categories(unicodedata.ucd_3_2_0.category)
    joins = np.zeros(len(classes), bool)
    joins[: len(kinds)] = _begin_with(kinds, "M") | (kinds == "Cn")
    joins[_JOINING_JAMO] = True
    looks = np.where(joins, classes | _ODD | _JOINS, classes)
    looks[_lower() != np.arange(len(looks))] |= _CAPITAL
    looks[_HAN_VARIANTS] |= _ODD
    for point, composed in _composable():
        if classes[[point, *composed]].any():
            looks[point] |= _ODD | (_JOINS if joins[composed[0]] else 0)
    return looks


def _composable() -> Iterator[tuple[int, list[int]]]:
    """The characters below 0x20000 that NFKC changes, and what each becomes."""
    for start in range(0, 0x20000, 256):
        block = "".join(map(chr, range(start, start + 256)))
        if not unicodedata.is_normalized("NFKC", block):
            for character in block:
                composed = unicodedata.normalize("NFKC", character)
                if composed != character:
                    yield ord(character), [ord(one) for one in composed]


@cache
def _lower() -> npt.NDArray[np.int32]:
    """Lower case of every code point, where it is one character of as many bytes in UTF-8."""
    table = np.arange(0x110000, dtype=np.int32)
    characters = "".join(map(chr, range(0x20000))).replace("İ", " ")  # the only one that becomes two
    lower = np.frombuffer(characters.lower().encode("utf-32-le", "surrogatepass"), np.int32)
    same = _utf8_length(lower) == _utf8_length(table[: len(lower)])
    same[:0x80] = same[ord("İ")] = False
    table[: len(lower)][same] = lower[same]
    table[ord("ς")] = ord("σ")
    return table


def _utf8_length(points: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    return np.searchsorted([0x80, 0x800, 0x10000], points, side="right") + 1


@cache
def categories(category: Callable[[str], str]) -> npt.NDArray[np.str_]:
    """The two letters of each code point's category, below 0x20000: all that are not ideographs."""
    return np.array("".join(map(category, map(chr, range(0x20000))))).reshape(1).view("U2")


def _begin_with(kinds: npt.NDArray[np.str_], letters: str) -> Flags:
    """Which categories begin with one of some letters."""
    return np.isin(kinds.view(np.uint32)[::2], [ord(letter) for letter in letters])
