"""The build store: outputs of tasks under the hash of what decides them, written whole or not at all.

    <root>/<label>/<key>.<part>.parquet    one output file of a task
    <root>/<label>/<key>.json              its ledger entry: sha256 and rows of each file, statistics; written last

A task is done when its ledger entry is there. Files are written under a temporary name and renamed (on object stores,
which show an object only when it is complete, they are written in place), so a killed run leaves nothing half-written
that anyone would read, and a rerun does only what has no entry.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import sys
import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from curate.errors import CurateError, StorageError, TaskError
from curate.readers.urls import source
from curate.tasks import AT, Done, File, Json, Ran, Task, alone, bytes_of

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

GROUP_BYTES, HELD_BYTES = 4 << 20, 32 << 20
"""Rows that one output of a task, and all of them together, hold until they are written as a row group: each column of
a row group costs some .1 ms, and columns beside the text have few bytes."""
_REPEATING = ["site", "source", "format", "language", "split", "drop_reason"]
_SORTED = ["key"]
"""Columns worth a dictionary, and those whose bounds are looked at: for texts both cost more than compression. Where
bounds are looked at, a row group is what came at once: the smaller, the less is read beside what is looked for."""


def execute(task: Task, root: str) -> Done:
    """Run a task and commit its outputs. Safe to run twice, anywhere, at any time.

    Raises TaskError (with the stage, its files and the cause) where the task's function fails, StorageError where an
    output cannot be written.
    """
    started, clock, cpu = time.time(), time.perf_counter(), time.process_time()
    try:
        done = _write(task, root)
    except CurateError:
        raise
    except OSError as error:
        raise _storage_error(error, root) from error
    except MemoryError:
        raise TaskError(f"{_where(task)}: out of memory; run with fewer --workers") from None
    except Exception as error:
        raise TaskError(f"{_where(task)}: {type(error).__name__}: {error}") from error
    spent = time.perf_counter() - clock, time.process_time() - cpu
    return replace(done, ran=Ran(platform.node(), os.getpid(), started, *spent, _peak_mb()))


def finished(task: Task, root: str) -> Done | None:
    """What an earlier run left for this task, or None."""
    try:
        with fsspec.open(address(task, root) + ".json", "rb") as stream:
            entry = json.loads(cast("IO[bytes]", stream).read())
    except (FileNotFoundError, ValueError):
        return None  # not done, or an entry that a crash of the machine cut short
    if any(_size(file["url"]) != entry["sizes"][part] for part, file in entry["files"].items()):
        return None
    return Done(task.key, {part: File(**file) for part, file in entry["files"].items()}, entry["stats"])


def forget(task: Task, root: str) -> None:
    """Remove a task's ledger entry, so that it runs again."""
    fs, path = fsspec.core.url_to_fs(address(task, root) + ".json")
    with suppress(FileNotFoundError):
        fs.rm_file(path)


def address(task: Task, root: str) -> str:
    """Where the outputs of a task lie, without part and ending."""
    return f"{root}/{task.label}/{task.key}"


@contextmanager
def create(url: str) -> Iterator[IO[bytes]]:
    """A file to write that appears under its name when the block ends well, and not at all otherwise."""
    fs, path = fsspec.core.url_to_fs(url)
    local = isinstance(fs, LocalFileSystem)
    target = f"{path}.{uuid.uuid4().hex}.tmp" if local else path
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    stream = fs.open(target, "wb")
    try:
        with stream:
            yield stream
        if local:
            Path(target).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            fs.rm_file(target)
        raise


def write_json(url: str, value: Any) -> None:
    """Write a JSON file, whole or not at all."""
    with create(url) as stream:
        stream.write(json.dumps(value, sort_keys=True).encode())  # ASCII: file names may be no Unicode


def sizes(root: str) -> dict[str, int]:
    """Bytes of each file below a folder, by its path from there."""
    fs, path = fsspec.core.url_to_fs(root)
    fs.invalidate_cache()  # workers write, too
    return {name[len(path) + 1 :]: int(info["size"] or 0) for name, info in fs.find(path, detail=True).items()}


def remove(root: str, names: Sequence[str]) -> None:
    """Remove files below a folder."""
    fs, path = fsspec.core.url_to_fs(root)
    if names:
        fs.rm([f"{path}/{name}" for name in names])


class _Output:
    """One output file of a running task: Parquet written batch by batch, hashed on its way out."""

    def __init__(self, url: str, inputs: Sequence[File]) -> None:
        self.url = url
        self._inputs = inputs
        self._texts: str | None = None
        self.rows = 0
        self.size = 0
        self.hash = hashlib.sha256()
        self._block = create(url)
        self._stream = self._block.__enter__()
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pl.DataFrame] = []
        self._waiting_bytes = 0

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self.hash.update(view)
        self._stream.write(view)
        self.size += view.nbytes
        return view.nbytes

    def append(self, rows: pl.DataFrame) -> int:
        """Take rows, which are written with what follows them; their bytes."""
        size = bytes_of(rows)
        self.rows += rows.height
        if rows.height or not (self._waiting or self._writer):
            self._waiting.append(alone(rows))
            self._waiting_bytes += size
        if self._waiting_bytes >= GROUP_BYTES or not set(_SORTED).isdisjoint(rows.columns):
            self.flush()
        return size

    def flush(self) -> None:
        """Write the rows that wait, as a row group."""
        if self._waiting:
            table = pl.concat(self._waiting, rechunk=True).to_arrow(compat_level=pl.CompatLevel.oldest())
            self._waiting, self._waiting_bytes = [], 0
            self._writer = self._writer or self._begun(table.schema)
            self._writer.write_table(table)

    def _begun(self, schema: pa.Schema) -> pq.ParquetWriter:
        if AT in schema.names:  # the file's bytes, so its hash, must tell of the texts too
            self._texts = self._inputs[0].texts or self._inputs[0].url
            schema = schema.with_metadata({"texts of": self._inputs[0].sha256})
        return pq.ParquetWriter(
            pa.PythonFile(_Sink(self), mode="w"),
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=_REPEATING,
            write_statistics=_SORTED,
        )

    def end(self) -> None:
        """There are no more rows: what the writer holds is freed, and the file is closed."""
        self.flush()
        if self._writer:
            self._writer.close()
            self._writer = None  # it holds this object by way of Arrow, where Python's collector sees no cycle
        self._stream.close()

    def commit(self) -> File:
        self.end()
        self._block.__exit__(None, None, None)
        return File(self.url, self.hash.hexdigest(), self.rows, self._texts)

    def abandon(self, error: BaseException) -> None:
        with suppress(type(error)):
            self._block.__exit__(type(error), error, error.__traceback__)


class _Sink:
    """What pyarrow needs of a Python file to write to it."""

    closed = False

    def __init__(self, output: _Output) -> None:
        self.write = output.write

    def flush(self) -> None: ...

    def close(self) -> None:
        self.closed = True


def _write(task: Task, root: str) -> Done:
    outputs: dict[str, _Output] = {}
    try:
        stats = json.loads(json.dumps(_drain(task, root, outputs), sort_keys=True))  # as it will be read back
        files = {part: output.commit() for part, output in sorted(outputs.items())}
    except BaseException as error:
        for output in outputs.values():
            output.abandon(error)
        raise
    sizes = {part: output.size for part, output in outputs.items()}
    entry = {"files": {part: vars(file) for part, file in files.items()}, "sizes": sizes, "stats": stats}
    write_json(address(task, root) + ".json", entry)
    return Done(task.key, files, stats)


def _drain(task: Task, root: str, outputs: dict[str, _Output]) -> Json:
    rows: Generator[tuple[str, pl.DataFrame | bytes], None, Json] = task.function(task.inputs, task.config)
    held = 0
    while True:
        try:
            part, given = next(rows)
        except StopIteration as stop:
            return cast("Json", stop.value or {})
        if part not in outputs:
            outputs[part] = _Output(f"{address(task, root)}.{part}.parquet", task.inputs)
        if isinstance(given, bytes):
            outputs[part].write(given)
        elif given.width:
            held += outputs[part].append(given)
        else:
            outputs[part].end()
        if held >= HELD_BYTES:
            held = 0
            for output in outputs.values():
                output.flush()


def _size(url: str) -> int | None:
    """Bytes of a file, None where it is not there."""
    fs, path = fsspec.core.url_to_fs(url)
    try:
        return int(fs.size(path))
    except FileNotFoundError:
        return None


def _peak_mb() -> int:
    """The largest that this process ever was."""
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak >> (20 if sys.platform == "darwin" else 10))


def _where(task: Task) -> str:
    names = ", ".join(source(file.url) for file in task.inputs[:3])
    more = f" and {len(task.inputs) - 3} more" if len(task.inputs) > 3 else ""
    return f"{task.label}: {names}{more}"


def _storage_error(error: OSError, root: str) -> StorageError:
    said = {
        errno.ENOSPC: "the disk is full; free some space and run again: finished work is kept",
        errno.EROFS: "the disk is read-only",
        errno.EACCES: "no right to write there",
    }.get(error.errno or 0, str(error))
    return StorageError(f"{error.filename or root}: {said}")
