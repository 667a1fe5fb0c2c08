"""What a line of a flattened page looks like, in numbers: the input of the line model, for a batch of pages at once.

A line is described on its own (length, how it ends, commas, capitals, digits, function words, blank lines around it,
whether the page says it twice); what stands around it is for the network to see. Characters are counted by class in one
histogram over the batch, words come from `text.tokens`, so nothing here loops over lines.

After the line features of boilerpipe (Kohlschütter et al. 2010), jusText (Pomikálek 2011) and Web2Text (Vogels et al.
2018); words are hashed to weights (Weinberger et al. 2009) instead of a vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from curate import text
from curate.models import marks
from curate.models.characters import (
    BRACKET,
    COLON,
    COMMA,
    CUT,
    DIGIT,
    LETTER,
    LOWER,
    OTHER,
    QUOTE,
    SEPARATOR,
    UNSPACED,
    UPPER,
    Characters,
)
from curate.models.function_words import FUNCTION_CHARACTERS, FUNCTION_WORDS

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

SLICE_PAGES = 64
"""Pages judged at once."""
BUCKETS = 1 << 18
"""Word weights a line can point at."""
HEAD, TAIL = 16, 4
"""Words at a line's start and end whose weights count: what a line is for is said there."""

NAMES = (
    *("characters", "units", "word_length", "ends_sentence", "ends_quoted", "ends_cut", "ends_colon"),
    *("commas", "sentences", "quotes", "capitalised", "capitals", "digits", "starts_lower", "starts_digit"),
    *("starts_symbol", "function_words", "separators", "brackets", "unspaced", "numbers", "prose"),
    *(
        "prose_before",
        "prose_after",
        "topic",
        "content_words",
        "repeats",
        "occurrence",
        "blank_before",
        "blank_after",
        "indent",
    ),
    *marks.FEATURES,
)
"""The features, in the order of their columns."""

_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
_PRIME, _NUMBER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x5851F42D4C957F2D)
_KIND_SHIFT = np.uint64(42)
_ROLES = tuple(np.uint64(n * 0x2545F4914F6CDD1D & (1 << 64) - 1) for n in range(1, 8))


@dataclass(frozen=True)
class Lines:
    """The visible lines of a batch of pages, in order."""

    pages: int  # how many pages the batch has
    page: Ints  # the page (row) of each line
    number: Ints  # its number among all lines of the page, from 0
    texts: pl.Series  # stripped
    features: Floats  # [lines, features]
    tokens: Ints  # words of each line
    keys: Hashes  # equal for lines that say the same; digits count as alike
    word_line: Ints  # the line of each hashed word ...
    word_bucket: Ints  # ... and its weight's index

    def __len__(self) -> int:
        return len(self.page)


def read(pages: Sequence[str]) -> Lines:
    """Describe the visible lines of pages. Memory: about 60 bytes a character, so give some megabytes at a time."""
    page, number, texts, around = _split(pages)
    chars = Characters("\n".join(texts.to_list()), len(texts))
    words = _Words(texts.to_list())
    units = np.maximum(words.counts - 0.4 * chars.counts[:, UNSPACED], 1)
    own = _shape(chars, words, units)
    prose = own[NAMES.index("prose")] * units
    repeats, occurrence = _repeats(page, words.keys)
    topic, content = words.topic(page, own[NAMES.index("prose")] > 0)
    columns = [
        *own,
        *_prose_around(page, prose),
        topic,
        np.log1p(content),
        np.log1p(repeats),
        np.minimum(occurrence, 3),
        *around,
        *marks.features(page, _marked(chars, words), _voice(chars, words), prose),
    ]
    features = np.stack([column.astype(np.float32) for column in columns], 1)
    line, bucket = words.buckets()
    return Lines(len(pages), page, number, texts, features, words.counts, words.keys, line, bucket)


def read_keys(pages: Sequence[str]) -> tuple[Ints, Hashes, Ints]:
    """Page, key and number of words of the visible lines, as `read` finds them."""
    page, _, texts, _ = _split(pages)
    words = _Words(texts.to_list())
    return page, words.keys, words.counts


def _split(pages: Sequence[str]) -> tuple[Ints, Ints, pl.Series, list[npt.NDArray[np.float64]]]:
    """Page, number and text of each visible line; how many blank lines stand before and after it, and its indent."""
    lines = text.lines(pl.Series(pages, dtype=pl.String))
    page = lines["document"].to_numpy().astype(np.int64)
    stripped = lines["line"].str.strip_chars()
    indent = lines["line"].str.len_bytes() - lines["line"].str.strip_chars_start().str.len_bytes()
    seen = (stripped != "").to_numpy()
    number = np.arange(len(page)) - np.searchsorted(page, page)
    page, number = page[seen], number[seen]
    gap = np.diff(number, prepend=0, append=0) - 1
    edge = np.ones(len(page) + 1, bool)
    edge[1:-1] = page[1:] != page[:-1]
    blank = np.where(edge, 2, np.minimum(gap, 3))
    around = [blank[:-1], blank[1:], np.minimum(indent.to_numpy()[seen], 40)]
    return page, number, stripped.filter(pl.Series(seen, dtype=pl.Boolean)), around


def _shape(chars: Characters, words: _Words, units: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """The features of a line's own characters and words, in the order of NAMES."""
    count = chars.counts
    letters = np.maximum(count[:, [LOWER, UPPER, LETTER, UNSPACED]].sum(1), 1)
    length = np.maximum(chars.lengths, 1)
    function = words.count(words.is_function) / units
    prose = (units >= 12) & chars.ends_sentence & ~chars.ends_cut & (function > 0.08)
    return [
        np.log1p(chars.lengths),
        np.log1p(units),
        np.minimum(letters / np.maximum(words.counts, 1), 20),
        chars.ends_sentence,
        chars.ends_in(QUOTE, BRACKET),
        chars.ends_cut,
        chars.ends_in(COLON),
        count[:, COMMA] / units,
        np.log1p(chars.sentences),
        count[:, QUOTE] > 1,
        np.minimum(chars.capitalised / np.maximum(words.counts, 1), 1),
        count[:, UPPER] / letters,
        count[:, DIGIT] / length,
        chars.starts_in(LOWER),
        chars.starts_in(DIGIT),
        chars.starts_in(SEPARATOR, OTHER, BRACKET, CUT),
        function,
        np.minimum((count[:, SEPARATOR] + count[:, CUT]) / units, 3),
        np.minimum(count[:, BRACKET] / units, 3),
        count[:, UNSPACED] / letters,
        words.count(words.is_number) / units,
        prose,
    ]


def _marked(chars: Characters, words: _Words) -> list[npt.NDArray[np.bool_]]:
    """Which lines say that comments follow, that more articles do, and when something was said."""
    comments, more, time = (words.count_of(kind) > 0 for kind in (marks.COMMENTS, marks.MORE, marks.TIME))
    heading, stamp = chars.lengths <= marks.HEADING, chars.lengths <= marks.STAMP
    return [heading & comments, heading & more, stamp & (chars.has_time | (time & (words.count(words.is_number) > 0)))]


def _voice(chars: Characters, words: _Words) -> npt.NDArray[np.float64]:
    """Of lines of eight words and more, the share that speaks in the first or second person, or cries out."""
    spoken = words.count_of(marks.VOICE) + chars.cries
    return np.where(words.counts >= 8, spoken / np.maximum(words.counts, 1), 0)


def _prose_around(page: Ints, prose: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    """How much prose stands before each line of its page, and how much after it; logarithms of words."""
    total = np.append(0, np.cumsum(prose))
    start, end = (total[np.searchsorted(page, page, side=side)] for side in ("left", "right"))
    return np.log1p(total[:-1] - start), np.log1p(np.maximum(end - total[1:], 0))


def _repeats(page: Ints, keys: Hashes) -> tuple[Ints, Ints]:
    """How many lines of the page say the same as each line, and how many of them stand before it."""
    order = np.lexsort((keys, page))
    new = np.ones(len(keys), bool)
    new[1:] = (keys[order][1:] != keys[order][:-1]) | (page[order][1:] != page[order][:-1])
    starts = np.flatnonzero(new)
    sizes = np.diff(np.append(starts, len(keys)))
    repeats, occurrence = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    repeats[order] = np.repeat(sizes, sizes)
    occurrence[order] = np.arange(len(keys)) - np.repeat(starts, sizes)
    return repeats, occurrence


class _Words:
    """The words of lines: how many, what they are, and the buckets they hash to."""

    def __init__(self, lines: Sequence[str]) -> None:
        found = text.tokens(lines)
        self._first, self.counts = found.offsets[:-1], found.counts
        self._line = np.repeat(np.arange(len(lines)), self.counts)
        first_byte = found.data[found.starts]
        self.is_number = (first_byte >= 48) & (first_byte <= 57)
        sizes = found.ends - found.starts
        stem, whole = _hash_words(found)
        self._hash = np.where(self.is_number, _NUMBER * sizes.astype(np.uint64), whole)
        self._kinds = _kinds()[self._hash >> _KIND_SHIFT]
        self.is_function = (self._kinds & 1) > 0
        pairs = self._hash[:-1] * _ROLES[1] + self._hash[1:]
        self._pair_kinds = np.where(self._line[:-1] == self._line[1:], _kinds()[pairs >> _KIND_SHIFT], 0) & ~np.uint8(1)
        single = (first_byte >= 0xE0) & (sizes <= 4)
        self._topics = np.where(single, self._hash + np.roll(self._hash, -1) * _ROLES[1], self._hash)
        self._stem = stem + _ROLES[0]
        self._long = sizes > 8
        rank = np.arange(len(self._line)) - self._first[self._line]
        self.keys = self._sums(_mix(self._hash + rank.astype(np.uint64) * _PRIME))
        self._rank, self._left = rank, self.counts[self._line] - 1 - rank

    def count(self, which: npt.NDArray[np.bool_]) -> Ints:
        """How many words of each line are marked."""
        return np.bincount(self._line[which], minlength=len(self.counts))

    def count_of(self, kind: str) -> Ints:
        """How many words of each line, or pairs of words, are of a kind of `marks.phrases`."""
        bit = 2 << list(marks.phrases()).index(kind)
        single = np.flatnonzero(self._kinds & bit)
        pairs = np.flatnonzero(self._pair_kinds & bit)
        return np.bincount(self._line[np.concatenate([single, pairs])], minlength=len(self.counts))

    def topic(self, page: Ints, prose: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.float64], Ints]:
        """Share of each line's content words that stand in other prose lines of its page too; and how many it has."""
        content = np.flatnonzero(~(self.is_function | self.is_number))
        line = self._line[content]
        key = _mix(self._topics[content] + page[line].astype(np.uint64) * _PRIME)
        order = np.argsort(key, kind="stable")
        key, line = key[order], line[order]
        first = np.flatnonzero(np.append(True, key[1:] != key[:-1])[: len(key)])
        told = np.where(prose[line], line, -1)
        lowest, highest = (
            np.repeat(extreme.reduceat(values, first), np.diff(np.append(first, len(key)))) if len(key) else told
            for extreme, values in ((np.minimum, np.where(told < 0, len(prose), told)), (np.maximum, told))
        )
        elsewhere = (highest >= 0) & ((lowest != line) | (highest != line))
        counts = np.bincount(line, minlength=len(prose))
        return np.bincount(line[elsewhere], minlength=len(prose)) / np.maximum(counts, 1), counts

    def buckets(self) -> tuple[Ints, Ints]:
        """Line and bucket of every hashed word, word stem, pair of words, first and last word, and short line."""
        near = (self._rank < HEAD) | (self._left < TAIL)
        at = np.flatnonzero(near)
        pairs = np.flatnonzero(near[1:] & near[:-1] & (self._left[:-1] > 0))
        first, last = np.flatnonzero(self._rank == 0), np.flatnonzero(self._left == 0)
        stems = np.flatnonzero(near & self._long)
        short = np.flatnonzero((self.counts > 0) & (self.counts <= 8))
        word = self._hash
        parts = [
            (self._line[at], word[at]),
            (self._line[stems], self._stem[stems]),
            (self._line[pairs], word[pairs] * _ROLES[1] + word[pairs + 1]),
            (self._line[first], word[first] + _ROLES[2]),
            (self._line[last], word[last] + _ROLES[3]),
            (short, self.keys[short] + _ROLES[4]),
            (np.arange(len(self.counts)), np.minimum(self.counts, 12).astype(np.uint64) * _ROLES[5]),
        ]
        hashed = _mix(np.concatenate([value for _, value in parts]))
        return np.concatenate([line for line, _ in parts]), (hashed % np.uint64(BUCKETS)).astype(np.int64)

    def _sums(self, values: Hashes) -> Hashes:
        """Sum of the values of each line's words, modulo 2**64."""
        total = np.append(np.uint64(0), np.cumsum(values))
        sums: Hashes = total[self._first + self.counts] - total[self._first]
        return sums


def _hash_words(found: text.Tokens) -> tuple[Hashes, Hashes]:
    """Of each word a hash of its first eight bytes, its stem near enough, and one of its first sixteen and its length.

    The trained weights hang on these numbers, so this is not `Tokens.hashes`, which may change with `text.VERSION`.
    """
    words = np.ndarray(len(found.data) - 7, "<u8", found.data, strides=(1,))
    sizes = found.ends - found.starts
    stem = _mix(words[found.starts] & _MASKS[np.minimum(sizes, 8)])
    rest = words[np.minimum(found.starts + 8, len(words) - 1)] & _MASKS[np.clip(sizes - 8, 0, 8)]
    return stem, _mix(stem + rest * _PRIME + sizes.astype(np.uint64))


def _mix(x: Hashes) -> Hashes:
    """Scramble 64-bit integers one to one (the finalizer of splitmix64, Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = x ^ (x >> np.uint64(31))
    return mixed


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """By the upper bits of a hash: 1 for a function word, 2, 4, 8 ... for the kinds of `marks.phrases`.

    A word is of a kind by chance once in 4,000 times.
    """
    table = np.zeros(1 << 22, np.uint8)
    _, words = _hash_words(text.tokens([" ".join(FUNCTION_WORDS), *FUNCTION_CHARACTERS]))
    table[words >> _KIND_SHIFT] |= 1
    for i, phrases in enumerate(marks.phrases().values()):
        for phrase in phrases:
            _, words = _hash_words(text.tokens(phrase))
            key = words if len(words) == 1 else words[:1] * _ROLES[1] + words[1:2]
            table[key >> _KIND_SHIFT] |= 2 << i
    return table


def slices(pages: Sequence[str] | Sequence[bytes], most: int, number: int = SLICE_PAGES) -> Iterator[tuple[int, int]]:
    """Ranges of pages, at most so many and about `most` characters or bytes each, for flat memory."""
    start, size = 0, 0
    for i, page in enumerate(pages):
        if i > start and (i - start == number or size + len(page) > most):
            yield start, i
            start, size = i, 0
        size += len(page)
    yield start, len(pages)
