"""One document's way through the last run: each stage's verdict, each line kept or dropped with its score and why."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from curate import trial
from curate.build import last_record
from curate.config import Config
from curate.errors import InputError
from curate.models.reasons import MAX_LINES
from curate.report.pages import Page, every, page, with_reasons
from curate.report.pairs import pairs
from curate.report.trail import KEY, PARTS, Row, Trail, readable
from curate.stages.dedup import NEAR_DUPLICATE

_PLACE = (*KEY, "url")
_NEAR = 5
"""Suggestions for an unknown document."""
_COMPARED = 2_000
"""Names that suggestions are chosen from."""


def explain(config: Config, wanted: str) -> list[Page]:
    """Follow the document whose id is (or begins with) `wanted`, or whose URL or source file it is.

    More than one where a page was crawled again: documents with one URL have one id. A file that the last run did not
    read goes through the stages now, alone. Raises InputError where nothing was run yet, or where no document (near
    ones are named) or several with different ids fit.
    """
    is_file = Path(wanted).is_file()
    trail = Trail.of(config.build_dir) if last_record(config.build_dir).stages or not is_file else None
    found = _fitting(trail, wanted) if trail else []
    if not found and is_file:
        return _tried(config, wanted)
    assert trail
    found = _one(trail, found, wanted)
    keys = [(task, pl.DataFrame([row], schema_overrides={"record": pl.Int64})) for task, row in found]
    ways = [way for task, key in keys for way in trail.follow(task, key)]
    return [_with_passages(trail, with_reasons(trail, way, page(trail, way))) for way in ways]


def _with_passages(trail: Trail, found: Page) -> Page:
    """A near-duplicate, with the passages in which it differs from the document that is kept in its place."""
    if found.last.reason != NEAR_DUPLICATE:
        return found
    return replace(found, passages=[passage for pair in pairs(trail, [found.place]) for passage in pair.passages])


def _tried(config: Config, path: str) -> list[Page]:
    """The documents of a file that is no part of the input; they are compared with no others."""
    with trial.tried(config, trial.given(config, path)) as tried:
        said = "Never in the input; the stages were tried on it alone."
        return [replace(page, outcome=f"{said} {_ends(page)}") for page in every(tried.trail, MAX_LINES)]


def _ends(page: Page) -> str:
    return "It would be kept." if page.kept else f"It would be dropped: {page.last.reason}."


def _fitting(trail: Trail, wanted: str) -> list[tuple[int, Row]]:
    """Shard and key of each document that fits, among all that were read."""
    url = wanted.partition("#")[0]
    fits = pl.col("id").str.starts_with(wanted) | (pl.col("url") == url) | (pl.col("source") == wanted)
    return [(task, row) for task, batch in _read(trail) for row in batch.filter(fits.fill_null(False)).to_dicts()]


def _one(trail: Trail, found: list[tuple[int, Row]], wanted: str) -> list[tuple[int, Row]]:
    """Those of one id, the exact one first."""
    exact = [one for one in found if one[1]["id"] == wanted] or found
    if not exact:
        raise InputError(f"no document {wanted!r} in the last run; {_suggestion(trail, wanted)}")
    if len({row["id"] for _, row in exact}) > 1:
        raise InputError(f"{len(exact)} documents fit {wanted!r}; which one?\n{_listed([row for _, row in exact])}")
    return exact


def _read(trail: Trail) -> Iterator[tuple[int, pl.DataFrame]]:
    """Number of the shard and what tells documents apart, of all that were read."""
    for task in range(len(trail.tasks(0))):
        for part in PARTS:
            yield from ((task, batch) for batch in readable(trail.file(0, task, part), _PLACE))


def _suggestion(trail: Trail, wanted: str) -> str:
    """The documents that are spelled most like `wanted`: a slip of the pen leaves its first or its last third."""
    third = max(len(wanted) // 3, 1)
    near: dict[str, Row] = {}
    for _, batch in _read(trail):
        for name in ("id", "url", "source"):
            alike = pl.col(name).str.starts_with(wanted[:third]) | pl.col(name).str.ends_with(wanted[-third:])
            if len(near) < _COMPARED:
                near |= {row[name]: row for row in batch.filter(alike.fill_null(False)).to_dicts()}
    names = difflib.get_close_matches(wanted, near, _NEAR, cutoff=0.5)
    rows = list({near[name]["id"]: near[name] for name in names}.values())
    return f"near it:\n{_listed(rows)}" if rows else "give an id, its first characters, a URL or a file"


def _listed(rows: Sequence[Row]) -> str:
    return "\n".join(f"  {row['id']}  {row['url'] or row['source']}" for row in rows[: 2 * _NEAR])
