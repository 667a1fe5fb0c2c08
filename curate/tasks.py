"""What an engine runs: tasks, pure functions from input files to output files named by the hash of what decides them.

A task function is a generator. It takes the input files and a config, yields `(part, rows)` pairs (`part` names an
output file of the task, such as "kept" or "dropped"; rows of one part are appended in order), and returns a dictionary
of JSON values, its statistics. One that writes Parquet itself yields the bytes of the file instead of rows. It must
not depend on anything else: not on time, host, worker or order of tasks. One with many parts, one after the other,
yields `(part, END)` behind each: that frees what its writer holds, and its file.
Large results are yielded batch by batch, so that memory stays flat.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from curate.section import Section

BATCH_ROWS, BATCH_BYTES = 500, 32 << 20
"""A batch is large enough for columns to pay, and small enough for flat memory whatever a document's size."""
SHORT_ROWS, SHORT_BYTES = 2000, 5 << 19
"""Short documents are so many as long as they fit into a processor's cache: of 2 KB texts a run takes a tenth less."""
_VIEW_BYTES = 16
TEXT, AT = "text", "_at"
"""A stage that leaves the texts as they are does not write them again, but the rows where they stand."""

Json = dict[str, Any]
Rows = Generator[tuple[str, pl.DataFrame], None, Json]
Written = Generator[tuple[str, bytes], None, Json]
END = pl.DataFrame()
Part = TypeVar("Part", pa.RecordBatch, pl.DataFrame)
TaskFunction = Callable[[Sequence["File"], Any], Rows | Written]


@dataclass(frozen=True)
class File:
    """A file that a task reads: an input of the user's or the finished output of another task."""

    url: str
    sha256: str  # of the content; for the user's files, of what identifies the content (path, size, time or etag)
    rows: int = 0
    texts: str | None = None  # the file that holds the column `text` where this one leaves it out; AT says in which row
    groups: tuple[int, int] | None = None  # of a piece: its first row group, and the first one behind it

    @property
    def identity(self) -> str:
        """What tells this file, or piece of a file, from others."""
        return f"{self.sha256}/{self.groups[0]}-{self.groups[1]}" if self.groups else self.sha256


@dataclass(frozen=True)
class Task:
    """One unit of work. `label` is the stage, or `stage/round`, and the folder of its outputs."""

    label: str
    version: int
    function: TaskFunction
    inputs: tuple[File, ...]
    config: Section

    @cached_property
    def key(self) -> str:
        """Address of the outputs: 32 hex digits over label, version, config and the inputs' content."""
        parts = [
            self.label,
            self.version,
            self.config.model_dump(mode="json"),
            [f.identity for f in self.inputs],
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Ran:
    """Where and when a task ran: start as Unix time, wall and processor seconds, the largest the process ever was."""

    host: str
    process: int
    started: float
    seconds: float
    cpu: float
    peak_mb: int


@dataclass(frozen=True)
class Done:
    """A finished task: its output files by part, and its statistics; how it ran, where it ran now."""

    key: str
    files: dict[str, File]
    stats: Json = field(default_factory=dict)
    ran: Ran | None = field(default=None, compare=False)


class Rounds(Protocol):
    """What a stage that must see everything is given: a way to run rounds of file tasks."""

    def run(
        self,
        label: str,
        function: TaskFunction,
        inputs: Sequence[Sequence[File]],
        configs: Section | Sequence[Section],
    ) -> list[Done]:
        """One task for each group of input files (with its own config where a list is given); results in that order."""
        ...


def total(stats: Sequence[Json]) -> Json:
    """The statistics of a round: sums over its tasks, of `largest_...` the largest; reasons by frequency."""
    count: Counter[str] = Counter()
    groups: dict[str, Counter[str]] = {"reasons": Counter()}
    for one in stats:
        for name, value in one.items():
            if isinstance(value, int):
                count[name] = max(count[name], value) if name.startswith("largest_") else count[name] + value
        for name, counts in one.items():
            if isinstance(counts, dict):
                groups.setdefault(name, Counter()).update(counts)
    ordered = dict(sorted(groups.pop("reasons").items(), key=lambda item: (-item[1], item[0])))
    return {**count, "reasons": ordered, **{name: dict(counts) for name, counts in groups.items()}}


def batches(file: File, columns: Sequence[str] | None = None, rows: int | None = None) -> Iterator[pl.DataFrame]:
    """The rows of a task's output file in order, as many as a stage takes or at most `rows` and about BATCH_BYTES at a
    time; at least one batch. Without `columns` all of them, but for AT.
    """
    if file.texts and (columns is None or TEXT in columns):
        joined = _with_texts(file, file.texts, columns, rows)
        yield from joined if columns else (batch.drop(AT) for batch in joined)
    else:
        yield from _batches(file.url, columns, rows, file.groups)


def placed(file: File) -> Iterator[pl.DataFrame]:
    """See `batches`; all columns, and AT: in which row of which file the text stands, this one or file.texts."""
    if file.texts:
        yield from _with_texts(file, file.texts, None, None)
        return
    row = 0
    for batch in _batches(file.url, None, None):
        yield batch.with_row_index(AT, row)
        row += batch.height


def columns_in(file: File) -> list[str]:
    """The names of the columns of a Parquet file."""
    with fsspec.open(file.url, "rb") as stream, pq.ParquetFile(stream) as parquet:
        own = [name for name in parquet.schema_arrow.names if name != AT]
    return [*own, TEXT] if file.texts else own


def read(file: File, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """All rows of a small output file."""
    return pl.concat(batches(file, columns, rows=65536))


def size_of(file: File) -> int:
    """Bytes of the rows of a file, before compression."""
    with fsspec.open(file.url, "rb") as stream, pq.ParquetFile(stream) as parquet:
        return sum(parquet.metadata.row_group(i).total_byte_size for i in range(parquet.num_row_groups))


def bytes_of(rows: pl.DataFrame) -> int:
    """Bytes of the values in some rows, and of the views by which polars finds texts."""
    texts = sum(dtype in (pl.String, pl.Binary) for dtype in rows.dtypes)
    return int(rows.estimated_size()) + _VIEW_BYTES * texts * rows.height


def alone(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that hold little more than their own bytes: polars keeps all texts of a batch for any of them."""
    if rows.to_arrow(compat_level=pl.CompatLevel.newest()).get_total_buffer_size() <= 2 * bytes_of(rows):
        return rows
    return _frame(rows.to_arrow(compat_level=pl.CompatLevel.oldest()))


def pieces(file: File, path: str, size: int) -> list[File]:
    """A file as pieces of some row groups each, of `size` bytes about before compression; `path` is a copy of it here.

    A row group is in one piece, and a file without one is a piece.
    """
    metadata = pq.read_metadata(path)
    found: list[File] = []
    start = rows = held = 0
    for end in range(1, metadata.num_row_groups + 1):
        group = metadata.row_group(end - 1)
        rows, held = rows + group.num_rows, held + group.total_byte_size
        if held >= size or end == metadata.num_row_groups:
            found.append(replace(file, rows=rows, groups=(start, end)))
            start, rows, held = end, 0, 0
    return found or [file]


def _batches(
    url: str, columns: Sequence[str] | None, rows: int | None, groups: tuple[int, int] | None = None
) -> Iterator[pl.DataFrame]:
    names = list(columns) if columns else None
    with fsspec.open(url, "rb") as stream, pq.ParquetFile(stream) as parquet:
        parts = (
            (batch, batch.num_rows, batch.nbytes)
            for group in range(*(groups or (0, parquet.num_row_groups)))
            for batch in parquet.iter_batches(rows or BATCH_ROWS, row_groups=[group], columns=names, use_threads=False)
        )
        for held in _together(parts, rows):
            # of no rows by this way: pyarrow's empty_table imports pandas, for .4 s
            yield _frame(pa.Table.from_batches(held) if held else parquet.read_row_groups([], columns=names))


def _with_texts(file: File, texts: str, columns: Sequence[str] | None, rows: int | None) -> Iterator[pl.DataFrame]:
    """Batches of a file whose texts stand in another one, in the same order, with more between them."""
    for held in _together(_pieces(file, texts, columns, rows), rows):
        yield pl.concat(held)


def _together(parts: Iterable[tuple[Part, int, int]], most: int | None) -> Iterator[list[Part]]:
    """Parts, given with their rows and bytes, as many as fit into a batch; once none, where there are none."""
    held: list[Part] = []
    rows = size = 0
    for part, more, length in parts:
        if held and not _fits(rows + more, size + length, most):
            yield held
            held, rows, size = [], 0, 0
        held.append(part)
        rows, size = rows + more, size + length
    yield held


def _pieces(
    file: File, texts: str, columns: Sequence[str] | None, rows: int | None
) -> Iterator[tuple[pl.DataFrame, int, int]]:
    """For each batch of texts, the rows of the file that are in it; how many, and the bytes of their texts."""
    wanted = [*(name for name in columns if name not in (TEXT, AT)), AT] if columns else None
    own = _batches(file.url, wanted, rows)
    ahead, start = next(own), 0
    for batch in _batches(texts, [TEXT], rows):
        end = start + batch.height
        while (more := _next(own, ahead, end)) is not None:
            ahead = pl.concat([ahead, more])
        here = ahead.filter(pl.col(AT) < end)
        ahead = ahead.slice(here.height)
        part = alone(here.with_columns(batch[TEXT].gather(here[AT] - start)))
        yield part.select(columns) if columns else part, part.height, int(part[TEXT].str.len_bytes().sum())
        start = end


def _next(rows: Iterator[pl.DataFrame], ahead: pl.DataFrame, end: int) -> pl.DataFrame | None:
    """More rows, while those that are read do not reach as far as `end`."""
    return next(rows, None) if not ahead.height or ahead[AT][-1] < end else None


def _fits(rows: int, size: int, most: int | None) -> bool:
    """Whether so many rows of so many bytes are a batch, of `most` rows where these are given."""
    if most is None and rows > BATCH_ROWS:
        return rows <= SHORT_ROWS and size <= SHORT_BYTES
    return rows <= (most or BATCH_ROWS) and size <= BATCH_BYTES


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame
