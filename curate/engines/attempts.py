"""What every engine does with a task: run it if it is not done, and again, with care, after its worker died."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext

from curate import suspects
from curate.errors import TaskError
from curate.readers.urls import source
from curate.store import address, execute, finished
from curate.tasks import Done, Task

TRIES = 3
"""Workers that a task may cost which names no record."""
MAX_RECORDS = 10
"""Records of a task that may be set aside: where more kill their worker, it is not they."""

_log = logging.getLogger(__name__)


def attempt(task: Task, root: str, careful: bool) -> Done:
    """Run a task unless an earlier try has finished it; with care after its worker died."""
    with suspects.care(_note(task, root)) if careful else nullcontext():
        return finished(task, root) or execute(task, root)


class Deaths:
    """The workers that tasks have cost in a round."""

    def __init__(self, tasks: Sequence[Task], root: str) -> None:
        self._tasks = tasks
        self._root = root
        self._counts: Counter[int] = Counter()

    def are_at(self, position: int) -> bool:
        """Whether a worker died of this task, so that it is to be run with care."""
        return position in self._counts

    def add(self, position: int) -> None:
        """A worker died. Raises TaskError where the task has cost too many of them."""
        task = self._tasks[position]
        self._counts[position] += 1
        records = suspects.named(_note(task, self._root))
        allowed = TRIES + suspects.TRIES * len(records)
        if self._counts[position] >= allowed or len(records) > MAX_RECORDS:
            raise TaskError(_said(task, self._counts[position], records))
        near = f" at {records[-1]}" if records else ""
        _log.warning("%s: a worker died%s; its task is run again", task.label, near)


def _note(task: Task, root: str) -> str:
    return f"{address(task, root)}.suspects.json"


def _said(task: Task, deaths: int, records: Sequence[str]) -> str:
    names = ", ".join(records[:3] or sorted({source(file.url) for file in task.inputs})[:3])
    return (
        f"{task.label}: a worker was killed {deaths} times, perhaps for want of memory, near {names}; "
        "run with fewer --workers"
    )
