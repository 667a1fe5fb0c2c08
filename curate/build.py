"""One run over a build folder: the store, an engine, and the record of what was done.

`run.json` in the build folder lists, for every stage of the last run, its tasks with their files and statistics: what
`plan` compares with, and where `explain` and the report look things up.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import fsspec

from curate import locks, store
from curate.engines import Engine
from curate.progress import Watcher
from curate.readers.urls import source
from curate.section import Section
from curate.tasks import Done, File, Json, Task, TaskFunction, total
from curate.timeline import Timeline

RECORD = "run.json"
_log = logging.getLogger(__name__)


class Pending(Exception):  # noqa: N818 - an answer to `plan`, not an error
    """Raised where there is no engine to run the tasks that are not done."""

    def __init__(self, tasks: Sequence[Task], missing: int) -> None:
        super().__init__(f"{missing} of {len(tasks)} tasks to run")
        self.tasks = tasks
        self.missing = missing


@dataclass(frozen=True)
class Record:
    """What the last run did: its stages, in order; stages of the run before that it did not reach; its release."""

    stages: list[Json] = field(default_factory=list)
    before: list[Json] = field(default_factory=list)
    release: Json | None = None
    used: list[str] = field(default_factory=list)  # the outputs that were looked at: what `clean` keeps


@dataclass
class Build:
    """A build folder in use. Without an engine nothing is run: `Pending` says what would be."""

    root: str
    engine: Engine | None = None
    watcher: Watcher = field(default_factory=Watcher)
    force: str | None = None
    stages: list[Json] = field(default_factory=list)
    _rounds: dict[str, Json] = field(default_factory=dict)
    _last: Record = field(default_factory=Record)
    _used: dict[str, None] = field(default_factory=dict)
    _timeline: Timeline = field(default_factory=Timeline)
    _held: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._held.enter_context(locks.hold(self.root))
        self._last = last_record(self.root)
        for path in Path(self.root).rglob("*.tmp"):  # of a run that was killed; an object store has none
            path.unlink()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.engine:
            self.engine.close()
        with self._held:
            self._timeline.write(self.root)

    def rounds(self, stage: str, version: int) -> StageRounds:
        """The rounds of one stage, as its `prepare` gets them."""
        return StageRounds(self, stage, version)

    def run(self, tasks: Sequence[Task]) -> list[Done]:
        """Run what is not done; results in the order of the tasks."""
        if not tasks:
            return []
        results = {i: done for i, task in enumerate(tasks) if (done := self._finished(task))}
        todo = [i for i in range(len(tasks)) if i not in results]
        if todo and self.engine is None:
            raise Pending(tasks, len(todo))
        label = tasks[0].label
        _log.info("%s: %d tasks, %d of them done before", label, len(tasks), len(results))
        self.watcher.start(label, len(tasks), len(results))
        if self.engine and todo:
            with self._timeline.round(label, len(todo)):
                for position, done in self.engine.run([tasks[i] for i in todo], self.root):
                    results[todo[position]] = done
                    self._saw(tasks[todo[position]], done)
        self.watcher.end(label)
        ordered = [results[i] for i in range(len(tasks))]
        self._used |= dict.fromkeys(f"{label}/{done.key}" for done in ordered)
        if "/" in label:
            self._rounds[label.partition("/")[2]] = _noted(ordered)
        return ordered

    def record(self, stage: str, version: int, config: Section, tasks: Sequence[Task], done: Sequence[Done]) -> None:
        """Note what a stage did, and write the record."""
        entry = {"stage": stage, "version": version, "config": config.model_dump(mode="json")}
        entry["tasks"] = [
            {
                "inputs": [file.sha256 for file in task.inputs],
                "sources": [source(file.url) for file in task.inputs],
                "files": {part: vars(file) for part, file in one.files.items()},
                "stats": one.stats,
            }
            for task, one in zip(tasks, done, strict=True)
        ]
        entry["rounds"], self._rounds = self._rounds, {}
        self.stages.append(entry)
        self._write_record(None)

    def record_release(self, release: Json) -> None:
        """Note that the run ended in a release."""
        self._write_record(release)

    def _saw(self, task: Task, done: Done) -> None:
        self.watcher.advance(task.label, done)
        self._timeline.add(task, done)
        if done.ran:
            _log.debug("%s: %s in %.2f s, process %d", task.label, done.key, done.ran.seconds, done.ran.process)

    def _write_record(self, release: Json | None) -> None:
        if self.engine:
            reached = {entry["stage"] for entry in self.stages}
            before = [entry for entry in self._last.stages + self._last.before if entry["stage"] not in reached]
            used = list(self._used if release else dict.fromkeys(self._last.used) | self._used)
            store.write_json(f"{self.root}/{RECORD}", vars(Record(self.stages, before, release, used)))

    def _finished(self, task: Task) -> Done | None:
        if self.engine and self.force == task.label.split("/")[0]:
            store.forget(task, self.root)
            return None
        return store.finished(task, self.root)


@dataclass(frozen=True)
class StageRounds:
    """A stage's view of the build: rounds of tasks under the stage's name and version."""

    build: Build
    stage: str
    version: int

    def tasks(
        self,
        label: str,
        function: TaskFunction,
        inputs: Sequence[Sequence[File]],
        configs: Section | Sequence[Section],
    ) -> list[Task]:
        """One task for each group of inputs."""
        name = f"{self.stage}/{label}" if label else self.stage
        each = [configs] * len(inputs) if isinstance(configs, Section) else configs
        return [
            Task(name, self.version, function, tuple(group), config) for group, config in zip(inputs, each, strict=True)
        ]

    def run(
        self,
        label: str,
        function: TaskFunction,
        inputs: Sequence[Sequence[File]],
        configs: Section | Sequence[Section],
    ) -> list[Done]:
        """See tasks.Rounds."""
        return self.build.run(self.tasks(label, function, inputs, configs))


def _noted(done: Sequence[Done]) -> Json:
    """The statistics of a round; of one that is a single task, what it wrote too."""
    stats = total([one.stats for one in done])
    return stats if len(done) > 1 else {**stats, "sha256": {part: file.sha256 for part, file in done[0].files.items()}}


def last_record(root: str) -> Record:
    """What the last run in this folder noted; empty where there was none."""
    try:
        with fsspec.open(f"{root}/{RECORD}", "rb") as stream:
            return Record(**json.load(stream))
    except (FileNotFoundError, ValueError, TypeError):
        return Record()  # never ran, or the note was cut short by a crash of the machine
