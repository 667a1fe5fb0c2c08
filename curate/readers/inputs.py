"""Which files the config's paths mean, and what identifies their content.

A local path is a file, a folder (all files below it) or a pattern with `*`, `?`, `[...]` and `**`
(any number of folders). Names that begin with a dot are meant only where the pattern says the dot. A path itself may be
a symbolic link. Below it, links to folders are not followed, and a link to a file is read only if that file lies below
one of the paths. Any other URL goes through fsspec, whose patterns are the same; http(s) has none.
"""

from __future__ import annotations

import difflib
import fnmatch
import glob
import json
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from curate.errors import InputError
from curate.readers.streams import unreadable
from curate.readers.urls import is_http, is_local, local_path, source

_CHECKSUMS = ("ETag", "etag", "Content-MD5", "Digest", "checksum", "sha256", "generation", "CRC")
_TIMES = ("Last-Modified", "LastModified", "last_modified", "mtime", "created")


@dataclass(frozen=True)
class Input:
    """A file of the user's under the name that the config gives it, and what changes when its content does.

    `refusal` says why it is not read, where it is none of the user's files or no file.
    """

    url: str
    size: int
    identity: str
    refusal: str | None = None


def find(paths: Sequence[str], skip: Sequence[str] = ()) -> list[Input]:
    """The files that the paths mean, sorted by name, each once.

    The folders `skip` are not entered. Raises InputError where a path lies in one, means no file, or cannot be looked
    at.
    """
    urls = sorted({url for path in paths for url in _expanded(path, skip)})
    resolved = cache(os.path.realpath)
    inputs: dict[str, Input] = {}
    for url in urls:
        inputs.setdefault(_same(url, resolved), identify(url, paths))
    return list(inputs.values())


def identify(url: str, paths: Sequence[str]) -> Input:
    """The file as it is now. Raises InputError where it is not there."""
    if not is_local(url):
        return _identify_remote(url)
    try:
        return _identify_local(url, paths)
    except OSError as error:
        raise unreadable(url, error) from error


def _identify_local(url: str, paths: Sequence[str]) -> Input:
    path = local_path(url)
    found = os.lstat(path)
    refusal = None
    if stat.S_ISLNK(found.st_mode):
        refusal = _refusal(path, paths)
        found = found if refusal else Path(path).stat()
    elif not stat.S_ISREG(found.st_mode):
        refusal = "not a regular file"
    return Input(url, 0 if refusal else found.st_size, refusal or f"{found.st_size}:{found.st_mtime_ns}", refusal)


def _expanded(path: str, skip: Sequence[str]) -> list[str]:
    beside = [folder for folder in skip if is_local(folder) == is_local(path)]
    try:
        found = (_expanded_local if is_local(path) else _expanded_remote)(path, beside)
    except (OSError, ValueError) as error:  # ValueError: no file can have this name
        raise unreadable(path, error) from error
    if not found:
        raise InputError(f"read.paths: {source(path)}: {source(_why_nothing(path))}")
    return found


def _expanded_local(url: str, skip: Sequence[str]) -> list[str]:
    path = local_path(url)
    scheme = url.removesuffix(path)
    root, pattern = _root(path)
    if not pattern and Path(path).is_dir():
        root, pattern = path.rstrip("/") + "/", ["**"]
    skipped = _skipped(url, root, skip)
    if pattern:
        found = list(_matches(root, pattern, skipped)) if Path(root).is_dir() else []
    else:
        found = [path] if Path(path).exists() else []
    return [scheme + name for name in found]


def _skipped(url: str, root: str, skip: Sequence[str]) -> frozenset[str]:
    """The names under which `skip` is met below `root`. Raises InputError where `root` itself lies in one of them."""
    real = Path(os.path.realpath(root))
    folders = [Path(os.path.realpath(local_path(folder))) for folder in skip]
    if inside := next((folder for folder in folders if real.is_relative_to(folder)), None):
        raise _own(url, str(inside))
    return frozenset(root + str(folder.relative_to(real)) for folder in folders if folder.is_relative_to(real))


def _own(url: str, folder: str) -> InputError:
    return InputError(f"read.paths: {source(url)}: lies in {source(folder)}, where curate writes")


def _root(path: str) -> tuple[str, list[str]]:
    """The folder in which a pattern begins, with a `/` at its end, and the pattern's parts; none for a name."""
    parts = path.replace(os.sep, "/").split("/")
    first = next((index for index, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    if first == len(parts):
        return path, []
    return "".join(part + "/" for part in parts[:first]), parts[first:]


def _matches(folder: str, parts: Sequence[str], skipped: frozenset[str]) -> Iterator[str]:
    """What lies in `folder` and fits the pattern's parts. Links to folders stand for themselves."""
    part, rest = parts[0], parts[1:]
    anywhere = part == "**"
    if anywhere and rest:
        yield from _matches(folder, rest, skipped)
    with os.scandir(folder or os.curdir) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if not _fits(entry.name, "*" if anywhere else part):
                continue
            path = folder + entry.name
            if entry.is_dir(follow_symlinks=False):
                if (anywhere or rest) and path not in skipped:
                    yield from _matches(path + "/", parts if anywhere else rest, skipped)
            elif not rest or (entry.is_symlink() and Path(path).is_dir()):
                yield path


def _fits(name: str, part: str) -> bool:
    return fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))


def _refusal(link: str, paths: Sequence[str]) -> str | None:
    """Why a link is not followed; None where it is."""
    target = Path(os.path.realpath(link))
    if not any(target.is_relative_to(os.path.realpath(_root(local_path(path))[0])) for path in paths if is_local(path)):
        return "a link that leads outside of read.paths"
    if target.is_dir():
        return "a link to a folder"
    return None if target.is_file() else "a link to nothing"


def _expanded_remote(url: str, skip: Sequence[str]) -> list[str]:
    if is_http(url) or "://" not in url.split("::")[0]:
        return [url]
    try:
        fs, path = url_to_fs(url)
        skipped = tuple(folder.rstrip("/") + "/" for kind, folder in map(url_to_fs, skip) if type(kind) is type(fs))
        names = _remote_names(fs, path)
    except Exception as error:
        raise unreadable(url, error) from error
    if inside := next((folder for folder in skipped if f"{path}/".startswith(folder)), None):
        raise _own(url, inside)
    scheme, *chain = url.split("::")
    scheme = scheme.partition("://")[0] + "://"
    names = [name.removeprefix(scheme) for name in names if not name.startswith(skipped)]
    return ["::".join([scheme + name, *chain]) for name in names]


def _remote_names(fs: AbstractFileSystem, path: str) -> list[str]:
    if glob.has_magic(path):
        return list(fs.glob(path))
    if not fs.isdir(path):
        return [path]
    return [name for name in fs.find(path) if "/." not in f"/{name[len(path) :]}"]


def _identify_remote(url: str) -> Input:
    try:
        fs, path = url_to_fs(url)
        info = fs.info(path)
    except Exception as error:
        raise unreadable(url, error) from error
    keys = [key for key in _CHECKSUMS if info.get(key)] or [key for key in _TIMES if info.get(key)]
    identity = {key: str(info[key]) for key in ["size", *keys] if key in info}
    return Input(url, int(info.get("size") or 0), json.dumps(identity, sort_keys=True))


def _same(url: str, resolved: Callable[[str], str]) -> str:
    """One name for all names of a file. A link is another file: it may be refused."""
    if not is_local(url):
        return url
    folder, _, name = local_path(url).rpartition("/")
    return f"{resolved(folder or os.curdir)}/{name}"


def _why_nothing(url: str) -> str:
    """What is there instead."""
    path = local_path(url)
    if not is_local(url):
        return "matches no file"
    root, pattern = _root(path)
    folder = Path(root) if pattern or Path(path).is_dir() else Path(path).parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    beside = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    if not beside:
        return f"the folder {folder} is empty"
    near = difflib.get_close_matches(Path(path).name, [entry.name for entry in beside], 1)
    if near and not pattern:
        return f"there is no such file; did you mean {near[0]}?"
    return f"matches no file; {folder} holds {_listed(beside)}"


def _listed(entries: Sequence[Path]) -> str:
    """`3 .html, 2 .jsonl.gz, 1 folder`"""
    counts = Counter("folder" if entry.is_dir() else _ending(entry.name) for entry in entries)
    return ", ".join(f"{count} {ending}" for ending, count in sorted(counts.items())[:8])


def _ending(name: str) -> str:
    parts = name.split(".")[1:][-2:]
    return "".join(f".{part}" for part in parts) or "without an ending"
