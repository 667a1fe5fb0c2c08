"""One document as it is looked at: each line of its page with score and verdict, each stage's verdict, its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise, repeat
from typing import Any

import polars as pl

from curate.models.reasons import html_reasons, reasons
from curate.passages import Passage
from curate.repair.wrapping import unwrap
from curate.report.trail import KEY, PARTS, Place, Row, Trail
from curate.tasks import Json

KEEP, DROP, TITLE, CUT = "keep", "drop", "title", "cut"
"""Verdicts on a line. `cut`: kept as part of the article, taken out by a later stage."""

_FOUND = ("title", "author", "published", "site", "language", "language_score", "language_confidence")
_FOUND_LATE = ("cluster", "duplicate_of", "split")


@dataclass(frozen=True)
class Line:
    """A line of a page. `verdict` is empty and `score` None where no stage judged lines."""

    text: str
    verdict: str = ""
    score: float | None = None
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What one stage said: `reason` is None where it kept the document; `found` are the columns it filled."""

    stage: str
    reason: str | None
    detail: str | None
    chars_in: int
    chars_out: int
    found: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """A document's identity, the stages' verdicts in order, the lines of its page, its text, and where it ended."""

    id: str
    url: str | None
    site: str | None
    source: str
    record: int
    format: str
    title: str | None
    language: str | None
    verdicts: list[Verdict]
    lines: list[Line]
    text: str | None
    outcome: str
    place: Place  # of its last row
    passages: list[Passage] = field(default_factory=list)  # beside the document kept for it, where `explain` asks

    @property
    def last(self) -> Verdict:
        """The verdict of the stage at which the document's way ended."""
        return self.verdicts[-1]

    @property
    def kept(self) -> bool:
        """Whether no stage dropped it."""
        return self.last.reason is None


Way = list[tuple[Place, Row]]
"""A document's row after each stage, up to where it was dropped."""


def pages(trail: Trail, places: Sequence[Place], explained: int = 0) -> list[Page]:
    """The documents at these places, in that order, each with its whole way.

    `explained`: of how many lines in all it is told what weighed on them; of whole documents, the first ones.
    """
    found = []
    for way in ways(trail, places):
        one = page(trail, way)
        if len(one.lines) <= explained:
            explained -= len(one.lines)
            one = with_reasons(trail, way, one)
        found.append(one)
    return found


def ways(trail: Trail, places: Sequence[Place]) -> list[Way]:
    """The ways of the documents at these places, in that order."""
    keys = trail.rows(places, KEY)
    found: dict[int, Way] = {}
    for task in sorted({place.task for place in places}):
        here = [i for i, place in enumerate(places) if place.task == task]
        followed = trail.follow(task, pl.DataFrame([keys[i] for i in here], schema=_KEY_SCHEMA))
        found |= dict(zip(here, followed, strict=True))
    return [found[i] for i in range(len(places))]


def every(trail: Trail, explained: int = 0) -> list[Page]:
    """All documents of a small build, those that could be read first; `explained` as in `pages`."""
    places = [
        Place(0, task, part, row)
        for part in PARTS
        for task in range(len(trail.tasks(0)))
        for row in range(trail.file(0, task, part).rows)
    ]
    return pages(trail, places, explained)


_KEY_SCHEMA: dict[str, Any] = {"id": pl.String, "source": pl.String, "record": pl.Int64}


def page(trail: Trail, way: Sequence[tuple[Place, Row]]) -> Page:
    """The document whose rows after each stage these are."""
    rows = [row for _, row in way]
    last = rows[-1]
    verdicts = list(_verdicts(trail.stages, rows))
    return Page(
        id=last["id"],
        url=last["url"],
        site=last["site"],
        source=last["source"],
        record=last["record"],
        format=last["format"],
        title=last["title"],
        language=last.get("language"),
        verdicts=verdicts,
        lines=_lines(rows),
        text=last["text"] if any(row.get("lines") for row in rows) else None,
        outcome=_outcome(trail, verdicts),
        place=way[-1][0],
    )


def with_reasons(trail: Trail, way: Sequence[tuple[Place, Row]], found: Page) -> Page:
    """A document, with what weighed most on the score of each line of its page; site templates left aside."""
    if all(line.score is None for line in found.lines):
        return found
    text = str(way[trail.stages.index("boilerplate") - 1][1]["text"])
    own = trail.config("boilerplate")["weights"]
    all_reasons = html_reasons(text) if found.format == "html" else reasons(unwrap(text), path=own)
    why = (tuple(map(str, some)) for some in all_reasons)
    lines = [replace(line, why=some) for line, some in zip(found.lines, chain(why, repeat(())), strict=False)]
    return replace(found, lines=lines)


def _verdicts(stages: Sequence[str], rows: Sequence[Row]) -> Iterator[Verdict]:
    for stage, before, after in zip(stages, [rows[0], *rows], rows, strict=False):
        reason = after.get("drop_reason")
        found = {
            name: after[name]
            for name in (*_FOUND, *_FOUND_LATE)
            if after.get(name) is not None and (stage == "read" or after[name] != before.get(name))
        }
        yield Verdict(stage, reason, after.get("drop_detail"), _size(before), 0 if reason else _size(after), found)


def _size(row: Row) -> int:
    return len(row["page"] if row.get("page") is not None else row.get("text") or "")


def _outcome(trail: Trail, verdicts: Sequence[Verdict]) -> str:
    dropped = next((verdict.reason for verdict in verdicts if verdict.reason), None)
    if dropped:
        return f"Not in the release: {dropped}."
    if trail.record.release is None:
        return f"Kept so far; the last run made no release, it ended after {trail.stages[-1]}."
    return f"In the release {trail.record.release['path']}."


def _lines(rows: Sequence[Row]) -> list[Line]:
    """The lines of the page as the boilerplate stage judged them, or as they are."""
    judged = next((row["lines"] for row in rows if row.get("lines")), None)
    if judged is None:
        return [Line(text) for text in _page_text(rows).splitlines() if text.strip()]
    title = _title(judged, next((row["title"] for row in reversed(rows) if row["title"]), None))
    cut = _cut(rows)
    lines = []
    for number, line in enumerate(judged):
        verdict = TITLE if number == title else KEEP if line["kept"] else DROP
        if verdict == KEEP and cut[line["text"]]:
            verdict = CUT
            cut[line["text"]] -= 1
        lines.append(Line(line["text"], verdict, round(line["score"], 3)))
    return lines


def _page_text(rows: Sequence[Row]) -> str:
    """The page before any line was judged."""
    text = next((row["text"] for row in rows if row.get("text")), None)
    return text if text is not None else (rows[0].get("page") or b"").decode("utf-8", "replace")


def _title(lines: Sequence[Json], title: str | None) -> int | None:
    """Which of the dropped lines is the title: it alone, or else with the name of the site behind it."""
    begins = [i for i, line in enumerate(lines) if title and not line["kept"] and line["text"].startswith(title)]
    return min(begins, key=lambda i: len(lines[i]["text"]), default=None)


def _cut(rows: Sequence[Row]) -> Counter[str]:
    """The lines that stages after boilerplate took out of the article."""
    judged = next(number for number, row in enumerate(rows) if row.get("lines"))
    cut: Counter[str] = Counter()
    for before, after in pairwise(row["text"] for row in rows[judged:]):
        if before != after:
            cut += Counter(before.split("\n")) - Counter(after.split("\n"))
    return cut
