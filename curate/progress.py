"""What a person sees while a run works: stage, documents, rate, time left, drops. On stderr, never on stdout."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from curate.tasks import Done


class Watcher(Protocol):
    """Is told what a run does."""

    def start(self, label: str, tasks: int, finished: int) -> None:
        """A round of `tasks` tasks begins, of which `finished` are there from an earlier run."""
        ...

    def advance(self, label: str, done: Done) -> None:
        """A task has ended."""
        ...

    def end(self, label: str) -> None:
        """The round has ended."""
        ...


class Silent:
    """Tells nothing."""

    def start(self, label: str, tasks: int, finished: int) -> None: ...
    def advance(self, label: str, done: Done) -> None: ...
    def end(self, label: str) -> None: ...


@dataclass
class _Round:
    bar: TaskID
    tasks: int
    started: float = field(default_factory=time.monotonic)
    rows: int = 0
    documents: int = 0
    dropped: int = 0

    def add(self, done: Done) -> None:
        """Count a task: documents of a stage, rows of the rounds that prepare one."""
        self.rows += sum(file.rows for file in done.files.values())
        self.documents += done.stats.get("documents_in", 0)
        self.dropped += done.stats.get("documents_dropped", 0)

    @property
    def said(self) -> str:
        if self.documents:
            return f"{self.documents:>9,} documents {self.dropped:>9,} dropped"
        return f"{self.rows:>9,} rows"

    @property
    def rate(self) -> str:
        seconds = time.monotonic() - self.started
        return f"{(self.documents or self.rows) / seconds:,.0f}/s" if seconds > 0.2 else ""


class Bars:
    """A live bar a round on a terminal; a line a finished round elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} files"),
            TextColumn("{task.fields[said]}"),
            TextColumn("{task.fields[rate]:>9}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not sys.stderr.isatty(),
        )
        self._rounds: dict[str, _Round] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, label: str, tasks: int, finished: int) -> None:
        said = "unchanged" if tasks == finished else ""
        bar = self._bars.add_task(label, total=tasks, completed=finished, said=said, rate="")
        self._rounds[label] = _Round(bar, tasks - finished)

    def advance(self, label: str, done: Done) -> None:
        at = self._rounds[label]
        at.add(done)
        self._bars.update(at.bar, advance=1, said=at.said, rate=at.rate)

    def end(self, label: str) -> None:
        at = self._rounds[label]
        if self._bars.disable and at.tasks:
            seconds = time.monotonic() - at.started
            print(f"{label:<24} {at.said} {seconds:8.1f} s {at.rate}".rstrip(), file=sys.stderr)
