"""The process that workers are forked from: it imports the stages once, beside the command that starts it.

Imports start threads, so a plain fork of the command is not safe. Its variables are those of all workers.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

ENVIRONMENT = {
    **dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1"),
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # gives memory back: some 50 MB a worker
}


def started() -> ForkServerContext:
    """Where workers come from. The first call starts the server, and does not wait for its imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["curate.pipeline"])
    with _environment(ENVIRONMENT):
        forkserver.ensure_running()
    return context


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables while the server starts: it and its children inherit them."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
