"""Engines: where tasks run. An engine is one method, `run(tasks, root)`, which yields results as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from curate.tasks import Done, Task


class Engine(Protocol):
    """Runs tasks. Results carry the position of their task, since they come in any order."""

    def run(self, tasks: Sequence[Task], root: str) -> Iterator[tuple[int, Done]]:
        """Execute every task once, or raise the first failure after the tasks in flight have ended."""
        ...

    def close(self) -> None:
        """Let workers go."""
        ...
