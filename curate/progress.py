"""What a person sees while a run works: stage, documents, rate, time left, drops, memory of the largest worker.

On stderr, never on stdout.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from curate.tasks import Done

_LONG = 5.0  # seconds after which a round is worth a line


class Watcher:
    """Is told what a run does, and shows nothing of it."""

    def start(self, label: str, tasks: int, finished: int) -> None:
        """A round of `tasks` tasks begins, of which `finished` are there from an earlier run."""

    def advance(self, label: str, done: Done) -> None:
        """A task has ended."""

    def end(self, label: str) -> None:
        """The round has ended."""


@dataclass
class _Row:
    """A stage on the screen: its main tasks, or the round that prepares them."""

    bar: TaskID
    started: float = field(default_factory=time.monotonic)
    rows: int = 0
    documents: int = 0
    dropped: int = 0
    peak_mb: int = 0

    def add(self, done: Done) -> None:
        self.peak_mb = max(self.peak_mb, done.ran.peak_mb if done.ran else 0)
        self.rows += sum(file.rows for file in done.files.values())
        self.documents += done.stats.get("documents_in", 0)
        self.dropped += done.stats.get("documents_dropped", 0)

    @property
    def said(self) -> str:
        peak = f", {self.peak_mb:,} MB RAM" if self.peak_mb else ""
        if self.documents:
            return f"{self.documents:,} documents, {self.dropped:,} dropped{peak}"
        return f"{self.rows:,} rows{peak}"

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def rate(self) -> str:
        return f"{(self.documents or self.rows) / self.seconds:,.0f}/s" if self.seconds > 0.2 else ""


class Bars(Watcher):
    """A live bar a stage on a terminal; a line a finished stage (and a long round) elsewhere."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=12),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TextColumn("{task.fields[said]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._rows: dict[str, _Row] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, label: str, tasks: int, finished: int) -> None:
        """Give the stage a bar, or its bar to this round."""
        stage, _, round_ = label.partition("/")
        bar = self._rows[stage].bar if stage in self._rows else self._bars.add_task(stage, said="", rate="")
        said = round_ or ("unchanged" if tasks == finished else "")
        self._bars.reset(bar, total=tasks, completed=finished, said=said, rate="")
        self._rows[stage] = _Row(bar)

    def advance(self, label: str, done: Done) -> None:
        """Move the bar on by a task."""
        stage, _, round_ = label.partition("/")
        row = self._rows[stage]
        row.add(done)
        said = f"{round_}: {row.said}" if round_ else row.said
        self._bars.update(row.bar, advance=1, said=said, rate=row.rate)

    def end(self, label: str) -> None:
        """Print the line of a stage, or of a long round, where there is no bar."""
        row = self._rows[label.partition("/")[0]]
        if self._bars.disable and row.rows and ("/" not in label or row.seconds > _LONG):
            print(f"{label:<24} {row.said:<48} {row.seconds:8.1f} s {row.rate}".rstrip(), file=sys.stderr)
