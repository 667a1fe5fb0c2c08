"""The local engine: one persistent pool of worker processes for the whole run.

Workers come from a fork server that has the stages imported (imports start threads, so a plain fork is not safe), keep
one polars thread each, finish their task on Ctrl-C, and end when the run that started them is killed. With one worker
there is no pool: tasks run in the calling process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing.connection import wait as wait_for

from curate.errors import TaskError
from curate.readers.urls import source
from curate.store import execute, finished
from curate.tasks import Done, Task

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

ENVIRONMENT = {
    **dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1"),
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # gives memory back: some 50 MB a worker
}
_TRIES = 3
AHEAD = 4
"""Tasks a worker that are handed to the pool at once: enough to keep it busy, few enough to wait for."""


class LocalEngine:
    """Worker processes on this machine. `workers` is at least 1."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        _raise_file_limit()
        self._pool: ProcessPoolExecutor | None = None

    def run(self, tasks: Sequence[Task], root: str) -> Iterator[tuple[int, Done]]:
        """Execute every task; a killed worker costs the tasks in flight, which are tried again.

        Raises what a task raised, and TaskError where workers keep dying.
        """
        if self.workers == 1:
            yield from ((i, execute(task, root)) for i, task in enumerate(tasks))
            return
        left = dict(enumerate(tasks))
        for _ in range(_TRIES):
            try:
                for i, done in self._run_once(left, root):
                    del left[i]
                    yield i, done
            except BrokenProcessPool:
                self.close()
                continue
            return
        names = ", ".join(sorted({source(file.url) for task in left.values() for file in task.inputs})[:3])
        raise TaskError(
            f"{next(iter(left.values())).label}: a worker was killed {_TRIES} times, perhaps for want of memory, "
            f"near {names}; run with fewer --workers"
        )

    def close(self) -> None:
        """Let the workers go; tasks in flight are finished first."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _run_once(self, tasks: dict[int, Task], root: str) -> Iterator[tuple[int, Done]]:
        pool = self._started()
        left = iter(list(tasks.items()))
        flying: dict[Future[Done], int] = {}
        try:
            while True:
                for i, task in islice(left, AHEAD * self.workers - len(flying)):
                    flying[pool.submit(_execute, task, root)] = i
                if not flying:
                    return
                ready, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in sorted(ready, key=flying.__getitem__):
                    done = future.result()
                    yield flying.pop(future), done
        except KeyboardInterrupt:
            print("\ncurate: finishing the tasks in flight; Ctrl-C again to stop now", file=sys.stderr)
            raise
        finally:
            self._land(flying)

    def _land(self, futures: dict[Future[Done], int]) -> None:
        """Drop what has not started, and wait for what has: its result is kept. Interrupted again, kill it."""
        running = [future for future in futures if not future.cancel()]
        try:
            wait(running)
        except KeyboardInterrupt:
            assert self._pool is not None
            for process in list(self._pool._processes.values()):
                process.kill()
            raise

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["curate.pipeline"])
            self._pool = ProcessPoolExecutor(self.workers, context, initializer=_start_worker)
            with _environment(ENVIRONMENT):
                for future in [self._pool.submit(os.getpid) for _ in range(self.workers)]:
                    future.result()
        return self._pool


def _execute(task: Task, root: str) -> Done:
    return finished(task, root) or execute(task, root)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _raise_file_limit()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    os._exit(1)


def _raise_file_limit() -> None:
    """Let this process open as many files as it may: a task that partitions has one open for each part."""
    if resource:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables while the fork server starts: its children inherit them."""
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
