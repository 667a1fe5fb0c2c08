"""Which blocks of a page its gold text is made of.

The longest common subsequence of the words of the page and of the gold (only words in runs of three that the gold has
count, so that chance matches do not) says where each gold word comes from; a block is kept where half of its words are
covered. Used in training only; needs rapidfuzz.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from rapidfuzz.distance import LCSseq

from curate.models.scoring import tokens

_MAX_CELLS = 400_000_000
Trigrams = set[tuple[int, int, int]]


def labels(texts: Sequence[str], gold: str, title: str = "") -> str:
    """One character a block: 1 keep, 0 drop, t a repeat of the title."""
    numbers: dict[str, int] = {}
    wanted = [numbers.setdefault(word, len(numbers)) for word in tokens(gold)]
    words = [[numbers.get(word, -1) for word in tokens(text)] for text in texts]
    runs = set(zip(wanted, wanted[1:], wanted[2:], strict=False))
    covered = _covered(words, wanted, runs)
    found = ["1" if own and 2 * count >= len(own) else "0" for own, count in zip(words, covered, strict=True)]
    found = _elsewhere(found, words, runs)
    return "".join(_titles(_short(found, words, wanted), texts, title))


def _covered(words: Sequence[Sequence[int]], wanted: list[int], runs: Trigrams) -> list[int]:
    """Words of each block that the gold was taken from."""
    flat = [(word, block) for block, own in enumerate(words) for word in own]
    inside = _in_runs([word for word, _ in flat], runs)
    rest = [pair for pair, ok in zip(flat, inside, strict=True) if ok]
    covered = [0] * len(words)
    if len(rest) * len(wanted) > _MAX_CELLS:
        spans = [(0, len(rest))]
    else:
        opcodes = LCSseq.opcodes([word for word, _ in rest], wanted)
        spans = [(code.src_start, code.src_end) for code in opcodes if code.tag == "equal"]
    for start, end in spans:
        if end - start >= 3:
            for _, block in rest[start:end]:
                covered[block] += 1
    return covered


def _in_runs(words: Sequence[int], runs: Trigrams) -> bytearray:
    inside = bytearray(len(words))
    for i, run in enumerate(zip(words, words[1:], words[2:], strict=False)):
        if run in runs:
            inside[i] = inside[i + 1] = inside[i + 2] = 1
    return inside


def _elsewhere(found: list[str], words: Sequence[Sequence[int]], runs: Trigrams) -> list[str]:
    """Blocks that the gold has in another order, once."""
    seen = {tuple(own) for own, label in zip(words, found, strict=True) if label == "1"}
    return [
        "1"
        if label == "1" or (len(own) >= 8 and tuple(own) not in seen and 5 * sum(_in_runs(own, runs)) >= 4 * len(own))
        else "0"
        for own, label in zip(words, found, strict=True)
    ]


def _short(found: list[str], words: Sequence[Sequence[int]], wanted: list[int]) -> list[str]:
    """One or two words between kept blocks are kept where the gold has them."""
    have = set(pairwise(wanted)) | {(word,) for word in wanted}
    around = zip(["0", *found], found, [*found[1:], "0"], strict=False)
    return [
        "1" if label == "1" or (before == after == "1" and 0 < len(own) < 3 and tuple(own) in have) else "0"
        for (before, label, after), own in zip(around, words, strict=True)
    ]


def _titles(found: list[str], texts: Sequence[str], title: str) -> list[str]:
    wanted = Counter(tokens(title))
    if wanted.total() < 3:
        return found
    return [
        "t" if label == "0" and _is_title(text, wanted) else label for text, label in zip(texts, found, strict=True)
    ]


def _is_title(text: str, title: Counter[str]) -> bool:
    own = Counter(tokens(text)) if len(text) < 1000 else Counter()
    both = (own & title).total()
    return 10 * both >= 8 * title.total() and 2 * both >= own.total()
