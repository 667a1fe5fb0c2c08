"""Lines between an article's paragraphs that point to another one: `READ MORE: Market hall traders face summer …`.

They stand where a paragraph stands and are no shorter than a subheading, so the line model is in doubt about them. They
are told by how they begin: words for it in some thirty languages (pointers.json), and a colon, bar, dash or arrow.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl

MAX_CHARACTERS = 200
"""A longer line says something of its own."""

_PHRASES = [
    phrase
    for line in json.loads(Path(__file__).with_name("pointers.json").read_text("utf-8"))
    for phrase in line.split("|")
]
_POINTER = rf"(?i)^[^\p{{L}}\p{{N}}]{{0,3}}(?:{'|'.join(map(re.escape, _PHRASES))})\s*[:：|–—>»]"


def are_pointers(texts: pl.Series) -> pl.Series:
    """Which lines point to another article.

    >>> are_pointers(pl.Series(["READ MORE: Traders face a long summer", "Read more often: it helps."])).to_list()
    [True, False]
    """
    return texts.str.contains(_POINTER) & (texts.str.len_chars() <= MAX_CHARACTERS)
