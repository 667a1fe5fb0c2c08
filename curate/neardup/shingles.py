"""Texts -> tokens -> shingles -> signatures.

Hashes are those of text.py. `VERSION` changes whenever a signature does; those of different versions do not compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from curate import text
from curate.neardup.arrays import NO_RANKS, Flags, Ragged, Scores, distinct, offsets_of, stacked
from curate.text import Hashes, Positions

VERSION = 2
KEY_SIZE = 5
"""Tokens in the shingles that signatures sample."""
SAMPLED = 1 / 8
"""Share of a text's shingles in its signature."""
SAMPLED_AT_LEAST = 64
"""Shingles of a short text in its signature, about; all of them where it has fewer."""
SKETCH_CELLS = 16
"""Cells of a sketch, of four bits each."""
LOWEST = 8
"""Sampled shingles of a text, those with the lowest hashes, by which it is compared where they are frequent."""
MAX_SHINGLE = 16
BATCH_CHARS = 1 << 19
BATCH_TOKENS = 1 << 17
AT_ONCE = 512
SET_MASK = np.uint64((1 << 55) - 1)
SET_BITS = np.uint64(55)  # of a hash, beside 9 bits that say which of 512 texts
SPARE_BITS = np.uint64(64 - 55)
_ROLL = np.uint64(0x9E3779B97F4A7C15)
_TOKEN_BITS = np.uint64(32)
_LAST_OF_EACH_CELL = np.uint64(0x1111111111111111)


class Signatures(NamedTuple):
    """What is compared of a batch of texts."""

    keys: Ragged  # sampled shingles
    rates: Scores  # share of the shingles that is sampled
    exact: Hashes  # one hash of all tokens, in order
    sizes: Positions  # number of tokens


def slices(sizes: Sequence[int], most: int = BATCH_CHARS) -> Iterator[tuple[int, int]]:
    """Cut a list of texts with these sizes into runs of about `most` together and at most 512 texts."""
    start = held = 0
    for i, size in enumerate(sizes):
        if i > start and (held > most or i - start == AT_ONCE):
            yield start, i
            start, held = i, 0
        held += size
    if start < len(sizes):
        yield start, len(sizes)


def tokens(texts: Sequence[str]) -> Ragged:
    """The hash of each token of each text, cut to 32 bits: all that is compared of a text."""
    cut = [list(_pieces(one)) if len(one) > BATCH_CHARS else [one] for one in texts]
    pieces = list(chain.from_iterable(cut))
    values, lengths = bytearray(), [NO_RANKS]  # of bytes: they grow in place, so that no token is held twice
    for start, end in slices(list(map(len, pieces))):
        found = text.tokens(pieces[start:end])
        values += (found.hashes() >> _TOKEN_BITS).astype(np.uint32).data
        lengths.append(np.diff(found.offsets))
    offsets = offsets_of(np.concatenate(lengths))
    return Ragged(np.frombuffer(values, np.uint32), offsets[offsets_of(np.array(list(map(len, cut)), np.int64))])


def _pieces(long: str) -> Iterator[str]:
    """A long text in pieces. At a blank or a line's end nothing is in one token with what is before it."""
    start = 0
    while len(long) - start > BATCH_CHARS:
        most = start + BATCH_CHARS
        end = max(long.rfind(blank, start + 1, most) for blank in " \n")
        if end < 0:
            break
        yield long[start:end]
        start = end
    yield long[start:]


def sign(tokens: Ragged) -> Signatures:
    """The signatures of at most 512 texts."""
    rates = _rate(_shingle_counts(tokens, KEY_SIZE))
    keys = _sample(tokens, rates)
    repetitive = np.flatnonzero((keys.lengths < SAMPLED_AT_LEAST // 4) & (tokens.lengths > SAMPLED_AT_LEAST))
    if len(repetitive):
        rates[repetitive] = _rate(as_sets(shingles(tokens.take(repetitive), KEY_SIZE)).lengths)
        keys = _sample(tokens, rates)
    return Signatures(keys, rates, whole(tokens), tokens.lengths)


def _sample(tokens: Ragged, rates: Scores) -> Ragged:
    """The shingles that stand for each text: those with the lowest hashes, such a share of all.

    The share goes by the number of all shingles, which needs no sorting, and by that of the distinct ones only where a
    text repeats itself so much that hardly any are found.
    """
    rolled, begins = _rolled(tokens, KEY_SIZE)
    bounds = (rates * (2.0**64 - 2048)).astype(np.uint64)
    chosen = np.flatnonzero((rolled <= np.repeat(bounds, tokens.lengths)) & begins)
    return as_sets(Ragged(rolled[chosen], np.searchsorted(chosen, tokens.offsets)))


def lowest(keys: Ragged) -> Flags:
    """Which entries of signatures are among the `LOWEST` of their text, by hash."""
    return np.arange(len(keys.values)) - np.repeat(keys.offsets[:-1], keys.lengths) < LOWEST


def sketch(keys: Ragged) -> Hashes:
    """A number for each text, from its signature, by which `resemblance` guesses how alike two are.

    One permutation hashing (Li, Owen, Zhang 2012) of which b = 4 bits are kept (Li, König 2010): each shingle falls
    into one of 16 cells, and the lowest of a cell leaves a number from 1 to 15 there. An empty cell has 0.
    """
    mixed = keys.values * _ROLL
    cells = SKETCH_CELLS * keys.owners + (mixed >> np.uint64(60)).astype(np.int64)
    filled, first = np.unique(cells, return_index=True)  # a text's keys ascend
    numbers = np.zeros(SKETCH_CELLS * len(keys.lengths), np.uint64)
    numbers[filled] = (mixed[first] >> np.uint64(28)) % np.uint64(15) + np.uint64(1)
    shifts = np.uint64(4) * np.arange(SKETCH_CELLS, dtype=np.uint64)
    packed: Hashes = np.bitwise_or.reduce(numbers.reshape(-1, SKETCH_CELLS) << shifts, axis=1)
    return packed


def resemblance(some: Hashes, others: Hashes) -> Scores:
    """About the Jaccard similarity of the signatures of pairs of texts, from their sketches: the share of cells that
    agree, of those that either text fills. Two cells of strangers agree once in 15 times."""
    filled, apart = _cells(some | others), _cells(some ^ others)
    alike: Scores = (filled - apart) / np.maximum(filled, 1)
    return alike


def _cells(sketches: Hashes) -> npt.NDArray[np.uint8]:
    """In how many cells a sketch has a number."""
    sketches = sketches | sketches >> np.uint64(1)
    sketches |= sketches >> np.uint64(2)
    found: npt.NDArray[np.uint8] = np.bitwise_count(sketches & _LAST_OF_EACH_CELL)
    return found


def sets(tokens: Ragged, size: int) -> Ragged:
    """The set of shingles of each text, from its tokens."""
    parts = []
    for start, end in slices(tokens.lengths.tolist(), BATCH_TOKENS):
        parts.append(as_sets(shingles(tokens.between(start, end), size)))
    return stacked(parts)


def text_sets(texts: Sequence[str], size: int) -> Ragged:
    """The set of shingles of each text."""
    return sets(tokens(texts), size)


def fingerprint(texts: Sequence[str]) -> tuple[Hashes, Positions]:
    """One hash of all tokens of each text in order, and their number."""
    found = tokens(texts)
    return whole(found), found.lengths


def whole(tokens: Ragged) -> Hashes:
    """One hash of all tokens of each text, in order."""
    data, ends = memoryview(tokens.values.astype("<u4", copy=False).tobytes()), (4 * tokens.offsets).tolist()
    hashes = (xxhash.xxh3_64_intdigest(data[start:end]) for start, end in pairwise(ends))
    return np.fromiter(hashes, np.uint64, len(ends) - 1)


def shingles(tokens: Ragged, size: int) -> Ragged:
    """Hash of every run of `size` tokens. A text of fewer tokens has one shingle of all, an empty text none."""
    rolled, begins = _rolled(tokens, size)
    return Ragged(rolled[begins], offsets_of(_shingle_counts(tokens, size)))


def _shingle_counts(tokens: Ragged, size: int) -> Positions:
    return np.where(tokens.lengths >= size, tokens.lengths - size + 1, tokens.lengths > 0)


def _rolled(tokens: Ragged, size: int) -> tuple[Hashes, Flags]:
    """Hash of the `size` tokens from each token on, and where that is a shingle of one text.

    The hash is a polynomial of the tokens modulo 2^64, whose upper bits depend on all of them.
    """
    values, offsets = tokens
    lengths = tokens.lengths
    rolled = values * _ROLL
    begins = np.ones(len(values), bool)
    for i in range(1, size):
        rolled[: max(len(values) - i, 0)] += values[i:]
        rolled *= _ROLL
        begins[offsets[1:][lengths > i] - i] = False
    for i in np.flatnonzero((lengths > 0) & (lengths < size)).tolist():
        rolled[offsets[i]] = _roll(values[offsets[i] : offsets[i + 1]].tolist())
    return rolled, begins


def as_sets(shingled: Ragged) -> Ragged:
    """The distinct shingles of each of at most 512 texts, sorted, as 55-bit numbers."""
    tagged = shingled.owners.astype(np.uint64) << SET_BITS | shingled.values >> SPARE_BITS
    tagged = distinct(tagged)
    counts = np.bincount((tagged >> SET_BITS).astype(np.int64), minlength=len(shingled.offsets) - 1)
    return Ragged(tagged & SET_MASK, offsets_of(counts))


def _rate(lengths: Positions) -> Scores:
    """Share of a text's shingles that its signature holds."""
    return np.minimum(1.0, np.maximum(SAMPLED, SAMPLED_AT_LEAST / np.maximum(lengths, 1)))


def _roll(tokens: Sequence[int]) -> int:
    rolled = 0
    for token in tokens:
        rolled = (rolled + token) * int(_ROLL) % (1 << 64)
    return rolled
