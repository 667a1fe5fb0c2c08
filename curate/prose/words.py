"""The words of a batch of texts, and the n-grams that a text repeats, as arrays over all of them at once.

A word is what stands between spaces, punctuation and all, or one character of a script that writes no spaces: what
rules about prose count. The tokens of text.py are something else: they are for comparing texts.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.text import (
    OTHER,
    SINGLE,
    WORD,
    Bytes,
    Flags,
    Hashes,
    Positions,
    Tokens,
    categories,
    character_classes,
    mix,
    runs,
    wide_characters,
)

_SPACE, _DIGIT = 4, 8  # beside text.OTHER, WORD and SINGLE: one bit each
_FIRST_BYTE = -64  # of a character, as a signed number, at least; bytes within one are below


@dataclass(frozen=True)
class Words:
    """The words of a batch of texts: text `i` has the words `offsets[i]` up to `offsets[i + 1]`."""

    data: Bytes  # all texts in UTF-8
    starts: Positions  # where each word begins in `data`
    ends: Positions
    places: Positions  # where it begins in characters
    lengths: Positions  # in characters
    real: Flags  # has a letter or digit
    alphabetic: Flags  # has a letter
    single: Flags  # is one character of a script without spaces
    offsets: Positions

    @property
    def counts(self) -> Positions:
        """Number of words of each text."""
        return np.diff(self.offsets)

    @cached_property
    def hashes(self) -> Hashes:
        """A 64-bit hash of each word."""
        return Tokens(self.data, self.starts, self.ends, self.offsets).hashes()

    @cached_property
    def document(self) -> Positions:
        """The text that each word is in."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def summed(self, values: npt.NDArray[np.generic]) -> Positions:
        """Sum over the words of each text."""
        sums = np.append(0, np.cumsum(values, dtype=np.int64))
        return np.diff(sums[self.offsets])


def find_words(texts: pl.Series) -> Words:
    """All words of the texts. A few passes over the bytes of all of them."""
    joined = b"".join([b"\n", b"\n".join(texts.cast(pl.Binary).to_list()), b"\n" * 9])  # hashes read up to 8 further
    data = np.frombuffer(joined, np.uint8)
    kinds, cuts = _characters(joined)
    starts, ends = runs(kinds != _SPACE, cuts)
    breaks = np.cumsum(np.append(1, texts.str.len_bytes().to_numpy() + 1))
    before = np.cumsum(data.view(np.int8) >= _FIRST_BYTE, dtype=np.int32)  # characters that began up to here
    real, alphabetic = _met(kinds, starts, ends)
    return Words(
        data=data,
        starts=starts,
        ends=ends,
        places=before[starts].astype(np.int64),
        lengths=(before[ends - 1] - before[starts] + 1).astype(np.int64),
        real=real,
        alphabetic=alphabetic,
        single=kinds[starts] == SINGLE,
        offsets=np.searchsorted(starts, breaks),
    )


def _characters(joined: bytes) -> tuple[Bytes, Flags]:
    """The class of each character at its first byte, and where characters that are words start and end."""
    kinds = np.frombuffer(bytearray(joined.translate(_ascii_kinds())), np.uint8)
    cuts = np.zeros(len(kinds), bool)
    for at, points, length in wide_characters(np.frombuffer(joined, np.uint8)):
        found = _kinds().take(points)
        kinds[at] = found
        space, single = at[found == _SPACE], at[found == SINGLE]
        for i in range(1, length):
            kinds[space + i] = _SPACE
        cuts[single] = cuts[single + length] = True
    return kinds, cuts


def _met(kinds: Bytes, starts: Positions, ends: Positions) -> tuple[Flags, Flags]:
    """Which words have a letter or digit, and which a letter. Those that do not begin with one are gone through."""
    alphabetic = (kinds[starts] & (WORD | SINGLE)) != 0
    real = alphabetic.copy()
    odd = np.flatnonzero(~alphabetic)
    if len(odd):
        met = np.bitwise_or.reduceat(kinds, np.stack([starts[odd], ends[odd]], axis=1).ravel())[::2]
        alphabetic[odd] = (met & (WORD | SINGLE)) != 0
        real[odd] = (met & (WORD | SINGLE | _DIGIT)) != 0
    return real, alphabetic


class Grams:
    """The n-grams that their text has more than once, for growing n: a part of each stood there for n - 1, too."""

    def __init__(self, words: Words, wanted: Flags) -> None:
        self.words = words
        self.document = words.document
        self.n = 1
        self.at = np.flatnonzero(wanted[self.document])  # the words they begin with
        salts = mix(np.arange(1, len(words.counts) + 1, dtype=np.uint64))
        self.keys = words.hashes[self.at] + salts[self.document[self.at]]
        self.first = self.count = self.at  # of each: where its like begins for the first time, how many there are

    def lengthen(self) -> None:
        """From n to n + 1 words."""
        self.n += 1
        last = self.at + self.n - 1
        inside = np.flatnonzero(last < self.words.offsets[self.document[self.at] + 1])
        at, last = self.at[inside], last[inside]
        keys = mix(self.keys[inside]) + self.words.hashes[last]
        self.at, self.keys, self.first, self.count = _repeated(at, keys)

    def top(self) -> Positions:
        """For each text, the characters in its most frequent n-gram, which is the first of them where several are."""
        most = np.zeros(len(self.words.counts), np.int64)
        begins = np.flatnonzero(self.at == self.first)
        order = begins[np.lexsort((-self.at[begins], self.count[begins], self.document[self.at[begins]]))]
        most[self.document[self.at[order]]] = self.count[order] * self._lengths(self.at[order])
        return most

    def duplicate(self) -> Positions:
        """For each text, the characters of words in n-grams seen before: from left to right, none overlapping."""
        again = np.sort(self.at[self.at != self.first])
        taken = again[_chain(np.searchsorted(again, again + self.n))]
        ends = np.append(0, np.cumsum(self.words.lengths))
        return np.bincount(self.document[taken], ends[taken + self.n] - ends[taken], minlength=len(self.words.counts))

    def _lengths(self, at: Positions) -> Positions:
        last = at + self.n - 1
        return self.words.places[last] + self.words.lengths[last] - self.words.places[at]


def _chain(following: Positions) -> Flags:
    """Which of n places are met on the way from the first: from each, one goes on to `following`; n is the end.

    Each round finds the places at twice the distance, so that a long way takes few.
    """
    met = np.zeros(len(following) + 1, bool)
    met[0] = True
    jump = np.append(following, len(following))
    while not met[jump[met]].all():
        met[jump[met]] = True
        jump = jump[jump]
    return met[:-1]


def _repeated(at: Positions, keys: Hashes) -> tuple[Positions, Hashes, Positions, Positions]:
    """Those with a key that occurs more than once: they, their keys, the first with that key, how many have it."""
    maybe = _collide(keys)
    at, keys = at[maybe], keys[maybe]
    order = np.argsort(keys)
    keys = keys[order]
    new = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
    counts = np.diff(np.append(new, len(keys)))
    kept = np.repeat(counts > 1, counts)
    counts = counts[counts > 1]
    at = at[order[kept]]
    first = np.minimum.reduceat(at, np.cumsum(counts) - counts) if len(at) else at
    return at, keys[kept], np.repeat(first, counts), np.repeat(counts, counts)


def _collide(keys: Hashes) -> Positions:
    """Those whose first bits others have too, all that occur more than once among them: far fewer are left to sort."""
    bits = max(len(keys).bit_length() + 2, 8)
    slots = (keys >> np.uint64(64 - bits)).astype(np.int64)
    numbers = np.arange(len(keys), dtype=np.int32)
    last = np.empty(1 << bits, np.int32)
    last[slots] = numbers
    shared = np.zeros(1 << bits, bool)
    shared[slots[last[slots] != numbers]] = True
    return np.flatnonzero(shared[slots])


@cache
def _kinds() -> Bytes:
    """text.character_classes, with spaces and digits apart."""
    kinds = character_classes().copy()
    numbers = categories(unicodedata.ucd_3_2_0.category).astype("U1") == "N"
    below = kinds[: len(numbers)]
    below[numbers & (below != OTHER) & (below != SINGLE)] = _DIGIT
    kinds[[point for point in range(0x3001) if chr(point).isspace()]] = _SPACE
    return kinds


@cache
def _ascii_kinds() -> bytes:
    """The classes of ASCII; bytes beyond it are in no token by themselves."""
    return _kinds()[:0x80].tobytes() + bytes([OTHER] * 0x80)
