"""One document's way through the last run: each stage's verdict, each line kept or dropped with its score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from curate.build import Record, last_record
from curate.errors import InputError
from curate.tasks import File, Json, batches

Row = dict[str, Any]

_PLACE = ("id", "url", "source", "record")
_SHOWN = ("title", "author", "published", "site", "language", "language_score", "cluster", "split")


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
class Explanation:
    """A document's identity, the stages' verdicts in order, the lines of its page as judged, and where it ended."""

    id: str
    url: str | None
    source: str
    record: int
    verdicts: list[Verdict]
    lines: list[Json]
    text: str | None
    outcome: str


def explain(build_dir: str, wanted: str) -> list[Explanation]:
    """Follow the document whose id is (or begins with) `wanted`, or whose URL or source file it is.

    More than one where a page was crawled again: documents with one URL have one id. Raises InputError where nothing
    was run yet, or where no document or several with different ids fit.
    """
    record = last_record(build_dir)
    if not record.stages:
        raise InputError(f"{build_dir}: nothing was run here yet; start with `curate run`")
    return [_follow(record, shard, row) for shard, row in _find(record.stages[0], wanted)]


def _follow(record: Record, shard: int, row: Row) -> Explanation:
    verdicts: list[Verdict] = []
    lines: list[Json] = []
    before = row
    for entry in record.stages:
        after = next(_rows(entry["tasks"][shard], _is(row)), None)
        if after is None:
            break
        verdicts.append(_verdict(entry["stage"], before, after))
        lines = after.get("lines") or lines
        before = after
    place = row["id"], row["url"], row["source"], row["record"]
    return Explanation(*place, verdicts, lines, before.get("text"), _outcome(record, verdicts))


def _outcome(record: Record, verdicts: Sequence[Verdict]) -> str:
    dropped = next((verdict.reason for verdict in verdicts if verdict.reason), None)
    if dropped:
        return f"Not in the release: {dropped}."
    if record.release is None:
        return f"Kept so far; the last run made no release, it ended after {record.stages[-1]['stage']}."
    return f"In the release {record.release['path']}."


def _find(entry: Json, wanted: str) -> list[tuple[int, Row]]:
    """Shard and row of each document that fits, among all that were read."""
    url = wanted.partition("#")[0]
    fits = pl.col("id").str.starts_with(wanted) | (pl.col("url") == url) | (pl.col("source") == wanted)
    found = [(shard, row) for shard, task in enumerate(entry["tasks"]) for row in _rows(task, fits.fill_null(False))]
    exact = [one for one in found if one[1]["id"] == wanted] or found
    if not exact:
        raise InputError(f"no document {wanted!r} in the last run; give an id, its first characters, a URL or a file")
    if len({row["id"] for _, row in exact}) > 1:
        some = "\n".join(f"  {row['id']}  {row['url'] or row['source']}" for _, row in exact[:10])
        raise InputError(f"{len(exact)} documents fit {wanted!r}; which one?\n{some}")
    return exact


def _is(document: Row) -> pl.Expr:
    return pl.all_horizontal(pl.col(name) == document[name] for name in ("id", "source", "record"))


def _rows(task: Json, fits: pl.Expr) -> Iterator[Row]:
    """The rows of a task's files that fit; texts are read only where there is one."""
    for part in ("kept", "dropped"):
        file = File(**task["files"][part])
        if any(batch.select(fits.any()).item() for batch in batches(file, _PLACE, rows=65536)):
            yield from (row for batch in batches(file) for row in batch.filter(fits).to_dicts())


def _verdict(stage: str, before: Row, after: Row) -> Verdict:
    reason = after.get("drop_reason")
    found = {
        name: after[name]
        for name in _SHOWN
        if after.get(name) is not None and (stage == "read" or after[name] != before.get(name))
    }
    return Verdict(stage, reason, after.get("drop_detail"), _size(before), 0 if reason else _size(after), found)


def _size(row: Row) -> int:
    return len(row["page"] if row.get("page") is not None else row.get("text") or "")
