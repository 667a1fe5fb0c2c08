"""One run at a time in a build folder, by a lock that a dead process does not hold.

On a file system the operating system lets go of the lock when the process dies. An object store has no locks: there it
is an object that only one run can create, and that its holder renews; one that was not renewed for STALE is taken over.
Should two runs meet all the same, no harm comes of it: a task writes the same bytes under the same name.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from curate.errors import StorageError

BEAT, STALE = 10.0, 60.0
"""Seconds from one renewal to the next, and after which a lock that was not renewed is nobody's."""


def hold(root: str) -> AbstractContextManager[None]:
    """Hold the folder for the block. Raises StorageError where another run holds it, or it cannot be written."""
    try:
        fs, path = url_to_fs(root)
    except (ImportError, ValueError) as error:  # no such kind of storage, or not what it needs
        raise StorageError(f"{root}: {error}") from None
    return _file(Path(path), root) if isinstance(fs, LocalFileSystem) else _object(fs, f"{path}/lock", root)


@contextmanager
def _file(folder: Path, root: str) -> Iterator[None]:
    lock = FileLock(folder / "lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise _taken(root) from None
    except OSError as error:
        raise StorageError(f"{root}: cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _object(fs: Any, path: str, root: str) -> Iterator[None]:
    own = f"{platform.node()}-{os.getpid()}-{uuid.uuid4().hex}"
    if not _created(fs, path, own):
        if not _is_stale(fs, path):
            raise _taken(root)
        with suppress(FileNotFoundError):
            fs.rm_file(path)
        if not _created(fs, path, own):
            raise _taken(root)
    ended = threading.Event()
    beat = threading.Thread(target=_renew, args=(fs, path, own, ended), daemon=True)
    beat.start()
    try:
        yield
    finally:
        ended.set()
        beat.join()
        if _holder(fs, path) == own:  # not taken over by another run while this process was suspended
            fs.rm_file(path)


def _created(fs: Any, path: str, own: str) -> bool:
    """Whether the lock was not there, and is ours now. Object stores refuse to create what is there."""
    try:
        fs.pipe_file(path, _note(own), mode="create")
    except FileExistsError:
        return False
    return True


def _is_stale(fs: Any, path: str) -> bool:
    try:
        renewed = float(json.loads(fs.cat_file(path))["time"])
    except FileNotFoundError:
        return True
    return time.time() - renewed > STALE


def _renew(fs: Any, path: str, own: str, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        with suppress(Exception):  # whatever a network may raise: the next beat tries again
            if _holder(fs, path) == own:
                fs.pipe_file(path, _note(own))


def _holder(fs: Any, path: str) -> str | None:
    """Who holds the lock; None where it is gone."""
    try:
        return str(json.loads(fs.cat_file(path))["holder"])
    except FileNotFoundError:
        return None


def _note(own: str) -> bytes:
    return json.dumps({"holder": own, "time": time.time()}).encode()


def _taken(root: str) -> StorageError:
    return StorageError(f"{root}: another run is working here; wait for it to end")
