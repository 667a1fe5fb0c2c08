"""Releases in an object store, which has no rename: written file by file, the manifest last.

A release there is whole when its manifest.json is there; what has none is not one, and is written over. The work is
done in a folder of this machine that has a copy of what it needs of earlier releases.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from curate.errors import CurateError
from curate.release import manifest
from curate.release.diff import Side


@dataclass(frozen=True)
class Remote:
    """Releases under a URL, and the folder here that stands for it."""

    url: str
    folder: Path
    fs: Any
    path: str

    def seen(self, files: Side) -> Side:
        """Files of the folder under the names that every worker sees."""
        at = len(str(self.folder))
        return [(split, replace(file, url=self.url + file.url[at:])) for split, file in files]

    def with_shards(self, draft: Path, version: str, files: Side) -> Side:
        """The shards of a draft, uploaded to where they will be: workers check them there. No manifest is there yet."""
        for _, file in files:
            self.fs.put_file(file.url, f"{self.path}/{version}{file.url[len(str(draft)) :]}")
        final = f"{self.url}/{version}"
        return [(split, replace(file, url=final + file.url[len(str(draft)) :])) for split, file in files]

    def publish(self, version: str) -> None:
        """Upload what is not there of a finished release, its manifest last, and the README of all releases."""
        folder = self.folder / version
        texts = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".parquet"]
        for path in sorted(texts, key=lambda path: path.name == manifest.NAME):
            self._put(path)
        self._put(self.folder / "README.md")

    def discard(self, version: str) -> None:
        """Remove what was uploaded of a release that is not made."""
        if self.fs.exists(f"{self.path}/{version}"):
            self.fs.rm(f"{self.path}/{version}", recursive=True)

    def _put(self, path: Path) -> None:
        self.fs.put_file(str(path), f"{self.path}/{path.relative_to(self.folder).as_posix()}")


@contextmanager
def opened(url: str, whole: str | None = None) -> Iterator[tuple[Path, Remote | None]]:
    """The releases folder, as one of this machine: itself, or a copy of the texts of all releases that goes away.

    With `whole`, a version, the copy has the shards too of that release, or else of the last one before it.
    """
    fs, path = url_to_fs(url)
    if isinstance(fs, LocalFileSystem):
        yield Path(url), None
        return
    with tempfile.TemporaryDirectory(prefix="curate-") as temporary:
        remote = Remote(url, Path(temporary), fs, path)
        _download(remote, whole)
        try:
            yield remote.folder, remote
        except CurateError as error:
            raise type(error)(str(error).replace(temporary, url)) from error


@contextmanager
def uploading(remote: Remote | None, version: str) -> Iterator[None]:
    """Shards of a release that go up in the block go away again where it fails."""
    try:
        yield
    except BaseException:
        if remote:
            remote.discard(version)
        raise


def _download(remote: Remote, whole: str | None) -> None:
    remote.fs.invalidate_cache()
    names = [name[len(remote.path) + 1 :] for name in remote.fs.find(remote.path)]
    made = {name.partition("/")[0] for name in names if name.endswith(f"/{manifest.NAME}")}
    wanted = _before(made, whole) if whole else None
    for name in names:
        version = name.partition("/")[0]
        if version in made and (not name.endswith(".parquet") or version == wanted):
            (remote.folder / name).parent.mkdir(parents=True, exist_ok=True)
            remote.fs.get_file(f"{remote.path}/{name}", str(remote.folder / name))


def _before(made: set[str], version: str) -> str | None:
    """The folder of a version, or of the last one before it."""
    asked = manifest.parse_version(version)
    parsed = {number: name for name in made if (number := manifest.parse_version(name.removeprefix("v")))}
    return max(((number, name) for number, name in parsed.items() if asked and number <= asked), default=(None, None))[
        1
    ]
