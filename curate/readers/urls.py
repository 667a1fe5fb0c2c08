"""What a name alone tells of a file that is read, where a name without a scheme is a local path, and of a page."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import xxhash

_LOCAL = ("file://", "local://")
_HTTP = ("http://", "https://")
_HUB_DATASET = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
_CREDENTIALS = re.compile(r"://[^/?#\s]*@")
_USERINFO = re.compile(r"^([a-z][a-z0-9+.-]*:)?//[^/?#]*@", re.I)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that break lines or steer a terminal."""


def is_local(url: str) -> bool:
    """Whether the file is on this machine, and no part of an archive."""
    return url.startswith(_LOCAL) or "://" not in url


def is_http(url: str) -> bool:
    """Whether a web server has the file: it can be read from its beginning, and nothing can be listed."""
    return url.startswith(_HTTP)


def local_path(url: str) -> str:
    """The path of a local file, as it was given."""
    for scheme in _LOCAL:
        url = url.removeprefix(scheme)
    return url


def endings(url: str) -> list[str]:
    """The endings of the file's name in lower case, `[".jsonl", ".gz"]`.

    >>> endings("pages/one.jsonl.gz")
    ['.jsonl', '.gz']
    """
    named = url if is_local(url) else next(part for part in url.split("::") if "://" in part)
    path = urlsplit(named).path if is_http(named) else named
    return PurePosixPath(path.lower()).suffixes


def hub_dataset(path: str) -> tuple[str, str | None] | None:
    """Name and revision where a path has the form of a Hub dataset's: `org/name` or `org/name@revision`.

    >>> hub_dataset("org/name@v1.0.0")
    ('org/name', 'v1.0.0')
    """
    if not _HUB_DATASET.fullmatch(path):
        return None
    name, _, revision = path.partition("@")
    return name, revision or None


def source(url: str) -> str:
    """The name for documents and messages: without credentials, and bytes that are no UTF-8 spelled out.

    >>> source("https://user:secret@example.org/a")
    'https://example.org/a'
    """
    return _CREDENTIALS.sub("://", url).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def normal_url(given: str | None) -> str | None:
    """Without user, password, and the fragment, which no server sees.

    >>> normal_url("https://ann:secret@example.org/a#top")
    'https://example.org/a'
    """
    plain = CONTROL.sub("", given).strip() if given else ""
    return _USERINFO.sub(r"\1//", plain).partition("#")[0].strip() or None


def stable_id(source: str, number: int, url: str | None) -> str:
    """32 hex digits, from the URL, else from the place; a place is told from a URL by its line end."""
    return xxhash.xxh3_128_hexdigest((url or f"{source}\n{number}").encode())
