"""What this machine has left: memory for workers, room for files; and how a process holds memory."""

from __future__ import annotations

import ctypes
import shutil
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_USED = (Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"))

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGEST, _KEPT = 32 << 20, 64 << 20  # glibc takes no more for the first


@cache
def keep_freed_memory() -> None:
    """Have glibc keep what the arrays of a batch took for those of the next: 64 MB at the end of its heap.

    The kernel clears each page that it gives: that was a fifteenth of a run. Both thresholds are needed; other C
    libraries have none. It holds for the whole process, a notebook's too.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)


def free_memory() -> int:
    """Bytes that may still be used: of the machine, and of the container that this runs in."""
    free = int(psutil.virtual_memory().available)
    for limit, used in zip(_LIMITS, _USED, strict=True):
        with suppress(OSError, ValueError):  # there is no such file, or it says "max"
            free = min(free, int(limit.read_text("ascii")) - int(used.read_text("ascii")))
    return max(free, 0)


def free_disk(url: str) -> int | None:
    """Bytes that may still be written below a folder, there already or not; None for what is no file system here."""
    fs, path = url_to_fs(url)
    if not isinstance(fs, LocalFileSystem):
        return None
    there = next(folder for folder in (Path(path), *Path(path).parents) if folder.exists())
    return shutil.disk_usage(there).free
