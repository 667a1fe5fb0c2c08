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

from curate.text import OTHER, SINGLE, WORD, Bytes, Hashes, Positions, Tokens, categories, character_classes, mix

_SPACE, _DIGIT = 4, 8  # beside text.OTHER, WORD and SINGLE: one bit each


@dataclass(frozen=True)
class Words:
    """The words of a batch of texts: text `i` has the words `offsets[i]` up to `offsets[i + 1]`."""

    text: str  # all texts, with a line end behind each
    starts: Positions  # in characters
    lengths: Positions
    real: npt.NDArray[np.bool_]  # has a letter or digit
    alphabetic: npt.NDArray[np.bool_]  # has a letter
    single: npt.NDArray[np.bool_]  # is one character of a script without spaces
    offsets: Positions

    @property
    def counts(self) -> Positions:
        """Number of words of each text."""
        return np.diff(self.offsets)

    @cached_property
    def hashes(self) -> Hashes:
        """A 64-bit hash of each word."""
        data = np.frombuffer(self.text.encode() + bytes(8), np.uint8)
        ends = self.starts + self.lengths
        more = _bytes_before(np.frombuffer(self.text.encode("utf-32-le"), np.uint32))
        return Tokens(data, self.starts + more[self.starts], ends + more[ends], self.offsets).hashes()

    @cached_property
    def document(self) -> Positions:
        """The text that each word is in."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def summed(self, values: npt.NDArray[np.generic]) -> Positions:
        """Sum over the words of each text."""
        sums = np.append(0, np.cumsum(values, dtype=np.int64))
        return np.diff(sums[self.offsets])


def find_words(texts: pl.Series) -> Words:
    """All words of the texts. One pass over the characters of all of them."""
    text = "\n".join(texts) + "\n"
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    kinds = _kinds()[points]
    solid, single = kinds != _SPACE, kinds == SINGLE
    edge = np.zeros(len(points) + 1, bool)
    edge[0] = solid[0]
    edge[1:-1] = (solid[1:] != solid[:-1]) | (solid[1:] & (single[1:] | single[:-1]))
    starts, ends = np.flatnonzero(edge[:-1] & solid), np.flatnonzero(edge[1:] & solid) + 1
    breaks = np.append(0, np.cumsum(texts.str.len_chars().to_numpy() + 1, dtype=np.int64))
    offsets = np.searchsorted(starts, breaks)
    met = np.bitwise_or.reduceat(kinds, starts) if len(starts) else np.empty(0, np.uint8)
    return Words(
        text=text,
        starts=starts,
        lengths=ends - starts,
        real=(met & (WORD | SINGLE | _DIGIT)) != 0,
        alphabetic=(met & (WORD | SINGLE)) != 0,
        single=single[starts],
        offsets=offsets,
    )


def _bytes_before(points: npt.NDArray[np.uint32]) -> Positions:
    """For each character, and the end, how many bytes more than characters stand before it in UTF-8."""
    more = np.zeros(len(points) + 1, np.int64)
    wide = (points >= 0x80).view(np.uint8) + (points >= 0x800).view(np.uint8) + (points >= 0x10000).view(np.uint8)
    np.cumsum(wide, out=more[1:])
    return more


class Grams:
    """The n-grams that their text has more than once, for growing n: a part of each stood there for n - 1, too."""

    def __init__(self, words: Words, wanted: npt.NDArray[np.bool_]) -> None:
        self.words = words
        self.document = words.document
        self.n = 1
        self.at = np.flatnonzero(wanted[self.document])  # the words they begin with
        self.keys = mix(words.hashes[self.at] + mix(self.document[self.at].astype(np.uint64) + np.uint64(1)))
        self.first = self.count = self.at  # of each: where its like begins for the first time, how many there are

    def lengthen(self) -> None:
        """From n to n + 1 words."""
        self.n += 1
        last = self.at + self.n - 1
        inside = np.flatnonzero(last < self.words.offsets[self.document[self.at] + 1])
        at, last = self.at[inside], last[inside]
        keys = mix(self.keys[inside] + mix(self.words.hashes[last] + np.uint64(self.n)))
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
        return self.words.starts[last] + self.words.lengths[last] - self.words.starts[at]


def _chain(following: Positions) -> npt.NDArray[np.bool_]:
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
    numbers = np.arange(len(keys))
    last = np.empty(1 << bits, np.int64)
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
