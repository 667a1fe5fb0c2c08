"""A near-duplicate beside the document that is kept in its place, with what only one of them says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from curate.passages import Passage, compare
from curate.report.trail import Place, Row, Trail, readable, rows_at


@dataclass(frozen=True)
class Pair:
    """A dropped document, the one that is kept, and how alike they were found to be."""

    dropped: Row
    kept: Row
    detail: str
    passages: list[Passage]  # of the dropped and of the kept text


def pairs(trail: Trail, places: Sequence[Place]) -> list[Pair]:
    """The near-duplicates at these places, each with what the stage that dropped it kept, where that is found."""
    dropped = trail.rows(places)
    wanted: defaultdict[int, set[str]] = defaultdict(set)
    for place, row in zip(places, dropped, strict=True):
        wanted[place.stage].add(row["duplicate_of"])
    kept = {stage: _by_id(trail, stage, ids) for stage, ids in wanted.items()}
    both = [(row, kept[place.stage].get(row["duplicate_of"])) for place, row in zip(places, dropped, strict=True)]
    return [_pair(row, other) for row, other in both if other]


def _pair(dropped: Row, kept: Row) -> Pair:
    return Pair(dropped, kept, dropped["drop_detail"] or "", compare(dropped["text"], kept["text"]))


def _by_id(trail: Trail, stage: int, wanted: set[str]) -> dict[str, Row]:
    """The documents that a stage kept under these ids; the search ends when all are found."""
    found: dict[str, Row] = {}
    for file in trail.files(stage, "kept"):
        start = 0
        rows: list[int] = []
        for batch in readable(file, ["id"]) if len(found) < len(wanted) else ():
            rows += [start + row for row in batch["id"].is_in(list(wanted)).arg_true().to_list()]
            start += batch.height
        found |= {row["id"]: row for row in rows_at(file, rows).to_dicts()} if rows else {}
    return found
