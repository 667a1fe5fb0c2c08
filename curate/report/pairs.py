"""A near-duplicate beside the document that is kept in its place, with what only one of them says."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from curate.report.trail import Place, Row, Trail, readable, rows_at

MAX_WORDS = 1_500
"""Words of a text that are compared: a comparison takes the product of their numbers at worst."""

Passages = list[tuple[bool, str]]
"""A text in pieces: whether the other text lacks the piece."""


@dataclass(frozen=True)
class Pair:
    """A dropped document, the one that is kept, and how alike dedup found them."""

    dropped: Row
    kept: Row
    detail: str
    dropped_passages: Passages
    kept_passages: Passages


def pairs(trail: Trail, places: Sequence[Place]) -> list[Pair]:
    """The near-duplicates at these places, each with what is kept for it, where that is found."""
    dropped = trail.rows(places)
    kept = _by_id(trail, {row["duplicate_of"] for row in dropped})
    return [_pair(row, kept[row["duplicate_of"]]) for row in dropped if row["duplicate_of"] in kept]


def differing(left: str, right: str) -> tuple[Passages, Passages]:
    """Both texts in passages: those that they share, and those that only one has."""
    words = (_words(left), _words(right))
    matcher = difflib.SequenceMatcher(None, words[0], words[1], autojunk=False)
    sides: tuple[Passages, Passages] = ([], [])
    for kind, a, b, c, d in matcher.get_opcodes():
        for side, text, start, end in ((sides[0], words[0], a, b), (sides[1], words[1], c, d)):
            if end > start:
                side.append((kind != "equal", "".join(text[start:end])))
    return sides


def _words(text: str) -> list[str]:
    """Words with the white space behind them; of scripts without spaces, runs of characters between line ends."""
    return [word for line in text.split("\n") for word in (*(f"{word} " for word in line.split()), "\n")][:MAX_WORDS]


def _pair(dropped: Row, kept: Row) -> Pair:
    return Pair(dropped, kept, dropped["drop_detail"] or "", *differing(dropped["text"], kept["text"]))


def _by_id(trail: Trail, ids: Iterable[str]) -> dict[str, Row]:
    """The documents that dedup kept under these ids; the search ends when all are found."""
    stage, wanted = trail.stages.index("dedup"), set(ids)
    found: dict[str, Row] = {}
    for file in trail.files(stage, "kept"):
        start = 0
        rows: list[int] = []
        for batch in readable(file, ["id"]) if len(found) < len(wanted) else ():
            rows += [start + row for row in batch["id"].is_in(list(wanted)).arg_true().to_list()]
            start += batch.height
        found |= {row["id"]: row for row in rows_at(file, rows).to_dicts()} if rows else {}
    return found
