"""Search a whole build. Each document stands once: in what a stage dropped, or in what the last stage kept.

Files are streamed a batch at a time. A search ends when a page of results is full or its time is over, and says where
it stopped; the next one goes on from there. So memory is flat, and no answer waits for the whole build.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from curate.removal_list import REMOVED
from curate.report import samples
from curate.report.pages import pages
from curate.report.trail import Place, Row, Trail, readable

PAGE, SECONDS = 50, 2.0
"""Results of a search, and the time after which it stops."""
KEPT = "kept"
UNCERTAIN = "least certain"
"""In place of a stage: documents that no stage dropped; those on whose lines the model is least certain."""
_ROWS = 2_000
_COLUMNS = ("id", "url", "site", "source", "title", "language", "drop_reason", "text", "page")
_SEARCHED = ("text", "title", "url", "source")
_NOTHING: Row = dict.fromkeys(("id", "url", "site", "source", "title", "language", "drop_reason", "text"))
_PLACE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})-(kept|dropped)-([0-9]{1,9})")

Files = list[tuple[int, int, str]]
"""Stage, task and part of files."""


@dataclass(frozen=True)
class Query:
    """What to look for; what is empty fits every document. An id is its first characters; letters of text and site
    may be of either case."""

    text: str = ""
    id: str = ""
    site: str = ""
    stage: str = ""  # that dropped it, or KEPT or UNCERTAIN
    reason: str = ""

    def fits(self, columns: Sequence[str]) -> pl.Expr:
        """Whether a row of a file with these columns fits. What was removed on request never does."""
        wanted = [pl.col("drop_reason").ne_missing(REMOVED)] if "drop_reason" in columns else []
        if self.id:
            wanted.append(pl.col("id").str.starts_with(self.id))
        if self.site:
            wanted.append(_contains("site", self.site))
        if self.reason:
            wanted.append(pl.col("drop_reason") == self.reason if "drop_reason" in columns else pl.lit(False))
        if self.text:
            there = [_contains(name, self.text) for name in _SEARCHED if name in columns]
            raw = [pl.col("page").bin.contains(self.text.encode())] if "page" in columns else []
            wanted.append(pl.any_horizontal(*there, *raw))
        return pl.all_horizontal(pl.lit(True), *(each.fill_null(False) for each in wanted))


@dataclass(frozen=True)
class Found:
    """Documents that fit, where the search stopped (None: at the end), and how many documents it has passed so far."""

    rows: list[tuple[Place, Row]]
    stopped: Place | None
    passed: int
    of: int


def search(trail: Trail, query: Query, after: Place | None = None, most: int = PAGE, seconds: float = SECONDS) -> Found:
    """The first documents that fit, those behind `after`: kept ones first, then those that each stage dropped.

    Raises ValueError where `after` is in no file that is searched.
    """
    if query.stage == UNCERTAIN:
        return _uncertain(trail, query)
    deadline = time.monotonic() + seconds
    files = _files(trail, query)
    sizes = [trail.file(*file).rows for file in files]
    start = files.index((after.stage, after.task, after.part)) if after else 0
    rows: list[tuple[Place, Row]] = []
    for number, batch in _behind(trail, files, start, after.row if after else -1):
        rows += _hits(batch, query, files[number])
        full, late = len(rows) >= most, time.monotonic() > deadline
        if full or late:
            stopped = rows[most - 1][0] if full else Place(*files[number], int(batch["row"][-1]))
            return Found(rows[:most], stopped, sum(sizes[:number]) + stopped.row + 1, sum(sizes))
    return Found(rows, None, sum(sizes), sum(sizes))


def _uncertain(trail: Trail, query: Query) -> Found:
    """Of the documents on whose lines the model is least certain, in a sample of the build, those that fit."""
    places = [page.place for page in pages(trail, samples.uncertain(trail, PAGE))]
    rows = pl.DataFrame([_NOTHING, *trail.rows(places, _COLUMNS)], infer_schema_length=None).with_row_index("number")
    fit = rows[1:].filter(query.fits(rows.columns)).drop("text", strict=False).to_dicts()
    return Found([(places[row["number"] - 1], row) for row in fit], None, len(places), len(places))


def place_of(trail: Trail, text: str) -> Place:
    """The place that `spelled` wrote. Raises ValueError where the build has no such row."""
    found = _PLACE.fullmatch(text)
    if not found:
        raise ValueError(f"no place: {text[:80]!r}")
    place = Place(int(found[1]), int(found[2]), found[3], int(found[4]))
    inside = place.stage < len(trail.stages) and place.task < len(trail.tasks(place.stage))
    if not inside or place.row >= trail.file(place.stage, place.task, place.part).rows:
        raise ValueError(f"no such row in this build: {text}")
    return place


def spelled(place: Place) -> str:
    """A place as it stands in an address."""
    return f"{place.stage}-{place.task}-{place.part}-{place.row}"


def _files(trail: Trail, query: Query) -> Files:
    """The files that may hold what is looked for, in order."""
    last = len(trail.stages) - 1
    parts = [(last, "kept"), *((stage, "dropped") for stage in range(last + 1))]
    if query.stage:
        parts = [pair for pair in parts if query.stage == (KEPT if pair[1] == "kept" else trail.stages[pair[0]])]
    return [
        (stage, task, part)
        for stage, part in parts
        for task, reasons in enumerate(trail.reasons(stage))
        if trail.file(stage, task, part).rows and (not query.reason or (part == "dropped" and reasons[query.reason]))
    ]


def _behind(trail: Trail, files: Files, start: int, row: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """Number of the file, and rows with their number in it (column `row`), from behind a row of the first file on."""
    for number in range(start, len(files)):
        first = 0
        for batch in readable(trail.file(*files[number]), _COLUMNS, _ROWS):
            numbered = batch.with_row_index("row", first)
            first += batch.height
            rest = numbered.filter(pl.col("row") > row) if number == start else numbered
            if rest.height:
                yield number, rest


def _hits(batch: pl.DataFrame, query: Query, file: tuple[int, int, str]) -> Iterator[tuple[Place, Row]]:
    fit = batch.filter(query.fits(batch.columns)).drop("text", "page", strict=False)
    return ((Place(*file, row["row"]), row) for row in fit.to_dicts())


def _contains(name: str, text: str) -> pl.Expr:
    return pl.col(name).str.contains(f"(?i){pl.escape_regex(text)}")
