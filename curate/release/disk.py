"""How a release gets to the disk: in a hidden draft beside its place, one run at a time, whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from curate.errors import StorageError


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Hold the folder, so that two runs do not release into it at once, and say what stops a write."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        with FileLock(target / ".lock", timeout=0):
            yield
    except Timeout:
        raise StorageError(f"{target}: another run is releasing here; wait for it to end") from None
    except OSError as error:
        raise StorageError(f"{error.filename or target}: {_FAULTS.get(error.errno or 0, str(error))}") from error


_FAULTS = {
    errno.ENOSPC: "the disk is full; nothing was released; free some space and run again",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "no right to write there",
}


@contextmanager
def draft(folder: Path) -> Iterator[Path]:
    """An empty folder for a release in the making, gone if it does not get its name. A killed run's is removed."""
    if folder.is_symlink():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("data", "plots"):
        (folder / name).mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(path: Path, text: str) -> None:
    """A new file: what stands there already, a link too, is an error."""
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def put(url: str, path: Path) -> None:
    """The file of a build at its place in a draft, on the disk: the same file under a second name where that can be."""
    path.parent.mkdir(exist_ok=True)
    fs, there = url_to_fs(url)
    if isinstance(fs, LocalFileSystem):
        _link(there, path)
    else:
        fs.get_file(there, str(path))
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _link(there: str, path: Path) -> None:
    try:
        os.link(there, path)
    except OSError:  # another disk, or one without links
        shutil.copyfile(there, path)


def sync(folder: Path) -> None:
    """Make the names in a folder last through a power cut, where a folder can be opened: Windows sees to it itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
