"""How counts and foreign text are written in Markdown: nothing that a crawled page says is a link, an image or HTML."""

from __future__ import annotations

import re

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
