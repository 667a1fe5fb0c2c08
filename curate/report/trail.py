"""Where the documents of a build lie, stage by stage. Only this module knows how the record and the files fit together.

The record of the last run (curate/build.py) lists for each stage its tasks, one a shard, with a file of kept and one of
dropped rows. A stage keeps the order of rows, so a document is found again by its key in the same shard. Files are read
a row group at a time, and only those row groups that hold a wanted row: memory stays flat whatever the build's size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import fsspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from curate.build import Record, last_record
from curate.errors import InputError
from curate.tasks import AT, TEXT, File, Json, batches, columns_in, total

Row = dict[str, Any]

KEY = ("id", "source", "record")
"""Tells documents apart; an id alone need not."""
PARTS = ("kept", "dropped")


@dataclass(frozen=True, order=True)
class Place:
    """A row of what a stage wrote: the stage's number in the run, its task (shard), kept or dropped, the row there."""

    stage: int
    task: int
    part: str
    row: int


@dataclass(frozen=True)
class Trail:
    """The stages of a run as far as it went."""

    record: Record
    root: str

    @classmethod
    def of(cls, root: str) -> Trail:
        """The last run in a build folder. Raises InputError where nothing was run there."""
        record = last_record(root)
        if not record.stages:
            raise InputError(f"{root}: nothing was run here yet; start with `curate run`")
        return cls(record, root)

    @cached_property
    def stages(self) -> list[str]:
        """Names of the stages, in run order."""
        return [entry["stage"] for entry in self.record.stages]

    @cached_property
    def funnel(self) -> list[Json]:
        """A row a stage: documents and characters in, kept, cut and dropped; reasons, most frequent first."""
        stats = [[task["stats"] for task in entry["tasks"]] for entry in self.record.stages]
        return [{"stage": name, **total(each)} for name, each in zip(self.stages, stats, strict=True)]

    def config(self, stage: str) -> Json:
        """The section that a stage ran with; empty where it did not run."""
        return next((entry["config"] for entry in self.record.stages if entry["stage"] == stage), {})

    def rounds(self, stage: str) -> Json:
        """Statistics of the rounds that prepared a stage."""
        return next((entry.get("rounds", {}) for entry in self.record.stages if entry["stage"] == stage), {})

    def tasks(self, stage: int) -> list[Json]:
        """The tasks of a stage: `files` by part, `stats`."""
        tasks: list[Json] = self.record.stages[stage]["tasks"]
        return tasks

    def file(self, stage: int, task: int, part: str) -> File:
        """What a task of a stage kept or dropped."""
        return File(**self.tasks(stage)[task]["files"][part])

    def files(self, stage: int, part: str) -> list[File]:
        """What a stage kept or dropped, a file a shard."""
        return [self.file(stage, task, part) for task in range(len(self.tasks(stage)))]

    def reasons(self, stage: int) -> list[Counter[str]]:
        """For each task of a stage, how many documents it dropped for which reason."""
        return [Counter(task["stats"].get("reasons", {})) for task in self.tasks(stage)]

    def rows(self, places: Sequence[Place], columns: Sequence[str] | None = None) -> list[Row]:
        """The rows at these places, in that order."""
        found: dict[Place, Row] = {}
        for stage, task, part in sorted({(place.stage, place.task, place.part) for place in places}):
            here = sorted({p.row for p in places if (p.stage, p.task, p.part) == (stage, task, part)})
            rows = rows_at(self.file(stage, task, part), here, columns).to_dicts()
            found |= {Place(stage, task, part, number): row for number, row in zip(here, rows, strict=True)}
        return [found[place] for place in places]

    def follow(self, task: int, keys: pl.DataFrame) -> list[list[tuple[Place, Row]]]:
        """The way of each of these documents of a shard: its row after each stage, up to where it was dropped."""
        ways: list[list[tuple[Place, Row]]] = [[] for _ in range(keys.height)]
        numbered = keys.select(KEY).with_row_index("wanted")
        for stage in range(len(self.stages)):
            places = [
                (wanted, Place(stage, task, part, row))
                for part in PARTS
                for wanted, row in find(self.file(stage, task, part), numbered)
            ]
            rows = self.rows([place for _, place in places])
            for (wanted, place), row in zip(places, rows, strict=True):
                ways[wanted].append((place, row))
        return ways


def find(file: File, wanted: pl.DataFrame) -> list[tuple[int, int]]:
    """The pairs (column `wanted`, row in the file) of the wanted documents that the file holds."""
    rows: list[int] = []
    start = 0
    for batch in readable(file, ["id"]):  # the other columns of a key only where the id fits: a third of the work
        rows += (start + batch["id"].is_in(wanted["id"].implode()).arg_true()).to_list()
        start += batch.height
    if not rows:
        return []
    keys = rows_at(file, rows, KEY).with_columns(row=pl.Series(rows, dtype=pl.Int64))
    return keys.join(wanted, on=KEY).select("wanted", "row").rows()


def readable(file: File, columns: Sequence[str], rows: int = 65_536) -> Iterator[pl.DataFrame]:
    """Columns of a file, a batch at a time; columns that the file lacks are left out. Raises InputError."""
    with _readable(file):
        known = columns_in(file)
    yield from batches(file, [name for name in columns if name in known], rows)


def rows_at(file: File, numbers: Sequence[int], columns: Sequence[str] | None = None) -> pl.DataFrame:
    """These rows of a file (numbers in order, none twice); only their row groups are read."""
    if file.texts is None or (columns and TEXT not in columns):
        return _own_rows_at(file, numbers, columns)
    own = _own_rows_at(file, numbers, [*columns, AT] if columns else None)
    texts = _own_rows_at(File(file.texts, ""), own[AT].to_list(), [TEXT])
    return own.hstack(texts).drop(AT)


def _own_rows_at(file: File, numbers: Sequence[int], columns: Sequence[str] | None) -> pl.DataFrame:
    wanted = np.asarray(numbers, np.int64)
    with _opened(file) as parquet:
        sizes = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
        ends = np.cumsum(sizes)
        groups = np.searchsorted(ends, wanted, side="right")
        names = [name for name in columns or parquet.schema_arrow.names if name in parquet.schema_arrow.names]
        parts = []
        for group in np.unique(groups).tolist():
            table = parquet.read_row_group(group, names, use_threads=False)
            parts.append(table.take(wanted[groups == group] - (ends[group] - sizes[group])))
        parts = parts or [parquet.read_row_groups([], columns=names)]
    return pl.concat([pl.DataFrame(pl.from_arrow(part)) for part in parts])


def row_groups(file: File) -> list[int]:
    """The number of rows of each row group of a file."""
    with _opened(file) as parquet:
        return [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]


@contextmanager
def _opened(file: File) -> Iterator[Any]:
    with _readable(file), fsspec.open(file.url, "rb") as stream, pq.ParquetFile(stream) as parquet:
        yield parquet


@contextmanager
def _readable(file: File) -> Iterator[None]:
    """Raises InputError where an output of the run is gone or damaged."""
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        why = "is gone" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        raise InputError(f"{file.url}: {why}; `curate run` makes it again") from None
