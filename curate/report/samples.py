"""Which documents to look at: at random within each reason, at random among those kept, and the least certain ones.

Choices are seeded: the same build shows the same documents. Within a reason every document is as likely as any other,
by the counts in the record; only rows that were chosen are read. What is looked at as a whole (figures, the search for
uncertain documents) is a sample of blocks of rows, each as likely as any other.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from curate.report.trail import Place, Trail, readable, rows_at

SPREAD_ROWS = 20_000
"""Documents that figures are drawn from, at most."""
_BLOCK_ROWS = 100
"""Documents that stand beside each other in it: fewer would read more files, more would be more alike."""
MARGIN = 0.3
"""Scores this near the threshold are uncertain."""


@dataclass(frozen=True)
class Spread:
    """Documents of a stage, in random blocks. `share`: of all its documents, 1 where it is all of them."""

    rows: pl.DataFrame  # the columns asked for; `task`, `part` and `row` say where each stands
    share: float


def of_reason(trail: Trail, stage: int, reason: str, count: int, seed: int = 0) -> list[Place]:
    """At most `count` documents that a stage dropped for this reason."""
    by_task = [counts[reason] for counts in trail.reasons(stage)]
    chosen = _chosen(by_task, count, f"{seed} {stage} {reason}")
    return [place for task, numbers in chosen for place in _nth(trail, stage, task, reason, numbers)]


def kept(trail: Trail, count: int, seed: int = 0) -> list[Place]:
    """At most `count` documents that the last stage kept."""
    stage = len(trail.stages) - 1
    rows = [file.rows for file in trail.files(stage, "kept")]
    chosen = _chosen(rows, count, f"{seed} kept")
    return [Place(stage, task, "kept", number) for task, numbers in chosen for number in numbers]


def spread(
    trail: Trail, stage: int, columns: Sequence[str], parts: Sequence[str], rows: int = SPREAD_ROWS, seed: int = 0
) -> Spread:
    """Columns of documents that a stage kept or dropped, about `rows` of them. What a file lacks is null."""
    places = [(task, part) for part in parts for task in range(len(trail.tasks(stage)))]
    files = [trail.file(stage, task, part) for task, part in places]
    blocks = [-(-file.rows // _BLOCK_ROWS) for file in files]
    frames = [_EMPTY.with_columns(pl.lit(None).alias(name) for name in columns)]
    for number, chosen in _chosen(blocks, rows // _BLOCK_ROWS, f"{seed} {stage}"):
        numbers = [row for block in chosen for row in _block(block, files[number].rows)]
        task, part = places[number]
        frame = rows_at(files[number], numbers, ["id", *columns])
        row = pl.Series(numbers, dtype=pl.Int64)
        frames.append(frame.with_columns(task=pl.lit(task), part=pl.lit(part), row=row))
    found = pl.concat(frames, how="diagonal_relaxed")
    return Spread(found, found.height / max(sum(file.rows for file in files), 1))


_EMPTY = pl.DataFrame(schema={"task": pl.Int32, "part": pl.String, "row": pl.Int64})


def _block(number: int, rows: int) -> range:
    return range(number * _BLOCK_ROWS, min((number + 1) * _BLOCK_ROWS, rows))


def _chosen(sizes: Sequence[int], count: int, seed: str) -> list[tuple[int, list[int]]]:
    """At most `count` of the items of some groups, each as likely as any other: group, numbers of items in it."""
    ends = list(accumulate(sizes))
    whole = ends[-1] if ends else 0
    chosen: dict[int, list[int]] = {}
    for item in sorted(random.Random(seed).sample(range(whole), min(count, whole))):  # noqa: S311
        group = bisect(ends, item)
        chosen.setdefault(group, []).append(item - ends[group] + sizes[group])
    return list(chosen.items())


def _nth(trail: Trail, stage: int, task: int, reason: str, numbers: Sequence[int]) -> list[Place]:
    """Of the documents that a task dropped for a reason, those with these numbers."""
    reasons = pl.concat(readable(trail.file(stage, task, "dropped"), ["drop_reason"]))["drop_reason"]
    rows = (reasons == reason).arg_true().gather(list(numbers))
    return [Place(stage, task, "dropped", row) for row in rows.to_list()]


def uncertain(trail: Trail, count: int) -> list[Place]:
    """The documents on whose lines the model is least certain, among SPREAD_ROWS / 10: where to look first.

    Uncertain is a line within MARGIN of the threshold; documents go by the share of their characters in such lines.
    """
    if "boilerplate" not in trail.stages:
        return []
    stage = trail.stages.index("boilerplate")
    found = spread(trail, stage, ["lines"], ["kept"], rows=SPREAD_ROWS // 10).rows
    if not found.height:
        return []
    limit = trail.config("boilerplate")["min_score"]
    chars = pl.element().struct.field("text").str.len_chars()
    near = (pl.element().struct.field("score") - limit).abs() < MARGIN
    share = pl.col("lines").list.eval(chars * near).list.sum() / pl.col("lines").list.eval(chars).list.sum()
    worst = found.with_columns(share=share).filter(pl.col("share") > 0).sort("share", descending=True).head(count)
    return [Place(stage, task, "kept", row) for task, row in worst.select("task", "row").rows()]


def closest(trail: Trail, count: int) -> list[Place]:
    """The near-duplicates that are least similar to what is kept in their place."""
    stage = trail.stages.index("dedup")
    found = spread(trail, stage, ["similarity"], ["dropped"], rows=SPREAD_ROWS // 10).rows
    worst = found.drop_nulls("similarity").sort("similarity").head(count)
    return [Place(stage, task, "dropped", row) for task, row in worst.select("task", "row").rows()]
