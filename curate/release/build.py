"""A release: built beside its place, proved by its gate, then renamed into it. It is whole or it is not there.

    <target>/README.md              all versions; the default is the last, so load_dataset(<target>) works
    <target>/v1.2.0/README.md       the dataset card
    <target>/v1.2.0/data/train-00000-of-00004.parquet ...
    <target>/v1.2.0/manifest.json
    <target>/v1.2.0/CHANGELOG.md

A release never changes. What a version holds is a function of the documents and the config: no time, no host, no path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import Self

import polars as pl
from pydantic import Field, model_validator

from curate import removal_list
from curate.errors import ReleaseError
from curate.release import (
    card,
    croissant,
    diff,
    disk,
    gate,
    leaks,
    manifest,
    order,
    removals,
    shards,
    subsets,
    versions,
    wording,
)
from curate.release.card import Parts
from curate.release.diff import Changes
from curate.release.manifest import Manifest
from curate.release.plots import bars
from curate.release.remote import Remote, uploading
from curate.release.removals import Removals
from curate.release.schema import FIELDS
from curate.release.versions import Bump
from curate.section import Section
from curate.stages import dedup, split
from curate.tasks import File, Json, Rounds, batches, pieces
from curate.text import hash64

VERSION = 300 + dedup.VERSION
"""The gate runs dedup's rounds."""
PIECE_BYTES = 32 << 20
"""What a task of the gate reads, about."""


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
    card: Parts = Field(
        Parts(),
        description="Markdown files of your own, whose text stands in that section of every dataset card; paths are "
        "relative to the config.",
    )
    summary: str = Field("Clean text of crawled pages.", description="First words of the dataset card.")
    note: str = Field("", description="A line of your own for this version in CHANGELOG.md.")
    remove: str | None = Field(
        None,
        min_length=1,
        description="A text file of ids and URLs, one a line, to drop, with their near-duplicates, from this and every "
        "later release: opt-outs, takedowns. A line that begins with `# ` is a comment.",
    )
    configs: subsets.By | None = Field(
        None,
        description="A Hub config for each language, site or year beside the default, which holds all documents.",
    )
    croissant: bool = Field(
        False,
        description="Write croissant.json too: the release in the format of MLCommons. Needs `curate[croissant]`.",
    )
    shard_mb: int = Field(256, ge=1, le=4096, description="Text of a Parquet shard in MiB, about.")

    @model_validator(mode="after")
    def _croissant_can_be_written(self) -> Self:
        if self.croissant and not self.repo:
            raise ValueError("croissant: needs `repo`: the file says where the dataset is")
        if self.croissant and not croissant.is_installed():
            raise ValueError("croissant: mlcroissant is missing: pip install 'curate[croissant]'")
        return self


@dataclass(frozen=True)
class Request:
    """What a release is asked to be, and what its manifest tells of its making."""

    name: str
    version: str
    release: Config
    split: split.Config
    config: str  # the config as text
    inputs: Sequence[Json]  # what was read
    funnel: Sequence[Json]  # a row a stage
    words: Mapping[str, str] = field(default_factory=dict)  # of your own, by section of the card
    dedup: dedup.Config | None = None  # what a near-duplicate is; without it none is looked for
    decontamination: Json = field(default_factory=dict)  # evaluation sets looked for, and what was found
    dropped: Sequence[File] = ()  # what the stages dropped: why a document is gone, which were removed on request

    @property
    def decided(self) -> Json:
        """What a person decides of a release, as it stands in the manifest. A change of it makes a version."""
        parts = {name: text for name, text in self.words.items() if name != "summary"}
        more = {"parts": parts} if parts else {}
        croissant_too = {"croissant": True} if self.release.croissant else {}
        return {
            "schema": [[name, str(dtype)] for name, dtype, _ in FIELDS],
            "split": self.split.model_dump(mode="json"),
            "license": self.release.license,
            "configs": self.release.configs,
            "card": {
                "summary": self.release.summary,
                "text": self.words.get("summary", ""),
                **more,
                **croissant_too,
            },
        }


@dataclass(frozen=True)
class Release:
    """A release. `created` is false where nothing changed, so that no version was made; `why` says more."""

    name: str
    version: str
    path: Path | str  # a URL where `data` is one
    content_sha256: str
    splits: dict[str, int]
    created: bool
    why: str


@dataclass(frozen=True)
class Step:
    """From the last release to the one that is asked for."""

    last: Path | None
    old: Manifest | None
    bump: Bump
    changes: Changes
    removals: Removals

    def why(self, *more: str) -> str:
        """What a person is told of the release that this step makes or does not make."""
        return "; ".join(filter(None, [*more, str(self.removals)]))


def build(
    documents: Sequence[File], request: Request, rounds: Rounds, target: Path, remote: Remote | None = None
) -> Release:
    """Release the documents of the last stage's files as `<target>/v<version>`, which may stand for a remote folder.

    Where nothing changed since the last release, no version is made, and that one is returned.

    Raises ReleaseError where the gate, the version or an earlier release forbids it, StorageError where `target` cannot
    be written. Then nothing has changed that a reader would see.
    """
    if not sum(file.rows for file in documents):
        raise ReleaseError("there is no document to release")
    parts = order.sort(documents, rounds, request.release.configs)
    final = target / f"v{request.version}"
    with disk.writing(target):
        step = _step([part.documents for part in parts], request, target)
        if step.last and (step.last == final or step.bump.level == "none"):
            release = _unchanged(step.last, final, step)
        else:
            with disk.draft(target / f".v{request.version}.tmp") as draft, uploading(remote, final.name):
                made = _fill(draft, parts, request, step, rounds, remote)
                draft.rename(final)
            release = _release(final, made, created=True, why=step.why(str(step.bump), *made.notes))
        _write_parent(target)
        if remote:
            remote.publish(f"v{release.version}")
            release = replace(release, path=f"{remote.url}/v{release.version}")
    return release


def past(
    target: Path,
    version: str,
    remove: Path | None = None,
    copies: Sequence[File] = (),
    moved: Sequence[File] = (),
    remote: Remote | None = None,
) -> split.Past:
    """What the stage `split` must know before it runs: all releases before `version`, and what was removed on request.

    `remove` lists ids and URLs; `copies` and `moved` are as in split.Past. Raises ReleaseError where an earlier
    release is damaged or `version` is before the last one, InputError where the list cannot be read.
    """
    before = {path: manifest.read(path) for path in _until(target, version) if path.name != f"v{version}"}
    released = [shard for path, made in before.items() for shard in _shards(path, made)]
    return split.Past(
        released=tuple(remote.seen(released) if remote else released),
        copies=tuple(file for file in copies if file.rows) if before or remove else (),
        moved=tuple(file for file in moved if file.rows) if before or remove else (),
        removals=_listed(remove) if remove else None,
        tombstones=tuple(sorted({buried for made in before.values() for buried in made.tombstones})),
    )


def _listed(path: Path) -> File:
    removals.listed(path)
    return File(str(path), manifest.sha256(path))


def _until(target: Path, version: str) -> list[Path]:
    """The releases up to this version, oldest first.

    Raises ReleaseError where the version is new, but there are later ones: these would not know of it.
    """
    asked = manifest.parse_version(version)
    there = manifest.versions(target)
    later = [path for one, path in there.items() if asked and one > asked]
    if later and asked not in there and not any(versions.names(path, version) for path in later):
        raise ReleaseError(f"{version} was never released, and v{_latest(target)} was: set `version` to a later one")
    return [path for path in there.values() if path not in later]


def _step(parts: Sequence[File], request: Request, target: Path) -> Step:
    """What changed since the release of this version, or else since the last one before it."""
    before = _until(target, request.version)
    if not before:
        return Step(None, None, Bump("none", ()), Changes(), _removals(request, None))
    old = manifest.verify(before[-1])
    changes = diff.compare(_shards(before[-1], old), [("", part) for part in parts], request.dropped)
    gate.refuse_moves(changes, old.version)
    return Step(before[-1], old, versions.needed(old, request.decided, changes), changes, _removals(request, old))


def _removals(request: Request, old: Manifest | None) -> Removals:
    if request.release.remove is None:
        return Removals()
    return removals.followed(Path(request.release.remove), request.dropped, old.tombstones if old else ())


def _unchanged(last: Path, final: Path, step: Step) -> Release:
    """The last release, as the answer to a build that changed nothing. Raises ReleaseError where it changed it."""
    old = step.old
    assert old is not None
    if step.bump.level != "none":
        raise ReleaseError(
            f"{final} is released, and a release never changes. {step.bump}. "
            f"Set `version` to {step.bump.after(_latest(final.parent))}"
        )
    why = "unchanged" if last == final else f"unchanged since v{old.version}: {final.name} is not made"
    return _release(last, old, created=False, why=step.why(why))


def _fill(
    draft: Path, parts: Sequence[order.Part], request: Request, step: Step, rounds: Rounds, remote: Remote | None
) -> Manifest:
    """Write all files of a release into the draft, prove them, and make sure that they are on the disk."""
    if step.old:
        versions.check(step.old.version, request.version, step.bump)
    written = shards.write(parts, rounds, draft / "data", request.release.shard_mb << 20)
    files = [manifest.shard_entry(path, draft) for path in written]
    local = manifest.shards(draft, files)
    finished = remote.with_shards(draft, f"v{request.version}", local) if remote else local
    finished = _pieces(finished, local)
    contents = gate.verify(finished, request.split, rounds, _grouped_by(request, step))
    if request.release.configs:
        subsets.check(len(contents.counts["configs"]), request.release.configs)
    unleaked = leaks.refuse(finished, request.dedup, rounds) if request.dedup else []
    checks = [*contents.checks, *unleaked, *_moves(step, local)]
    made = _manifest(request, step, files, contents, checks)
    entry = versions.entry(request.version, request.release.note, step.bump, step.changes)
    disk.write(draft / "README.md", card.release_card(made, request.release.repo))
    disk.write(draft / "CHANGELOG.md", versions.changelog(request.name, entry, step.last))
    beside = {path: bars(rows) for path, (_, rows) in card.charts(made).items() if rows}
    if request.release.croissant and request.release.repo:
        beside[croissant.NAME] = croissant.text(made, request.release.repo)
    for path, text in beside.items():
        disk.write(draft / path, text)
    texts = [manifest.entry(draft / name, draft) for name in ("CHANGELOG.md", "README.md", *beside)]
    made = replace(made, files=[*files, *texts])
    disk.write(draft / manifest.NAME, made.text())
    for folder in (*(path for path in draft.rglob("*") if path.is_dir()), draft):
        disk.sync(folder)
    return made


def _grouped_by(request: Request, step: Step) -> str:
    """What must not be in two splits. A rule that is new cannot hold for what was released under another."""
    known = step.old is None or step.old.split.get("by") == request.split.by
    return request.split.by if known else "cluster"


def _pieces(finished: diff.Side, local: diff.Side) -> diff.Side:
    """The shards in pieces, so that every worker has some to check; `local` are copies of them here."""
    both = zip(finished, local, strict=True)
    return [(split, piece) for (split, file), (_, here) in both for piece in pieces(file, here.url, PIECE_BYTES)]


def _moves(step: Step, finished: diff.Side) -> list[Json]:
    """The last check of the gate: the finished files against those of the last release."""
    if not (step.last and step.old):
        return []
    changes = diff.compare(_shards(step.last, step.old), finished)
    gate.refuse_moves(changes, step.old.version)
    common = sum(step.old.splits.values()) - changes.counts["removed"]
    return [{"check": f"no document moved since v{step.old.version}", "checked": common, "broken": 0}]


def _manifest(request: Request, step: Step, files: list[Json], contents: gate.Contents, checks: list[Json]) -> Manifest:
    return Manifest(
        name=request.name,
        version=request.version,
        content_sha256=contents.content_sha256,
        splits={name: count["documents"] for name, count in contents.splits.items()},
        files=files,
        **request.decided,
        previous=step.old.version if step.old else None,
        tombstones=_tombstones(request, step),
        changes={**step.changes.counts, "reasons": dict(step.changes.reasons)},
        gate=checks,
        samples=contents.samples,
        dropped=_dropped_samples(request.dropped),
        counts=contents.counts,
        funnel=[dict(sorted(row.items())) for row in request.funnel],
        config=request.config,
        inputs=list(request.inputs),
        tools={name: installed(name) for name in ("curate", "pyarrow")},
        notes=[*contents.notes, *([] if request.dedup else [leaks.UNCHECKED])],
        removals=step.removals.json(),
        decontamination=request.decontamination,
    )


def _tombstones(request: Request, step: Step) -> list[str]:
    """Hashes of the ids that were removed on request, now or earlier."""
    ids = [
        batch.filter(drop_reason=removal_list.REMOVED)["id"]
        for file in request.dropped
        for batch in batches(file, ["id", "drop_reason"])
    ]
    now = removal_list.tombstones(pl.concat(ids)) if ids else []
    return sorted({*now, *(step.old.tombstones if step.old else [])})


def _dropped_samples(dropped: Sequence[File]) -> list[Json]:
    """A document for each of the reasons, chosen by hash. Nothing is told of what was removed on request."""
    told = [_one_a_reason(batch) for file in dropped for batch in batches(file, ["id", "drop_reason", "drop_detail"])]
    if not told:
        return []
    chosen = _one_a_reason(pl.concat(told)).select("id", reason="drop_reason", detail="drop_detail")
    return chosen.filter(pl.col("reason") != removal_list.REMOVED).head(wording.LISTED).to_dicts()


def _one_a_reason(dropped: pl.DataFrame) -> pl.DataFrame:
    placed = dropped.with_columns(place=pl.Series(hash64(dropped["id"])))
    return placed.sort("drop_reason", "place").unique("drop_reason", keep="first", maintain_order=True).drop("place")


def _shards(folder: Path, made: Manifest) -> list[tuple[str, File]]:
    return manifest.shards(folder, made.files)


def _latest(target: Path) -> str:
    return list(manifest.versions(target).values())[-1].name.removeprefix("v")


def _write_parent(target: Path) -> None:
    """The README.md of all versions, replaced where it is not what it should be."""
    releases = {path.name: manifest.read(path) for path in manifest.versions(target).values()}
    text = card.parent_card(list(releases.values())[-1].name, releases)
    path = target / "README.md"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    draft = target / ".README.md.tmp"
    draft.unlink(missing_ok=True)
    disk.write(draft, text)
    draft.replace(path)
    disk.sync(target)


def _release(path: Path, made: Manifest, created: bool, why: str) -> Release:
    return Release(made.name, made.version, path, made.content_sha256, made.splits, created, why)
