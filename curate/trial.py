"""A trial: the stages run on a sample of the input, in a folder that goes away, to see what a run would do.

The sample is drawn from groups of input files in random order (seeded), read until they hold OVERSAMPLE times as many
documents as are wanted; of a group at most GROUP_ROWS are read. How many documents there are in all follows from the
bytes that were read. What a sample cannot show: copies among documents that are not in it, and what the pages of a site
have in common; both make a full run drop and cut more.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from curate.build import Build
from curate.config import Config
from curate.document import DECISION, READ_SCHEMA
from curate.engines.local import LocalEngine
from curate.neardup.audit import wilson
from curate.pipeline import through
from curate.readers import inputs
from curate.readers.streams import CODECS
from curate.readers.urls import endings
from curate.report.pages import Page, every
from curate.report.trail import Trail
from curate.report.write import report
from curate.section import Section
from curate.stages import read
from curate.tasks import File, Json, Rows

OVERSAMPLE = 5
"""The documents wanted are drawn from so many times as many: neighbours in a file are alike."""
GROUP_ROWS = 2_000
"""Documents that are read of one group of files."""
_PACKED_BYTES = 4_000_000
"""Of pages, from which it is told how well they pack."""


@dataclass(frozen=True)
class Drawn:
    """A sample of the input: documents, records that cannot be read, and how many there are in all, about."""

    kept: pl.DataFrame
    dropped: pl.DataFrame
    documents: int
    exact: bool  # whether the whole input was read

    @property
    def size(self) -> int:
        """Documents and records in the sample."""
        return self.kept.height + self.dropped.height


class Expected(NamedTuple):
    """Share of the documents that is left after a stage, with its 95% interval; reasons of the sample's drops."""

    stage: str
    share: float
    low: float
    high: float
    reasons: dict[str, int]


@dataclass(frozen=True)
class Trial:
    """What became of a sample under one setting."""

    trail: Trail
    seconds: float  # of processor time, models already loaded
    bytes: int  # of what the stages wrote

    @property
    def funnel(self) -> list[Expected]:
        """A row a stage."""
        rows = self.trail.funnel
        whole = rows[0]["documents_in"]
        shares = [row.get("documents_kept", 0) / whole if whole else 0.0 for row in rows]
        return [
            Expected(row["stage"], share, *wilson(share, whole), row["reasons"])
            for row, share in zip(rows, shares, strict=True)
        ]


class Change(NamedTuple):
    """A document on which two settings differ: where it ends in each, and the lines whose verdict changes."""

    page: Page
    other: Page
    lines: list[tuple[str, str, str]]  # text, verdict, verdict of the other setting

    @property
    def ends(self) -> tuple[str, str]:
        """Why each setting drops it, or `kept`."""
        return self.page.last.reason or "kept", self.other.last.reason or "kept"

    def json(self) -> Json:
        """For programs."""
        page = self.page
        return {"id": page.id, "source": page.source, "record": page.record, "ends": self.ends, "lines": self.lines}


@dataclass(frozen=True)
class Result:
    """What a sample says of a full run: under one setting, or two."""

    drawn: Drawn
    settings: list[str]
    funnels: list[list[Expected]]
    changes: list[Change]  # documents of which the two settings think differently
    seconds: float  # of processor time, of a full run
    bytes: int  # on disk while it works, without the release
    cores: int
    out: str

    def json(self) -> Json:
        """For programs."""
        told = {name: value for name, value in vars(self).items() if name not in ("drawn", "funnels", "changes")}
        funnels = [[row._asdict() for row in funnel] for funnel in self.funnels]
        changes = [change.json() for change in self.changes]
        counts = {"sampled": self.drawn.size, "documents": self.drawn.documents}
        return {**told, **counts, "funnels": funnels, "changes": changes}


def sample(configs: Sequence[Config], count: int, seed: int, out: Path, settings: Sequence[str] = ()) -> Result:
    """Try one or two settings on a sample of the input, and write the page view of the first to `out`.

    Raises InputError where there is no input.
    """
    drawn = draw(configs[0], count, seed)
    with ExitStack() as stack:
        trials = [stack.enter_context(tried(config, drawn)) for config in configs]
        changed = changes(*trials) if len(trials) == 2 else []
        report(trials[0].trail, configs[0].name, out, _said(drawn, settings), changed, settings)
        times = drawn.documents / max(drawn.size, 1)
        return Result(
            drawn=drawn,
            settings=list(settings),
            funnels=[one.funnel for one in trials],
            changes=changed,
            seconds=round(trials[0].seconds * times, 1),
            bytes=round(trials[0].bytes * times),
            cores=os.cpu_count() or 1,
            out=str(out),
        )


def _said(drawn: Drawn, settings: Sequence[str]) -> str:
    about = "" if drawn.exact else "about "
    under = f" Settings: {', '.join(settings)}." if settings else ""
    return f"A trial on {drawn.size:,} of {about}{drawn.documents:,} documents; nothing was released.{under}"


def draw(config: Config, count: int, seed: int = 0) -> Drawn:
    """A sample of the documents that `read` would read. Raises InputError where there is no input."""
    skip = (f"{config.data}/build", config.releases_dir)
    sizes = {file.url: file.size for file in inputs.find(config.read.paths, skip)}
    groups = read.discover(config.read, skip)
    rng = random.Random(seed)  # noqa: S311
    rng.shuffle(groups)
    frames: dict[str, list[pl.DataFrame]] = {"kept": [], "dropped": []}
    rows = seen = 0
    exact = True
    for group in groups:
        if rows >= OVERSAMPLE * count:
            exact = False
            break
        read_of_it: dict[str, list[pl.DataFrame]] = {"kept": [], "dropped": []}
        found, whole = _read(group, config.read, read_of_it)
        frames = {part: [*frames[part], *read_of_it[part]] for part in frames}
        rows += found
        size = sum(sizes.get(file.url, 0) for file in group)
        seen += size if whole else min(_on_disk(group[0].url, read_of_it["kept"]), size)
        exact &= whole
    return _sampled(frames, count, seed, rows, sum(sizes.values()) / seen if seen and not exact else 1.0, exact)


def given(config: Config, path: str) -> Drawn:
    """The documents of one file, read as the config reads its input."""
    asked = config.read.model_copy(update={"paths": [path]})
    frames: dict[str, list[pl.DataFrame]] = {"kept": [], "dropped": []}
    rows = sum(_read(group, asked, frames)[0] for group in read.discover(asked))
    return _sampled(frames, rows, 0, rows, 1.0, exact=True)


@contextmanager
def tried(config: Config, drawn: Drawn) -> Iterator[Trial]:
    """Run the stages of a config, without split and release, on a sample; what they wrote is there inside the block."""
    with tempfile.TemporaryDirectory(prefix="curate-") as folder:
        _run(config, _few(drawn), f"{folder}/warm")  # loads the models
        before = time.process_time()
        trail = _run(config, drawn, f"{folder}/build")
        seconds = time.process_time() - before
        size = sum(path.stat().st_size for path in Path(folder, "build").rglob("*.parquet"))
        yield Trial(trail, seconds, size)


def changes(one: Trial, other: Trial) -> list[Change]:
    """The documents of which two settings think differently: their verdict, or that on some of their lines."""
    return [
        Change(page, twin, lines)
        for page, twin in zip(every(one.trail), every(other.trail), strict=True)
        if (lines := _lines(page, twin)) or page.last.reason != twin.last.reason
    ]


def _lines(page: Page, twin: Page) -> list[tuple[str, str, str]]:
    if len(page.lines) != len(twin.lines):
        return []
    pairs = zip(page.lines, twin.lines, strict=True)
    return [(a.text, a.verdict, b.verdict) for a, b in pairs if a.verdict != b.verdict]


def _read(group: Sequence[File], config: read.Config, frames: dict[str, list[pl.DataFrame]]) -> tuple[int, bool]:
    """Add the records of some files; how many they are, and whether they are all."""
    rows = 0
    for part, frame in read.read_files(group, config):
        if frame.is_empty():
            continue  # the end of a part
        frames[part.partition("-")[0]].append(frame)  # a part is a shard of kept or dropped records
        rows += frame.height
        if rows >= GROUP_ROWS:
            return rows, False
    return rows, True


def _on_disk(url: str, frames: Sequence[pl.DataFrame]) -> int:
    """How many bytes of a file the pages read of it take, about: packed as zlib does it where the file is packed."""
    size = sum(int(frame["page"].bin.size().sum()) for frame in frames)
    ending = "".join(endings(url)[-1:])
    if ending not in CODECS and ending != ".parquet":
        return size
    some = b"".join(frames[0]["page"])[:_PACKED_BYTES] if frames else b""
    return round(size * len(zlib.compress(some)) / max(len(some), 1))


def _sampled(
    frames: dict[str, list[pl.DataFrame]], count: int, seed: int, rows: int, times: float, exact: bool
) -> Drawn:
    kept = pl.concat([pl.DataFrame(schema=READ_SCHEMA), *frames["kept"]])
    dropped = pl.concat([pl.DataFrame(schema={**READ_SCHEMA, **DECISION}), *frames["dropped"]])
    chosen = sorted(random.Random(f"{seed} rows").sample(range(rows), min(count, rows)))  # noqa: S311
    first = [row for row in chosen if row < kept.height]
    rest = [row - kept.height for row in chosen if row >= kept.height]
    return Drawn(kept[first], dropped[rest], round(rows * times), exact)


def _few(drawn: Drawn) -> Drawn:
    return Drawn(drawn.kept.head(2), drawn.dropped.head(0), 2, exact=False)


def _run(config: Config, drawn: Drawn, folder: str) -> Trail:
    with Build(folder, LocalEngine(1)) as build:
        tasks = build.rounds("read", read.VERSION).tasks("", _Given(drawn), [[]], Section())
        done = build.run(tasks)
        build.record("read", read.VERSION, config.read, tasks, done)
        through(build, config, [done[0].files["kept"]], but=("split",))
    return Trail.of(folder)


@dataclass(frozen=True)
class _Given:
    """Task function: the sample, as `read` would write it."""

    drawn: Drawn

    def __call__(self, files: Sequence[File], config: Section) -> Rows:
        kept, dropped = self.drawn.kept, self.drawn.dropped
        yield "kept", kept
        yield "dropped", dropped
        sizes = [int(frame["page"].bin.size().sum()) for frame in (kept, dropped)]
        return {
            "documents_in": kept.height + dropped.height,
            "documents_kept": kept.height,
            "documents_dropped": dropped.height,
            "chars_in": sum(sizes),
            "chars_kept": sizes[0],
            "chars_dropped": sizes[1],
            "reasons": dict(Counter(dropped["drop_reason"].to_list())),
        }
