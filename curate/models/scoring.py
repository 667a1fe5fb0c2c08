"""How good a body is: F1 over bags of tokens (Fb), and over 4-gram shingles (F4), against the gold text of a page;
or, where only parts of a page are labelled, F1 over the segments that must stay or go.

Tokens are lower-cased words, one per character in scripts without spaces, as in the article extraction benchmark of
Scrapinghub (2020) for F4.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

_SPACE = re.compile(r"\s+")
_TOKEN = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
    r"|[^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)


def tokens(text: str) -> list[str]:
    """Words, or characters where a script has no spaces.

    >>> tokens("The Council met.")
    ['the', 'council', 'met']
    """
    return _TOKEN.findall(text.lower())


def bag_f1(body: str, gold: str) -> float:
    """Fb of one page.

    >>> bag_f1("the council met", "the council met on monday")
    0.75
    """
    return _f1(tokens(body), tokens(gold))


def shingle_f1(body: str, gold: str) -> float:
    """F4 of one page."""
    return _f1(_shingles(tokens(body)), _shingles(tokens(gold)))


def count_segments(body: str, wanted: Sequence[str], unwanted: Sequence[str]) -> Counter[str]:
    """Segments that must stay, `kept` and `missed`; and those that must go, where they are `left`."""
    flat = _SPACE.sub(" ", body)
    kept = sum(segment in flat for segment in wanted)
    return Counter(kept=kept, missed=len(wanted) - kept, left=sum(segment in flat for segment in unwanted))


def segment_f1(counts: Counter[str]) -> float:
    """F1 over segments, of the counts of all pages."""
    return 2 * counts["kept"] / max(2 * counts["kept"] + counts["missed"] + counts["left"], 1)


def _shingles(words: list[str], size: int = 4) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + size]) for i in range(max(len(words) - size + 1, min(len(words), 1)))]


def _f1(found: Iterable[Hashable], wanted: Iterable[Hashable]) -> float:
    found, wanted = Counter(found), Counter(wanted)
    both = found.total() + wanted.total()
    return 2 * (found & wanted).total() / both if both else 1.0
