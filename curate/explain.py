"""One document's way through the last run: each stage's verdict, each line kept or dropped with its score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from curate.build import last_record
from curate.errors import InputError
from curate.tasks import File, Json, batches

Row = dict[str, Any]

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
    """A document's identity, the stages' verdicts in order, and the lines of its page as boilerplate judged them."""

    id: str
    url: str | None
    source: str
    record: int
    verdicts: list[Verdict]
    lines: list[Json]
    text: str | None


def explain(build_dir: str, wanted: str) -> list[Explanation]:
    """Follow the document whose id is (or begins with) `wanted`, or whose URL or source file it is.

    More than one where a page was crawled again: documents with one URL have one id. Raises InputError where nothing
    was run yet, or where no document or several with different ids fit.
    """
    record = last_record(build_dir)
    if not record:
        raise InputError(f"{build_dir}: nothing was run here yet; start with `curate run`")
    return [_follow(record, shard, row) for shard, row in _find(record[0], wanted)]


def _follow(record: Sequence[Json], shard: int, row: Row) -> Explanation:
    verdicts: list[Verdict] = []
    lines: list[Json] = []
    before = row
    for entry in record:
        after = _row(entry["tasks"][shard], row)
        if after is None:
            break
        verdicts.append(_verdict(entry["stage"], before, after))
        lines = after.get("lines") or lines
        before = after
    return Explanation(row["id"], row["url"], row["source"], row["record"], verdicts, lines, before.get("text"))


def _find(entry: Json, wanted: str) -> list[tuple[int, Row]]:
    """Shard and row of each document that fits, among all that were read."""
    fits = pl.col("id").str.starts_with(wanted) | (pl.col("url") == wanted) | (pl.col("source") == wanted)
    found = [
        (shard, row)
        for shard, task in enumerate(entry["tasks"])
        for file in _files(task)
        for batch in batches(file)
        for row in batch.filter(fits.fill_null(False)).to_dicts()
    ]
    exact = [one for one in found if one[1]["id"] == wanted] or found
    if not exact:
        raise InputError(f"no document {wanted!r} in the last run; give an id, its first characters, a URL or a file")
    if len({row["id"] for _, row in exact}) > 1:
        some = "\n".join(f"  {row['id']}  {row['url'] or row['source']}" for _, row in exact[:10])
        raise InputError(f"{len(exact)} documents fit {wanted!r}; which one?\n{some}")
    return exact


def _row(task: Json, document: Row) -> Row | None:
    this = pl.all_horizontal(pl.col(name) == document[name] for name in ("id", "source", "record"))
    rows = (row for file in _files(task) for batch in batches(file) for row in batch.filter(this).to_dicts())
    return next(rows, None)


def _files(task: Json) -> Iterator[File]:
    return (File(**task["files"][part]) for part in ("kept", "dropped"))


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


def reasons(verdicts: Sequence[Verdict]) -> str | None:
    """Why the document is not in the release, or None where it is."""
    return next((verdict.reason for verdict in verdicts if verdict.reason), None)
