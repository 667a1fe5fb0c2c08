"""What ran when and where: timeline.json in the build folder, which trace viewers open (Perfetto, chrome://tracing).

The Trace Event Format of Chromium: a row a worker process, a bar a task; above them the rounds, as the driver saw them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from curate import store
from curate.readers.urls import source
from curate.tasks import Done, Json, Task

NAME = "timeline.json"
_DRIVER = 0


@dataclass
class Timeline:
    """The tasks of one run."""

    started: float = field(default_factory=time.time)
    events: list[Json] = field(default_factory=list)
    _hosts: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def round(self, label: str, tasks: int) -> Iterator[None]:
        """The block is a round of so many tasks."""
        began = time.time()
        try:
            yield
        finally:
            self._add(label, _DRIVER, _DRIVER, began, time.time() - began, {"tasks": tasks})

    def add(self, task: Task, done: Done) -> None:
        """A task has ended, unless an earlier run ended it."""
        ran = done.ran
        if ran is None:
            return
        host = self._hosts.setdefault(ran.host, len(self._hosts) + 1)
        told = {
            "files": [source(file.url) for file in task.inputs[:3]],
            "rows": {part: file.rows for part, file in list(done.files.items())[:3]},
            "CPU s": round(ran.cpu, 3),
            "peak MB": ran.peak_mb,
        }
        self._add(task.label, host, ran.process, ran.started, ran.seconds, told)

    def write(self, root: str) -> None:
        """Write timeline.json; nothing where nothing ran."""
        if self.events:
            names = {_DRIVER: "rounds", **{number: host for host, number in self._hosts.items()}}
            rows = [
                {"name": "process_name", "ph": "M", "pid": pid, "args": {"name": name}} for pid, name in names.items()
            ]
            store.write_json(f"{root}/{NAME}", {"traceEvents": [*rows, *self.events], "displayTimeUnit": "ms"})

    def _add(self, name: str, pid: int, tid: int, began: float, seconds: float, args: Json) -> None:
        micros = {"ts": round(1e6 * (began - self.started)), "dur": round(1e6 * seconds)}
        stage = name.partition("/")[0]
        self.events.append({"name": name, "cat": stage, "ph": "X", "pid": pid, "tid": tid, **micros, "args": args})
