"""How counts and foreign text are written in Markdown: nothing that a crawled page says is a link, an image or HTML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

LISTED = 20
"""Sites and sources that a card, a changelog and `curate diff` name."""
LONGEST = 80
"""Characters of a cell."""
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]"
)
"""Controls, and characters that show nothing but turn or hide what stands beside them."""
_ESCAPED = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {mark: f"\\{mark}" for mark in "\\`*_{}[]()#!|~$"},
)

Count = TypeVar("Count", int, Counter[str])


def cell(text: str, longest: int = LONGEST) -> str:
    """Foreign text as plain words in one line, its middle left out where it is too long."""
    line = _UNSEEN.sub("", " ".join(text.split()))
    if len(line) > longest:
        line = f"{line[: longest // 2]}…{line[len(line) - (longest - 1) // 2 :]}"
    return line.translate(_ESCAPED)


def counted(count: int, noun: str) -> str:
    """`1 document`, `2,000 documents`.

    >>> counted(1, "document"), counted(1200, "document")
    ('1 document', '1,200 documents')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def by_source(counts: Mapping[str, Count]) -> dict[str, Count]:
    """Counts by source as they are shown: where most sources are a page each, and many, by their folders.

    >>> by_source({f"pages/{n % 2}/{n}.html": 1 for n in range(50)})
    {'pages/0/': 25, 'pages/1/': 25}
    """
    if len(counts) <= LISTED or sum(map(_total, counts.values())) >= 2 * len(counts):
        return dict(counts)
    folders: dict[str, Count] = {}
    for source, count in counts.items():
        folder = source[: source.rfind("/") + 1] or source
        folders[folder] = folders[folder] + count if folder in folders else count
    return dict(sorted(folders.items(), key=lambda item: (-_total(item[1]), item[0])))


def _total(count: int | Counter[str]) -> int:
    return count if isinstance(count, int) else count.total()
