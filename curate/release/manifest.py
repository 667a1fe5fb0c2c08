"""manifest.json: what went into a release, what was done, what came out; how a release on disk is checked.

format          of this file; a newer one is refused, not guessed at
name, version
content_sha256  of split, id and text of all documents (gate.content_sum); the same for any writer or library
splits          documents of each split
files           path, bytes, sha256 of every file, and rows of shards
schema          column names and types
split, license, configs  what else makes a MAJOR version when it changes
gate            what was checked on the finished files
notes           what a reader must know of it, such as a split that is empty
decontamination checksums of the index of evaluation sets; records of each set, and documents that held one
removals        lines of the list of removals, and how many of them match no document
counts          documents, characters, words and tokens by split; documents by language, site, source, year and length
funnel          a row a stage: documents, characters, words and tokens in and out, reasons
config, inputs  what was built from what
tools           versions of what wrote the bytes
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
from pydantic import ConfigDict, TypeAdapter, ValidationError

from curate.errors import ReleaseError
from curate.tasks import File, Json

FORMAT = 1
NAME = "manifest.json"
Version = tuple[int, int, int]


@dataclass(frozen=True)
class Manifest:
    """The manifest of a release; fields as in the module's text. It may come from anywhere: types are checked."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")

    name: str
    version: str
    content_sha256: str
    splits: dict[str, int]
    files: list[Json]
    schema: list[list[str]]
    split: Json
    license: str
    card: Json
    previous: str | None
    changes: Json
    tombstones: list[str]
    gate: list[Json]
    samples: list[Json]
    dropped: list[Json]
    counts: Json
    funnel: list[Json]
    config: str
    inputs: list[Json]
    tools: dict[str, str]
    notes: list[str] = field(default_factory=list)
    removals: Json = field(default_factory=dict)
    decontamination: Json = field(default_factory=dict)
    configs: str | None = None
    format: int = FORMAT

    @property
    def decided(self) -> Json:
        """What a person decided of the release: a change of it makes a version."""
        return {name: getattr(self, name) for name in ("schema", "split", "license", "configs", "card")}

    def text(self) -> str:
        """As written to disk."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def read(folder: Path) -> Manifest:
    """The manifest of a release on disk. Raises ReleaseError where it is missing, damaged or from a newer curate."""
    path = folder / NAME
    try:
        return parse(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise ReleaseError(f"{folder}: no release: it has no {NAME}") from None


def parse(data: bytes, where: str) -> Manifest:
    """The manifest in `data`; `where` is what errors call it."""
    try:
        raw: dict[str, Any] = json.loads(data)
        if raw["format"] > FORMAT:
            raise ReleaseError(f"{where}: written by a newer curate (format {raw['format']}); update curate to read it")
        made = _checked().validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise ReleaseError(f"{where}: damaged: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReleaseError(f"{where}: damaged: {error}") from None
    for file in made.files:
        if not _PATH.fullmatch(str(file.get("path"))) or not _DIGEST.fullmatch(str(file.get("sha256"))):
            raise ReleaseError(f"{where}: damaged: {file.get('path')!r} is no file of a release")
    return made


@cache
def _checked() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)


_PATH = re.compile(
    r"data/([a-z0-9_][a-z0-9._-]*/)?[a-z]+-[0-9]+-of-[0-9]+\.parquet|plots/[a-z]+\.svg|[\w-]+\.(md|json)"
)
"""A file of a release: no path leads out of its folder."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def verify(folder: Path) -> Manifest:
    """The manifest of a release whose files are all sound. Raises ReleaseError, which names those that are not."""
    manifest = read(folder)
    faults = [
        f"{file['path']}: {why}" for file in manifest.files if (why := _fault(folder / file["path"], file["sha256"]))
    ]
    faults += [f"{file['path']}: a link" for file in manifest.files if (folder / file["path"]).is_symlink()]
    if faults:
        raise ReleaseError(f"{folder} is damaged:\n" + "\n".join(f"  {fault}" for fault in faults))
    return manifest


def shards(folder: Path | str, files: Sequence[Json]) -> list[tuple[str, File]]:
    """The shards in the `files` of a manifest, with their splits, in order."""
    return [
        (split_of(file["path"]), File(f"{folder}/{file['path']}", file["sha256"], file["rows"]))
        for file in files
        if "rows" in file
    ]


def check_shards(shards: Sequence[tuple[str, File]]) -> None:
    """Raise ReleaseError, which names those shards on disk that are not what the manifest says."""
    faults = [f"{file.url}: {why}" for _, file in shards if (why := _fault(Path(file.url), file.sha256))]
    if faults:
        raise ReleaseError("the release is damaged:\n" + "\n".join(f"  {fault}" for fault in faults))


def entry(path: Path, root: Path) -> Json:
    """A file's line in `files`."""
    return {"path": path.relative_to(root).as_posix(), "bytes": path.stat().st_size, "sha256": sha256(path)}


def shard_entry(path: Path, root: Path) -> Json:
    """A shard's line in `files`."""
    return {**entry(path, root), "rows": pq.read_metadata(path).num_rows}


def sha256(path: Path) -> str:
    """Of a file's content, as hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def versions(folder: Path) -> dict[Version, Path]:
    """The releases in the folder of a dataset, oldest first."""
    if not folder.is_dir():
        return {}
    found = {parsed: path for path in folder.iterdir() if (parsed := parse_version(path.name.removeprefix("v")))}
    return dict(sorted(found.items()))


def parse_version(text: str) -> Version | None:
    """(MAJOR, MINOR, PATCH), or None where the text is no version.

    >>> parse_version("1.2.0")
    (1, 2, 0)
    """
    match = re.fullmatch(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def split_of(shard: str) -> str:
    """The split that a shard's name says.

    >>> split_of("data/train-00000.parquet")
    'train'
    """
    return shard.rsplit("/", 1)[-1].split("-", 1)[0]


def subset_of(shard: str) -> str:
    """The config that a shard's folder says; empty where there is but the default."""
    folder = shard.rsplit("/", 2)[-2]
    return "" if folder == "data" else folder


def _fault(path: Path, digest: str) -> str | None:
    if not path.is_file():
        return "missing"
    return None if sha256(path) == digest else "its content was altered or cut short"
