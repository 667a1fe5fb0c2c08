"""Config -> plan -> run.

    read -> normalize -> boilerplate -> metadata -> language -> quality -> privacy -> dedup ->
    decontaminate -> recompare -> select -> split -> release

Every stage turns shards into shards. What an earlier run has done is found in the store and not done again.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from curate import config as config_file
from curate.build import Build, Pending, last_record
from curate.config import Config
from curate.engines import Engine
from curate.engines.local import LocalEngine
from curate.engines.ray import RayEngine
from curate.errors import ConfigError, InputError, UsageError
from curate.machine import free_memory
from curate.progress import Watcher
from curate.readers.urls import source
from curate.release import build as release
from curate.release import card, manifest, remote
from curate.release.build import Release
from curate.runner import StageTask
from curate.section import Section
from curate.space import needed
from curate.stages import STAGES, Prepare, Stage, decontaminate, dedup, read, recompare, split
from curate.tasks import File, Json, batches, total

if TYPE_CHECKING:
    from curate.release import hub

WORKER_BYTES = 600_000_000
"""What a worker takes at most, with all stages and models (docs/performance.md)."""
_log = logging.getLogger(__name__)


def run(
    config: Config | str | Path,
    *,
    workers: int | None = None,
    engine: Literal["local", "ray"] = "local",
    force: str | None = None,
    watcher: Watcher | None = None,
    **overrides: Any,
) -> Release:
    """Build the release that a config describes, and return it.

    `workers` are processes (default: one a core; 1 runs in this process); `engine` ray runs the tasks on the cluster at
    `ray_address` or RAY_ADDRESS, or else on `workers` cores of this machine; `force` names a stage to run again;
    `overrides` are config values by dotted key, such as `**{"dedup.threshold": 0.8}`.

    Raises ConfigError before anything is read, InputError, StorageError, TaskError or ReleaseError later.

    >>> release = run("configs/news.yaml", workers=1)
    >>> release.version
    '0.1.0'
    """
    config = loaded(config, overrides)
    count = _checked(workers)
    _check_stage(force, config)
    if (space := needed(config)).is_short:
        _log.warning("the disk may not do: %s", space)
    with Build(config.build_dir, _engine(engine, count, config), watcher or Watcher(), force) as build:
        _past(config)  # an earlier release or a list that stands in the way is told before the work
        _request(config)  # so are the parts of the card
        _read_evaluation_sets(build, config)  # so is one that cannot be read
        shards = _documents(build, config)
        shards = through(build, config, shards)
        made = _release(build, config, shards)
        build.record_release({"version": made.version, "path": str(made.path)})
        return made


@dataclass(frozen=True)
class Planned:
    """What a run would do in one stage: `run` tasks, `follow` what runs before it, or `keep` what is there.
    The row `disk` says whether it has what the run `needs`, or `lacks` it."""

    stage: str
    verdict: str
    tasks: int | None
    missing: int | None
    why: str


def plan(config: Config | str | Path, **overrides: Any) -> list[Planned]:
    """What `run` would do and why, without doing it."""
    config = loaded(config, overrides)
    build = Build(config.build_dir)
    last = last_record(config.build_dir)
    before = {entry["stage"]: entry for entry in last.stages + last.before}
    steps: list[tuple[str, Callable[[Sequence[File]], Any]]] = [("read", lambda _: _documents(build, config))]
    steps += [(stage.name, partial(_apply, build, stage, config)) for stage in active(config)]
    rows: list[Planned] = []
    shards: list[File] = []
    for name, step in steps:
        if rows and rows[-1].verdict != "keep":
            rows.append(Planned(name, "follow", None, None, f"follows {rows[-1].stage}"))
            continue
        try:
            shards = step(shards)
            rows.append(Planned(name, "keep", len(shards), 0, "unchanged"))
        except Pending as pending:
            why = _why(before.get(name), config.section(name), pending)
            rows.append(Planned(name, "run", len(pending.tasks), pending.missing, why))
    rows.append(_planned_release(config, rows[-1]))
    if rows[-1].verdict != "keep":
        space = needed(config)
        rows.append(Planned("disk", "lacks" if space.is_short else "needs", None, None, str(space)))
    return rows


def push(config: Config | str | Path, *, dry_run: bool = False, private: bool = True, **overrides: Any) -> hub.Pushed:
    """Publish the release that `run` made of this config, as a commit and a tag of `release.repo`.

    Raises UsageError where the config names no repository, ReleaseError where the release is not there or is damaged,
    HubError where the Hub refuses or cannot be reached.
    """
    from curate.release import hub  # its libraries take as long to import as half of ours, and a run needs none

    config = loaded(config, overrides)
    if config.release.repo is None:
        raise UsageError("release.repo: not given; write `repo: org/name` in `release`, or --set release.repo=org/name")
    with remote.opened(config.releases_dir, whole=config.version) as (releases, _):
        folder = releases / f"v{config.version}"
        if not folder.is_dir():
            raise UsageError(f"{folder}: there is no such release; `curate run` makes it")
        return hub.push(folder, config.release.repo, private=private, dry_run=dry_run)


def active(config: Config) -> list[Stage]:
    """The stages that a config has a section for, in run order."""
    return [stage for stage in STAGES if config.section(stage.name) is not None]


def through(build: Build, config: Config, shards: Sequence[File], but: Sequence[str] = ()) -> list[File]:
    """What the stages of a config make of these documents; those named in `but` do not run."""
    shards = list(shards)
    for stage in active(config):
        if stage.name not in but:
            shards = _apply(build, stage, config, shards)
    return shards


def funnel(record: Sequence[Json]) -> list[Json]:
    """A row a stage: documents and characters in, kept, cut and dropped; reasons with counts, most frequent first."""
    return [{"stage": entry["stage"], **total([task["stats"] for task in entry["tasks"]])} for entry in record]


def loaded(config: Config | str | Path, overrides: dict[str, Any]) -> Config:
    """The config object, whatever form it came in."""
    if isinstance(config, Config):
        if overrides:
            raise UsageError("overrides need the config's path, not a Config object")
        return config
    return config_file.load(config, overrides)


def _documents(build: Build, config: Config) -> list[File]:
    rounds = build.rounds("read", read.VERSION)
    skip = (f"{config.data}/build", config.releases_dir)
    tasks = rounds.tasks("", read.read_files, read.discover(config.read, skip), config.read)
    pairs = [(task, shard) for task, one in zip(tasks, build.run(tasks), strict=True) for shard in read.shards(one)]
    done = [shard for _, shard in pairs]
    build.record("read", read.VERSION, config.read, [task for task, _ in pairs], done)
    return [one.files["kept"] for one in done]


def _apply(build: Build, stage: Stage, config: Config, shards: Sequence[File]) -> list[File]:
    section = config.section(stage.name)
    assert section is not None
    rounds = build.rounds(stage.name, stage.version)
    prepare = _informed(build, config, stage)
    beside = prepare(shards, section, rounds) if prepare else []
    inputs = [[shard, *columns] for shard, columns in zip(shards, _columns(beside, len(shards)), strict=True)]
    tasks = rounds.tasks("", StageTask(stage.name), inputs, section)
    done = build.run(tasks)
    build.record(stage.name, stage.version, section, tasks, done)
    return [one.files["kept"] for one in done]


def _informed(build: Build, config: Config, stage: Stage) -> Prepare | None:
    """`split`, `dedup` and `recompare` must know the releases before this one, `split` also what was removed on request
    and what is a copy, the others what they are against."""
    if stage.name == "split":
        moved = _dropped(build.stages, "recompare")
        return partial(split.prepare, past=_past(config, [*_dropped(build.stages, "dedup"), *moved], moved))
    if stage.name in ("dedup", "recompare") and config.dedup:
        prepare = dedup.prepare if stage.name == "dedup" else recompare.prepare
        earlier = _earlier(build, config, config.dedup.against) if config.dedup.against else []
        return partial(prepare, earlier=earlier, released=_past(config).standing)
    return stage.prepare


def _earlier(build: Build, config: Config, against: Literal["release"] | list[str]) -> list[File]:
    """The documents of earlier releases, each file once, or of other datasets, as `read` reads them."""
    if isinstance(against, str):
        return list({file.sha256: file for _, file in _past(config).released}.values())
    reading = read.Config(paths=dedup.sources(against))
    rounds = build.rounds("dedup", read.VERSION)
    try:
        found = read.discover(reading)
    except InputError as error:
        raise InputError(str(error).replace("read.paths", "dedup.against", 1)) from None
    done = rounds.run("against", read.read_files, found, reading)
    return [shard.files["kept"] for one in done for shard in read.shards(one)]


def _read_evaluation_sets(build: Build, config: Config) -> None:
    """Raises ConfigError, with the place in the config, for a set that is not there or lacks its column."""
    for number, one in enumerate(config.decontaminate.against if config.decontaminate else ()):
        try:
            decontaminate.read_set(one, build.rounds("decontaminate", decontaminate.VERSION))
        except InputError as error:
            raise ConfigError(f"{config.place('decontaminate', 'against', number)}: {error}") from None


def _past(config: Config, copies: Sequence[File] = (), moved: Sequence[File] = ()) -> split.Past:
    remove = Path(config.release.remove) if config.release.remove else None
    with remote.opened(config.releases_dir) as (releases, far):
        return release.past(releases, config.version, remove, copies, moved, far)


def _dropped(record: Sequence[Json], stage: str | None = None) -> list[File]:
    """What one stage dropped, or all of them."""
    entries = [entry for entry in record if stage in (None, entry["stage"])]
    return [File(**task["files"]["dropped"]) for entry in entries for task in entry["tasks"]]


def _columns(beside: Sequence[File], shards: int) -> list[list[File]]:
    return [[file] for file in beside] or [[] for _ in range(shards)]


def _release(build: Build, config: Config, shards: Sequence[File]) -> Release:
    rows = funnel(build.stages)
    if not sum(shard.rows for shard in shards):
        raise InputError(f"nothing is left to release:\n{_where_lost(rows)}{_one_lost(build.stages, rows)}")
    request = replace(
        _request(config),
        inputs=_inputs(build.stages[0]),
        funnel=rows,
        dropped=_dropped(build.stages),
        decontamination=_decontamination(build.stages),
    )
    rounds = build.rounds("release", release.VERSION)
    with remote.opened(config.releases_dir, whole=config.version) as (releases, far):
        return release.build(shards, request, rounds, releases, far)


def _request(config: Config) -> release.Request:
    """What the config alone says of a release. Where it is built is no part of it, nor is a password in an address."""
    text = source(
        json.dumps(config.model_dump(mode="json", exclude={"data", "ray_address"}), ensure_ascii=False, indent=1)
    )
    return release.Request(
        name=config.name,
        version=config.version,
        release=config.release,
        split=config.split,
        config=text,
        inputs=(),
        funnel=(),
        words=card.own_words(config.release.card, config.folder),
        dedup=config.dedup,
    )


def _decontamination(record: Sequence[Json]) -> Json:
    """What the manifest says of evaluation sets; nothing where none was looked for."""
    rounds = next((entry["rounds"] for entry in record if entry["stage"] == "decontaminate"), None)
    return decontaminate.found(rounds) if rounds else {}


def _inputs(read_record: Json) -> list[Json]:
    """What was read, for the manifest: a row a task, with the digest of the documents it gave."""
    return [
        {
            "files": len(task["sources"]),
            "first": task["sources"][0],
            "last": task["sources"][-1],
            "documents": task["files"]["kept"]["rows"],
            "sha256": task["files"]["kept"]["sha256"],
        }
        for task in read_record["tasks"]
    ]


def _where_lost(rows: Sequence[Json]) -> str:
    lines = [
        f"  {row['stage']}: {row.get('documents_dropped', 0)} of {row.get('documents_in', 0)} documents dropped"
        + "".join(f", {count} {reason}" for reason, count in list(row["reasons"].items())[:3])
        for row in rows
        if row.get("documents_dropped")
    ]
    return "\n".join(lines) or "  the input holds no documents"


def _one_lost(record: Sequence[Json], rows: Sequence[Json]) -> str:
    """The first document that was dropped where most were, and what was found in it."""
    stage = max(rows, key=lambda row: int(row.get("documents_dropped", 0)))["stage"]
    file = next((file for file in _dropped(record, stage) if file.rows), None)
    if file is None:
        return ""
    said = next(batches(file, ["source", "record", "drop_reason", "drop_detail"])).row(0, named=True)
    return "\n  such as {source}, record {record}: {drop_reason}: {drop_detail}".format(**said)


def _planned_release(config: Config, before: Planned) -> Planned:
    place = f"{config.releases_dir}/v{config.version}"
    verdict = "run" if before.verdict == "keep" else "follow"
    with remote.opened(config.releases_dir) as (releases, _):
        folder = releases / f"v{config.version}"
        if not folder.is_dir():
            return Planned("release", verdict, None, None, f"writes {place}")
        if manifest.read(folder).decided != _request(config).decided:
            return Planned("release", verdict, None, None, f"{place} is released otherwise; `version` must go up")
    if before.verdict != "keep":
        return Planned("release", verdict, None, None, f"{place} is there; if a document changes, `version` must go up")
    return Planned("release", "keep", None, None, f"{place} is there")


def _why(before: Json | None, section: Section | None, pending: Pending) -> str:
    assert section is not None
    if before is None:
        return "never ran"
    now = section.model_dump(mode="json")
    changed = [
        f"{key} {before['config'].get(key)} -> {value}"
        for key, value in now.items()
        if before["config"].get(key) != value
    ]
    if changed:
        return "config changed: " + ", ".join(changed)
    if before["version"] != pending.tasks[0].version:
        return "the stage itself changed"
    return _what_input_changed(before, pending)


def _what_input_changed(before: Json, pending: Pending) -> str:
    then = {digest for task in before["tasks"] for digest in task["inputs"]}
    now = {file.sha256 for task in pending.tasks for file in task.inputs}
    gone, new = len(then - now), len(now - then)
    return f"input changed: {new} new, {gone} gone" if gone or new else "not finished, or its files are gone"


def _fitting(workers: int) -> int:
    """As many workers as there is memory for."""
    free = free_memory()
    fitting = max(1, free // WORKER_BYTES)
    if fitting >= workers:
        return workers
    _log.warning(
        "%d workers take up to %.1f GB of memory, and %.1f GB are free: going on with %d",
        workers,
        workers * WORKER_BYTES / 1e9,
        free / 1e9,
        fitting,
    )
    return fitting


def _engine(name: Literal["local", "ray"], workers: int, config: Config) -> Engine:
    if name == "local":
        return LocalEngine(_fitting(workers))
    return RayEngine(workers, config.ray_address or os.environ.get("RAY_ADDRESS"))


def _checked(workers: int | None) -> int:
    if workers is not None and workers < 1:
        raise UsageError(f"--workers must be 1 or more, not {workers}")
    return workers or os.cpu_count() or 1


def _check_stage(force: str | None, config: Config) -> None:
    names = ["read", *(stage.name for stage in active(config))]
    if force and force not in names:
        raise UsageError(f"--force {force}: no such stage in this config; stages: {', '.join(names)}")
