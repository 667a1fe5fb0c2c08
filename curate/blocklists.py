"""Lists of sites, pages and words that documents are dropped for, a plain text file of one entry a line each.

The layout is that of the blacklists of the University of Toulouse (UT1): a folder with the files `domains` and `urls`,
or a file of such lines. `example.com` blocks the site and those below it, not `badexample.com`; `example.com/ads`
blocks what lies below that path. Lines that begin with `#` are comments.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from curate import text
from curate.document import drop
from curate.neardup.arrays import Ragged, is_in
from curate.neardup.shingles import MAX_SHINGLE, shingles, slices
from curate.section import Count, Section
from curate.text import Hashes, Positions, hash64

_FILES = ("domains", "urls")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://|^//", re.I)
_HOST = re.compile(r"[^\s/*?#]+\.[^\s/*?#.]+")


class Blocklist(Section):
    """What documents are dropped for, whatever their text is like."""

    sites: tuple[str, ...] = Field((), description="Files, or folders as UT1's, of sites and pages, one a line.")
    words: tuple[str, ...] = Field((), description="Files of words and phrases, one a line.")
    min_count: Count = Field(1, description="Fewest of these words in a document that is dropped. C4: 1.")
    sha256: str = Field("", description="Of the lists' content; computed.")

    @model_validator(mode="before")
    @classmethod
    def _checked(cls, given: Any) -> Any:
        """A build depends on what is in the lists, so their checksum is part of the config."""
        if not isinstance(given, dict):
            return given
        digest = hashlib.sha256()
        for key, load in (("sites", blocked_sites), ("words", blocked_words)):
            for path in given.get(key) or ():
                try:
                    load(str(path))
                    for file in _files(Path(path)):
                        digest.update(file.read_bytes())
                except (OSError, UnicodeDecodeError) as error:
                    raise ValueError(f"{key}: {path}: {getattr(error, 'strerror', None) or error}") from None
        return {**given, "sha256": digest.hexdigest()}


def drop_blocked(batch: pl.DataFrame, lists: Blocklist) -> pl.DataFrame:
    """Drop the documents of blocked sites and pages, and those with blocked words."""
    if lists.sites and "url" in batch.columns:
        blocked = [_blocking(url, site, lists.sites) for url, site in batch.select("url", "site").iter_rows()]
        entry = pl.lit(pl.Series(blocked, dtype=pl.String))
        batch = drop(batch, entry.is_not_null(), "blocked site", entry)
    if lists.words:
        found = [_count(batch["text"].to_list(), path) for path in lists.words]
        counts = pl.lit(pl.Series(np.sum(found, axis=0, dtype=np.int64)))
        batch = drop(batch, counts >= lists.min_count, "blocked words", pl.format("{} found", counts))
    return batch


@cache
def blocked_sites(path: str) -> Hashes:
    """The entries of a list, as hashes in ascending order.

    Raises OSError; ValueError, with the line, for an entry that blocks everything or a whole top-level domain.
    """
    return np.unique(hash64(pl.Series([_entry(*line) for line in _lines(path)], dtype=pl.String)))


@cache
def blocked_words(path: str) -> dict[int, Hashes]:
    """By number of tokens, the words and phrases of a list, as ascending hashes. Raises OSError, ValueError."""
    every = list(_lines(path))
    found = text.tokens([line for _, line in every])
    counts = found.counts
    for (where, line), count in zip(every, counts.tolist(), strict=True):
        if not 1 <= count <= MAX_SHINGLE:
            raise ValueError(f"{where}: {line!r} has {count} words; an entry has from 1 to {MAX_SHINGLE}")
    tokens = Ragged(found.hashes(), found.offsets)
    sizes = np.unique(counts).tolist()
    return {size: np.unique(shingles(tokens.take(np.flatnonzero(counts == size)), size).values) for size in sizes}


def _blocking(url: str | None, site: str | None, paths: tuple[str, ...]) -> str | None:
    """The entry that blocks a page, the longest there is."""
    names = pl.Series(list(_names(url or site or "")), dtype=pl.String)
    hashes = hash64(names)
    hits = [is_in(hashes, blocked_sites(path)) for path in paths]
    blocked = names.filter(pl.Series(np.logical_or.reduce(hits), dtype=pl.Boolean))
    return blocked[0] if len(blocked) else None


def _names(url: str) -> Iterator[str]:
    """What a list may call a page: its paths from long to short, then its hosts."""
    host, *parts = _plain(url).split("?")[0].split("/")
    labels = host.split(":")[0].split(".")
    hosts = [".".join(labels[i:]) for i in range(len(labels) - 1)]
    for end in range(len(parts), -1, -1):
        yield from ("/".join([name, *parts[:end]]) for name in hosts)


def _plain(name: str) -> str:
    name = _SCHEME.sub("", name.strip()).rstrip("/")
    host, slash, path = name.partition("/")
    return f"{host.lower().removeprefix('www.')}{slash}{path}"


def _entry(where: str, line: str) -> str:
    name = _plain(line).removeprefix("*.").removeprefix(".")
    if not _HOST.fullmatch(name.partition("/")[0]):
        raise ValueError(f"{where}: {line!r} names no site; a whole top-level domain or everything is not blocked")
    return name


def _count(texts: list[str], path: str) -> Positions:
    """How many blocked words and phrases each text has."""
    counts = [np.empty(0, np.int64)]
    for start, end in slices([len(one) for one in texts]):
        found = text.tokens(texts[start:end])
        tokens = Ragged(found.hashes(), found.offsets)
        part = np.zeros(end - start, np.int64)
        for size, entries in blocked_words(path).items():
            grams = shingles(tokens, size)
            hits = is_in(grams.values, entries) & np.repeat(tokens.lengths >= size, grams.lengths)
            part += np.bincount(grams.owners[hits], minlength=end - start)
        counts.append(part)
    return np.concatenate(counts)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = [path / name for name in _FILES if (path / name).is_file()]
    if not found:
        raise ValueError(f"{path}: has no file {' or '.join(_FILES)}")
    return found


def _lines(path: str) -> Iterator[tuple[str, str]]:
    """Place and content of each entry."""
    for file in _files(Path(path)):
        for number, line in enumerate(file.read_text("utf-8-sig").splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                yield f"{file}:{number}", line.strip()
