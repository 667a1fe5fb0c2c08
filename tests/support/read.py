"""What the tests of `read` share: run the stage on paths, and write WARC records by hand."""

from __future__ import annotations

from typing import Any

import polars as pl

from curate.document import DECISION, READ_SCHEMA
from curate.stages import read
from curate.tasks import END


def run(*paths: str, **settings: Any) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    """(kept, dropped, statistics summed over tasks); checks that the statistics and the rows agree."""
    config = read.Config(paths=list(paths), **settings)
    return run_groups(read.discover(config), config)


def run_groups(groups: list[list[Any]], config: read.Config) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    parts = {"kept": [pl.DataFrame(schema=READ_SCHEMA)], "dropped": [pl.DataFrame(schema={**READ_SCHEMA, **DECISION})]}
    total: dict[str, Any] = {"reasons": {}}
    for group in groups:
        stats = _collect(read.read_files(group, config), parts)
        assert stats.pop("shards")
        for reason, count in stats.pop("reasons").items():
            total["reasons"][reason] = total["reasons"].get(reason, 0) + count
        for name, value in stats.items():
            total[name] = total.get(name, 0) + value
    kept, dropped = pl.concat(parts["kept"]), pl.concat(parts["dropped"])
    assert total["documents_kept"] == kept.height
    assert total["documents_dropped"] == dropped.height == sum(total["reasons"].values())
    assert total["documents_in"] == kept.height + dropped.height
    assert total["chars_in"] == total["chars_kept"] + total["chars_dropped"]
    assert total["chars_kept"] == kept["page"].bin.size().sum()
    return kept, dropped, total


def _collect(rows: Any, parts: dict[str, list[pl.DataFrame]]) -> dict[str, Any]:
    while True:
        try:
            part, frame = next(rows)
        except StopIteration as end:
            return dict(end.value)
        assert frame.height <= 500
        if frame is not END:
            parts[part.partition("-")[0]].append(frame)


def warc_record(
    kind: str,
    body: bytes,
    *,
    url: str = "http://a.example/",
    http: str | None = None,
    status: str = "200 OK",
    more: str = "",
    content_type: str = "application/http; msgtype=response",
    length: int | None = None,
) -> bytes:
    """A WARC record; with `http` (a content type) the body comes in an HTTP response. `length` is a lie."""
    if http:
        body = f"HTTP/1.1 {status}\r\nContent-Type: {http}\r\n{more}\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2020-01-01T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:0>\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"
