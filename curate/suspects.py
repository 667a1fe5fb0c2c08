"""Which record kills its worker: how it is found, named and set aside.

A segmentation fault or want of memory takes the whole worker, and a task whose worker died says nothing. So it is run
again with care: it notes each record before it tries it alone, and the note outlives the worker. A record at which the
worker died TRIES times is set aside: dropped with its reason like any other, and the task goes on without it.

    <task>.suspects.json    {"at": the place that is tried now, "deaths": {place: how often a worker died there}}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import fsspec

TRIES = 2
KILLED = "killed its worker"
"""The reason of what is set aside."""
DETAIL = f"{TRIES} times, alone"


@dataclass
class Suspects:
    """What is known of the records of one task, and the note about the one that is tried now."""

    url: str
    deaths: dict[str, int] = field(default_factory=dict)

    def note(self, place: str | None) -> None:
        """Write down what is tried now: a record's place, or None for what is no single record."""
        fs, path = fsspec.core.url_to_fs(self.url)
        fs.pipe_file(path, json.dumps({"at": place, "deaths": self.deaths}).encode())

    def is_killer(self, place: str) -> bool:
        """Whether a record is to be set aside."""
        return self.deaths.get(place, 0) >= TRIES


_watching: ContextVar[Suspects | None] = ContextVar("watching", default=None)


def watching() -> Suspects | None:
    """Where to note records, in a task that is run with care; else None."""
    return _watching.get()


@contextmanager
def care(url: str) -> Iterator[None]:
    """Run the block, a task, with care. `url` is the task's note; it goes when the task is done."""
    suspects = Suspects(url, _deaths(url))
    token = _watching.set(suspects)
    fs, path = fsspec.core.url_to_fs(url)
    fs.makedirs(path.rpartition("/")[0], exist_ok=True)
    suspects.note(None)
    try:
        yield
    finally:
        _watching.reset(token)
    fs.rm_file(path)


def named(url: str) -> list[str]:
    """The records at which a task's worker died so far."""
    return sorted(_deaths(url))


def _deaths(url: str) -> dict[str, int]:
    """How often a worker died at each record, by the note that the last one left."""
    fs, path = fsspec.core.url_to_fs(url)
    try:
        noted = json.loads(fs.cat_file(path))
        deaths: dict[str, int] = noted["deaths"]
    except (FileNotFoundError, ValueError, KeyError):
        return {}  # the first try, or a note that was cut short
    if noted["at"] is not None:
        deaths[noted["at"]] = deaths.get(noted["at"], 0) + 1
    return deaths
