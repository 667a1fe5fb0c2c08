"""What gives away that something else begins: comments, more articles; and who speaks: a reader, in the first person.

Comments below an article are prose as it is. They stand below a line such as "Comments (12)", each beside a date, and
they say "I" and "you". Such lines are told by words of some twenty languages (marks.json), and every line of the page
by how much prose stood above the last of them, however far that is: the network sees 32 lines to each side.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

COMMENTS, MORE, TIME, VOICE = "comments", "more", "time", "voice"
HEADING, STAMP = 60, 90
"""Characters of the longest line that is a heading of comments or more articles; that is a date."""
OWN = ("of_comments", "of_more", "of_time", "voice")
AROUND = tuple(
    f"{what}_{kind}" for kind in ("comments", "more", "time") for what in ("prose_above", "since", "above", "below")
)
FEATURES = (*OWN, *AROUND)
"""The columns of `features`: of the line itself, and of what is announced around it."""

_FAR = 200

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


@cache
def phrases() -> dict[str, list[list[str]]]:
    """The words and pairs of words of each kind: one word or two each."""
    said = json.loads(Path(__file__).with_name("marks.json").read_text("utf-8"))
    return {kind: [phrase.split() for line in lines for phrase in line.split("|")] for kind, lines in said.items()}


def features(page: Counts, marked: Sequence[Flags], voice: Numbers, prose: Numbers) -> list[Numbers]:
    """The columns FEATURES. Of each line its page; whether it is marked, for the first three kinds; the share of its
    words that speak; and how much prose it is."""
    start, end = (np.searchsorted(page, page, side=side) for side in ("left", "right"))
    words = np.append(0, np.cumsum(prose))
    around = [column for flags in marked for column in _around(flags, start, end, words)]
    return [*(flags.astype(np.float64) for flags in marked), np.log1p(20 * voice), *around]


def _around(marked: Flags, start: Counts, end: Counts, words: Numbers) -> list[Numbers]:
    """Of each line: prose of the page before the last marked line up to it, lines since, marked lines above, below."""
    line = np.arange(len(marked))
    last = np.maximum.accumulate(np.where(marked, line, -1))
    found = last >= start
    before = np.where(found, words[last] - words[start], 0)
    since = np.where(found, line - last, _FAR)
    count = np.append(0, np.cumsum(marked))
    return [np.log1p(column) for column in (before, since, count[:-1] - count[start], count[end] - count[1:])]
