"""A release: built beside its place, proved by its gate, then renamed into it. It is whole or it is not there.

    <target>/README.md              all versions; the default is the last, so load_dataset(<target>) works
    <target>/v1.2.0/README.md       the dataset card
    <target>/v1.2.0/data/train-00000-of-00004.parquet ...
    <target>/v1.2.0/manifest.json
    <target>/v1.2.0/CHANGELOG.md

A release never changes. What a version holds is a function of the documents and the config: no time, no host, no path.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version as installed
from itertools import chain
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import Field

from curate.errors import ReleaseError, StorageError
from curate.release import card, gate, manifest, order, shards
from curate.release.manifest import Manifest
from curate.release.schema import FIELDS
from curate.section import Section
from curate.stages import split
from curate.tasks import File, Json, Rounds, batches

VERSION = 1


class Config(Section):
    """What is published, and as what."""

    license: str = Field(
        "unknown",
        pattern=r"^[a-z0-9][a-z0-9.+-]*$",
        description="Licence of the texts, as the Hub spells it: `cc-by-4.0`, `odc-by`, `other`, `unknown`.",
    )
    repo: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$",
        description="Where `curate push` publishes it: `org/name`. Leave out to build locally.",
    )
    summary: str = Field("Clean text of crawled pages.", description="First words of the dataset card.")
    note: str = Field("", description="A line of your own for this version in CHANGELOG.md.")
    shard_mb: int = Field(256, ge=1, le=4096, description="Text of a Parquet shard in MiB, about.")


@dataclass(frozen=True)
class Request:
    """What a release is asked to be, and what its manifest tells of its making."""

    name: str
    version: str
    release: Config
    split: split.Config
    config: str  # text of the config file
    inputs: Sequence[Json]  # what was read
    funnel: Sequence[Json]  # a row a stage


@dataclass(frozen=True)
class Release:
    """A release on disk. `created` is false where this version was there already with the same content."""

    name: str
    version: str
    path: Path
    content_sha256: str
    splits: dict[str, int]
    created: bool


def build(documents: Sequence[File], request: Request, rounds: Rounds, target: Path) -> Release:
    """Release the documents of the last stage's files as `<target>/v<version>`.

    Raises ReleaseError where the gate or an earlier release of this version forbids it, StorageError where `target`
    cannot be written. Then nothing has changed that a reader would see.
    """
    if not sum(file.rows for file in documents):
        raise ReleaseError("there is no document to release")
    parts, content = order.sort(documents, rounds)
    final = target / f"v{request.version}"
    with _writing(target):
        release = _existing(final, content)
        if release is None:
            with _draft(target / f".v{request.version}.tmp") as draft:
                made = _fill(draft, parts, request, rounds)
                draft.rename(final)
            release = _release(final, made, created=True)
        _write_parent(target)
    return release


def _existing(final: Path, content: str) -> Release | None:
    """The release of this version, if it is there and is sound. Raises ReleaseError where it holds something else."""
    if not final.exists():
        return None
    made = manifest.verify(final)
    if made.content_sha256 != content:
        raise ReleaseError(
            f"{final} is released with other content, and a release never changes: "
            f"give this one a higher `version` than {made.version}"
        )
    return _release(final, made, created=False)


def _fill(draft: Path, parts: Sequence[File], request: Request, rounds: Rounds) -> Manifest:
    """Write all files of a release into the draft, prove them, and make sure that they are on the disk."""
    rows = chain.from_iterable(batches(part) for part in parts)
    names = shards.write(rows, draft / "data", request.release.shard_mb << 20)
    files = [manifest.shard_entry(draft / "data" / name, draft) for name in names]
    contents = gate.verify(manifest.shards(draft, files), request.split.names, rounds)
    made = _manifest(request, files, contents)
    _write(draft / "README.md", card.release_card(made, request.release.summary, request.release.repo))
    _write(draft / "CHANGELOG.md", changelog(request))
    texts = [manifest.entry(draft / name, draft) for name in ("CHANGELOG.md", "README.md")]
    made = replace(made, files=[*files, *texts])
    _write(draft / manifest.NAME, made.text())
    for folder in (draft / "data", draft):
        _sync(folder)
    return made


def _manifest(request: Request, files: list[Json], contents: gate.Contents) -> Manifest:
    return Manifest(
        name=request.name,
        version=request.version,
        content_sha256=contents.content_sha256,
        splits={name: count["documents"] for name, count in contents.splits.items()},
        files=files,
        schema=[[name, str(dtype)] for name, dtype, _ in FIELDS],
        split=request.split.model_dump(mode="json"),
        license=request.release.license,
        gate=contents.checks,
        counts={
            "splits": contents.splits,
            "languages": contents.languages,
            "sites": contents.sites,
            "sources": contents.sources,
            "years": contents.years,
            "lengths": contents.lengths,
        },
        funnel=list(request.funnel),
        config=request.config,
        inputs=list(request.inputs),
        tools={name: installed(name) for name in ("curate", "pyarrow")},
    )


def changelog(request: Request) -> str:
    """CHANGELOG.md: what a version changed, the last version first."""
    note = f"{request.release.note}\n\n" if request.release.note else ""
    return f"# Changes of {request.name}\n\n## {request.version}\n\n{note}First release.\n"


def _write_parent(target: Path) -> None:
    """The README.md of all versions, replaced where it is not what it should be."""
    releases = {path.name: manifest.read(path) for path in manifest.versions(target).values()}
    text = card.parent_card(list(releases.values())[-1].name, releases)
    path = target / "README.md"
    if path.is_file() and path.read_text() == text:
        return
    _write(target / ".README.md.tmp", text)
    (target / ".README.md.tmp").replace(path)
    _sync(target)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Hold the folder, so that two runs do not release into it at once, and say what stops a write."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        with FileLock(target / ".lock", timeout=0):
            yield
    except Timeout:
        raise StorageError(f"{target}: another run is releasing here; wait for it to end") from None
    except OSError as error:
        raise StorageError(f"{error.filename or target}: {_FAULTS.get(error.errno or 0, str(error))}") from error


_FAULTS = {
    errno.ENOSPC: "the disk is full; nothing was released; free some space and run again",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "no right to write there",
}


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """An empty folder for a release in the making, gone if it does not get its name. A killed run's is emptied."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _release(path: Path, made: Manifest, created: bool) -> Release:
    return Release(made.name, made.version, path, made.content_sha256, made.splits, created)


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
