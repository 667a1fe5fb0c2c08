"""The local engine: worker processes that live as long as the run, each with one task at a time.

Workers come from a fork server that has the stages imported (curate/forkserver.py), keep one polars thread each, finish
their task on Ctrl-C, and end when the run that started them is killed. With one worker there is no other process: tasks
run in the calling one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from multiprocessing.process import BaseProcess

from curate import forkserver
from curate.engines.attempts import Deaths, attempt
from curate.machine import keep_freed_memory
from curate.store import execute
from curate.tasks import Done, Task

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]


LARGE_MB = 300
"""A worker that was ever larger ends with its round: the models of one stage must not stand in memory with the pairs of
another. The next one is forked in some .02 s, and has read no model."""


class LocalEngine:
    """Worker processes on this machine. `workers` is at least 1."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        _raise_file_limit()
        keep_freed_memory()
        self._idle: list[_Worker] = []

    def run(self, tasks: Sequence[Task], root: str) -> Iterator[tuple[int, Done]]:
        """Execute every task; a worker that dies costs its task, which is tried again.

        Raises what a task raised, and TaskError where workers keep dying.
        """
        if self.workers == 1:
            yield from ((i, execute(task, root)) for i, task in enumerate(tasks))
            return
        self._start(min(self.workers, len(tasks)))
        left = deque(enumerate(tasks))
        busy: dict[Connection, tuple[_Worker, int]] = {}
        deaths = Deaths(tasks, root)
        try:
            while left or busy:
                self._hand_out(left, busy, deaths, root)
                for connection in wait_for(list(busy)):
                    worker, i = busy.pop(connection)  # type: ignore[call-overload]
                    try:
                        done = worker.result()
                    except EOFError:
                        deaths.add(i)
                        left.appendleft((i, tasks[i]))
                        self._start(len(self._idle) + 1)
                        continue
                    self._idle.append(worker)
                    yield i, _or_raised(done)
        except KeyboardInterrupt:
            print("\ncurate: finishing the tasks in flight; Ctrl-C again to stop now", file=sys.stderr)
            raise
        finally:
            self._land(busy)
        self._dismiss([worker for worker in self._idle if worker.peak_mb > LARGE_MB])

    def close(self) -> None:
        """Let the workers go."""
        self._dismiss(self._idle)

    def _dismiss(self, workers: Sequence[_Worker]) -> None:
        for worker in workers:
            worker.dismiss()
        self._idle = [worker for worker in self._idle if worker not in workers]

    def _hand_out(
        self,
        left: deque[tuple[int, Task]],
        busy: dict[Connection, tuple[_Worker, int]],
        deaths: Deaths,
        root: str,
    ) -> None:
        while left and self._idle:
            i, task = left.popleft()
            worker = self._idle.pop()
            worker.begin(task, root, deaths.are_at(i))
            busy[worker.connection] = worker, i

    def _land(self, busy: dict[Connection, tuple[_Worker, int]]) -> None:
        """Wait for the tasks in flight: their results are kept. Interrupted again, kill them."""
        workers = [worker for worker, _ in busy.values()]
        try:
            for worker in workers:
                with suppress(EOFError):
                    worker.result()
                    self._idle.append(worker)
        except KeyboardInterrupt:
            for worker in workers:
                worker.process.kill()
            raise

    def _start(self, count: int) -> None:
        """Have at least so many idle workers."""
        self._idle += [_Worker() for _ in range(count - len(self._idle))]


class _Worker:
    """A process that runs one task after the other."""

    def __init__(self) -> None:
        self.peak_mb = 0  # the largest that it ever was
        context = forkserver.started()
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs,), daemon=True)
        with forkserver.environment():
            self.process.start()
        theirs.close()  # so that its end is seen here

    def begin(self, task: Task, root: str, careful: bool) -> None:
        """Hand it a task."""
        with suppress(BrokenPipeError):  # it died while it had nothing to do; `result` tells
            self.connection.send((task, root, careful))

    def result(self) -> Done | Exception:
        """What came of the task. Raises EOFError where the process died."""
        try:
            result: Done | Exception = self.connection.recv()
        except ConnectionResetError:
            raise EOFError from None
        if isinstance(result, Done) and result.ran:
            self.peak_mb = result.ran.peak_mb
        return result

    def dismiss(self) -> None:
        """End the process, which has nothing to do."""
        self.connection.close()
        self.process.join()


def _or_raised(result: Done | Exception) -> Done:
    if isinstance(result, Exception):
        raise result
    return result


def _serve(connection: Connection) -> None:
    """A worker's life: until the other end is closed, or the run that started it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _raise_file_limit()
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task, root, careful = connection.recv()
        except EOFError:
            return
        try:
            result: Done | Exception = attempt(task, root, careful)
        except Exception as error:
            result = error
        connection.send(result)


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
