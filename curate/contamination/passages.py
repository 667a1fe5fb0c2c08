"""Where in a text its tokens stand. Tokens are found in a text's normal form, in which places are others."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from curate import text

_PIECE = re.compile(r"[^\s，。、；：！？「」『』（）《》]+")
Span = tuple[int, int]


def locate(document: str, tokens: Sequence[Span]) -> list[Span]:
    """Start and end in characters of runs of tokens, each given by its first token and the one behind its last.

    A run begins and ends with a whole word; in scripts without spaces, with what stands between punctuation.
    """
    pieces = [match.span() for match in _PIECE.finditer(document)]
    ends = np.cumsum(text.tokens([document[start:end] for start, end in pieces]).counts)
    spans = []
    for first, behind in tokens:
        place = np.searchsorted(ends, [first, behind - 1], side="right")
        spans.append((pieces[place[0]][0], pieces[place[1]][1]))
    return spans


def without(document: str, spans: Sequence[Span]) -> str:
    """The text without some passages, parted where they stood."""
    kept, end = [], 0
    for start, behind in [*sorted(spans), (len(document), 0)]:
        kept.append(document[end:start].strip())
        end = max(end, behind)
    return "\n".join(part for part in kept if part)
