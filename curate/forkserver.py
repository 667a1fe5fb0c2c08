"""The process that workers are forked from: it imports the stages once, beside the command that starts it.

Imports start threads, so a plain fork of the command is not safe. Its variables are those of all workers. Windows has
no such process: there each worker does its own imports.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

ENVIRONMENT = {
    **dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1"),
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # gives memory back: some 50 MB a worker
}


def started() -> ForkServerContext | SpawnContext:
    """Where workers come from. The first call starts the server, and does not wait for its imports."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver, resource_tracker

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["curate.pipeline"])
    resource_tracker.ensure_running()  # else the next line starts it, and it unblocks the signal
    with environment(), interrupts_held():
        forkserver.ensure_running()
    return context


@contextmanager
def interrupts_held() -> Iterator[None]:
    """A Ctrl-C comes when this ends: in the middle of an import Python may lose it. A process that starts in it never
    hears of one. Windows has no such thing."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def environment() -> Iterator[None]:
    """Set the variables of workers while a process starts that they, or their server, inherit them from."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
