"""Help for the tests of releases: documents as the last stage leaves them, and rounds without an engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from curate import store
from curate.document import DECISION, undecided
from curate.release.build import Config, Release, Request, build
from curate.section import Section
from curate.stages import split
from curate.tasks import Done, File, Task, TaskFunction

WORDS = (
    "the",
    "river",
    "rose",
    "again",
    "last",
    "night",
    "and",
    "the",
    "bridge",
    "at",
    "the",
    "old",
    "mill",
    "was",
    "closed",
)


class LocalRounds:
    """Runs each task in this process, one after the other."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(
        self,
        label: str,
        function: TaskFunction,
        inputs: Sequence[Sequence[File]],
        configs: Section | Sequence[Section],
    ) -> list[Done]:
        each = [configs] * len(inputs) if isinstance(configs, Section) else configs
        tasks = [Task(label, 1, function, tuple(group), config) for group, config in zip(inputs, each, strict=True)]
        return [store.finished(task, str(self.root)) or store.execute(task, str(self.root)) for task in tasks]


def documents(count: int, start: int = 0, **columns: Any) -> pl.DataFrame:
    """Invented documents with every column of the stage before `split`."""
    numbers = range(start, start + count)
    frame = pl.DataFrame(
        {
            "id": [f"{n * 2654435761 % 2**32:08x}" for n in numbers],
            "url": [f"https://site{n % 5}.example/{n}" for n in numbers],
            "site": [f"site{n % 5}.example" for n in numbers],
            "source": [f"crawl/{n % 3}.jsonl" for n in numbers],
            "record": list(numbers),
            "title": [f"Story {n}" for n in numbers],
            "author": [None if n % 2 else "Ada Moor" for n in numbers],
            "published": [None if n % 7 == 0 else f"2024-{n % 12 + 1:02d}-{n % 28 + 1:02d}" for n in numbers],
            "metadata": ["{}" for _ in numbers],
            "text": [text(n) for n in numbers],
            "language": ["no" if n % 4 == 0 else "en" for n in numbers],
            "language_score": [0.99 for _ in numbers],
        },
        schema_overrides={"record": pl.Int64}
        | dict.fromkeys(("id", "source", "author", "published", "text"), pl.String),
    )
    frame = frame.with_columns(cluster="id")
    return frame.with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def text(number: int) -> str:
    """Some twenty words that differ from number to number."""
    return " ".join(WORDS[(number * (i + 3) + i) % len(WORDS)] for i in range(20)) + f" {number}."


def shard(folder: Path, frame: pl.DataFrame, label: str = "shard") -> File:
    """The frame as the output file of a task."""

    def rows(inputs: Sequence[File], config: Section) -> Any:
        for start in range(0, max(frame.height, 1), 500):
            yield "kept", frame[start : start + 500]
        return {}

    key = File("test", repr(frame.hash_rows().sum()) + str(frame.columns) + str(frame.height))
    return store.execute(Task(label, 1, rows, (key,), Section()), str(folder)).files["kept"]


def split_up(frame: pl.DataFrame, **config: Any) -> pl.DataFrame:
    """The frame after the stage `split`, in which no id stands twice."""
    nothing = {name: pl.lit(None, pl.String) for name in ("first", "released", "held")}
    prepared = undecided(frame.with_columns(**nothing, removed=False))
    shares = {"validation": 0.1, "test": 0.1, **config}
    return split.apply(prepared, split.Config(**shares)).drop(*DECISION)


def release(folder: Path, shards: Sequence[File], version: str = "0.1.0", **changes: Any) -> Release:
    """Build a release of documents that were split, into `folder/news`."""
    request = {
        "name": "news",
        "version": version,
        "release": Config(license="cc-by-4.0"),
        "split": split.Config(validation=0.1, test=0.1),
        "config": "name: news\n",
        "inputs": [],
        "funnel": [],
        **changes,
    }
    return build(shards, Request(**request), LocalRounds(folder / "build"), folder / "news")
