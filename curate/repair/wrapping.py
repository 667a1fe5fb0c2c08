"""Hard-wrapped text: paragraphs cut into lines of one width, as e-mail and plain-text files have them.

A paragraph is wrapped where no line is longer than the width and every line would be with the next one's first word
on it. In a list that is a coincidence, in wrapped text the rule: MIN_BREAKS of them at one width make sure. Text of
scripts without spaces is left alone.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import pairwise

MIN_WIDTH, MAX_WIDTH = 50, 100
"""Characters a line of wrapped text has room for."""
MIN_SPACES = 3
"""Spaces a wrapped line has."""
MIN_BREAKS = 5
"""Line breaks of the kind that a text must have."""
MIN_HYPHENS = 0.08
"""Share of the breaks inside words from which on a hyphen at a line end is taken for one the typesetter put."""

WRAPPED = rf"(?m)^[^\n]{{{MIN_WIDTH // 2},{MAX_WIDTH}}}\n[^\n]{{{MIN_WIDTH // 2},{MAX_WIDTH}}}\n[^\n]"
"""Finds, fast, every text that may be wrapped."""

_BLANK = re.compile(r"(\n(?:[^\S\n]*\n)+)")
_WORD_END = re.compile(r"([^\W\d_]{2,})-$")
_WORD_START = re.compile(r"[^\W\d_]+")
_WORD = re.compile(r"\b[^\W\d_]+\b")
_COMPOUND = re.compile(r"\b(?=([^\W\d_]+-[^\W\d_]+)\b)")


def join_wrapped(text: str) -> str:
    """The text with each hard-wrapped paragraph on one line, words broken at line ends whole."""
    blocks = [block.split("\n") for block in _BLANK.split(text)]
    width = max(map(_width, blocks))
    if not width:
        return text
    wrapped = [_is_wrapped(lines, width) for lines in blocks]
    breaks = [line for lines, hit in zip(blocks, wrapped, strict=True) if hit for line in lines[:-1]]
    if len(breaks) < MIN_BREAKS:
        return text
    hyphenates = sum(bool(_WORD_END.search(line)) for line in breaks) >= MIN_HYPHENS * len(breaks)
    spelled = Spelled(text)
    return "".join(
        _joined(lines, spelled, hyphenates) if hit else "\n".join(lines)
        for lines, hit in zip(blocks, wrapped, strict=True)
    )


def unwrap(page: str) -> str:
    """A page whose every line was wrapped at one width, blank lines between paragraphs or not, its lines joined.

    Stricter than `join_wrapped` on the page, laxer on the paragraph: no line may be longer than the width,
    and then each line joins the next where that one's first word had no room on it. Meant for where lines are judged,
    not kept as they are.
    """
    lines = page.split("\n")
    width = max(map(len, lines))
    if not MIN_WIDTH <= width <= MAX_WIDTH:
        return page
    joins = [bool(below) and _is_wrapped([line, below], width) for line, below in pairwise(lines)]
    if sum(joins) < MIN_BREAKS:
        return page
    return "".join(f"{line}{' ' if join else chr(10)}" for line, join in zip(lines, [*joins, False], strict=True))[:-1]


def _width(lines: list[str]) -> int:
    """The width that a paragraph of three lines or more is wrapped at; 0 where it is not."""
    width = max(map(len, lines))
    return width if len(lines) > 2 and MIN_WIDTH <= width <= MAX_WIDTH and _is_wrapped(lines, width) else 0


def _is_wrapped(lines: list[str], width: int) -> bool:
    return len(lines) > 1 and all(
        len(line) <= width < len(line) + 1 + len(below.split(" ", 1)[0]) and line.count(" ") >= MIN_SPACES
        for line, below in pairwise(lines)
    )


def _joined(lines: list[str], spelled: Spelled, hyphenates: bool) -> str:
    parts = lines[:1]
    for above, line in pairwise(lines):
        start, end = _WORD_START.match(line), _WORD_END.search(above)
        if not (end and start and line[0].islower()):
            parts.append(" ")
        elif _is_broken(end[1], start[0], spelled, hyphenates):
            parts[-1] = parts[-1][:-1]
        parts.append(line)
    return "".join(parts)


class Spelled:
    """How a text spells its words, whole or with a hyphen. Looked up for every line end, so collected only once."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word."""
        return frozenset(_WORD.findall(self._text))

    @cached_property
    def compounds(self) -> frozenset[str]:
        """Every two words with a hyphen between them."""
        return frozenset(_COMPOUND.findall(self._text))


def _is_broken(start: str, end: str, spelled: Spelled, hyphenates: bool) -> bool:
    """Whether the hyphen between two halves of a word is not its own: as elsewhere in the text, else as is its way."""
    if f"{start}-{end}" in spelled.compounds:
        return False
    return hyphenates or start + end in spelled.words
