"""The list of removals: ids and URLs of documents to drop, and what is kept of those that were dropped."""

from __future__ import annotations

from collections.abc import Collection

import fsspec
import polars as pl

from curate.readers.urls import normal_url, stable_id
from curate.text import hash64

REMOVED = "removed on request"
"""Reason of a document that the list names, or that is near one."""
EMPTY = pl.DataFrame(schema={"line": pl.String, "url": pl.String})


def tombstones(ids: pl.Series) -> list[str]:
    """What is kept of ids that were removed on request: a hash of each."""
    return [f"{place:016x}" for place in hash64(ids).tolist()]


def lines(url: str) -> pl.DataFrame:
    """The lines of a list of removals: `line`, which may be an id, and `url`, what `read` makes of it as one.

    A line that is `#`, alone or before a blank, is a comment; others may begin with it, since ids do. Raises OSError,
    UnicodeDecodeError.
    """
    with fsspec.open(url, "rt", encoding="utf-8-sig") as stream:
        given = dict.fromkeys(line.strip() for line in stream)
    found = [line for line in given if line and line.split()[0] != "#"]
    return pl.DataFrame({"line": found, "url": [normal_url(line) for line in found]}, EMPTY.schema)


def named(batch: pl.DataFrame, asked: pl.DataFrame) -> pl.Series:
    """Whether each document is on the list, by its id or its URL."""
    by_id, by_url = batch["id"].is_in(asked["line"].implode()), batch["url"].is_in(asked["url"].implode())
    return by_id | by_url.fill_null(False)


def buried(asked: pl.DataFrame, stones: Collection[str]) -> pl.Series:
    """Whether each line of a list names what was removed earlier: by its id, or by the URL that its id is made of."""
    ids = pl.Series([stable_id("", 0, url) for url in asked["url"]], dtype=pl.String)
    hashes = [pl.Series(tombstones(names), dtype=pl.String) for names in (asked["line"], ids)]
    return hashes[0].is_in(list(stones)) | hashes[1].is_in(list(stones))
