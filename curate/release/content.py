"""content_sha256: the name of what a release holds, whatever wrote it, in whatever order, files and columns.

It is the sum modulo 2^256 of sha256(split NUL id NUL text) over all documents, as 64 hex digits. A sum needs no order
and no memory, so parts are summed where they lie, and a reader can sum a stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import polars as pl


def content_sum(documents: pl.DataFrame) -> str:
    """Of a batch with the columns `split`, `id` and `text`."""
    rows = documents.select("split", "id", "text").iter_rows()
    return _hex(int.from_bytes(hashlib.sha256("\0".join(row).encode()).digest()) for row in rows)


def content_sha256(sums: Iterable[str]) -> str:
    """The sum of the sums of all parts."""
    return _hex(int(part, 16) for part in sums)


def _hex(numbers: Iterable[int]) -> str:
    return f"{sum(numbers) % 2**256:064x}"
