"""Files that hold one page each: flattened text, with an optional header line, and HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from curate.readers import header
from curate.readers.records import Fault, Record
from curate.readers.streams import whole


def read(
    blocks: Iterable[bytes], form: str, limit: int, pattern: re.Pattern[str] | None = None
) -> Iterator[Record | Fault]:
    """The file's one page, as it is but for the header line."""
    page, size = whole(blocks, limit)
    if size > limit:
        yield Fault(0, "too large", f"{size:,} bytes (max_record_bytes {limit:,})", page, size)
        return
    told, body = header.parsed(page, pattern) if pattern else ({}, page)
    yield Record(0, form, body, told, {})
