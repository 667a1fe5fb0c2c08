"""Parquet: rows in batches, so that memory does not grow with the row groups.

Strings go through as bytes, unchecked: what is no UTF-8 is for `normalize` to mend. A row group that cannot be read is
dropped as one, with the rows it says it has; the next one is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.readers.records import Columns, Fault, Record
from curate.readers.streams import Damage

BATCH_ROWS = 100
"""Rows that are in memory at once."""

_FAULTS = (pa.ArrowException, OSError, ValueError, OverflowError)


def read(stream: IO[bytes], columns: Columns, limit: int) -> Iterator[Record | Fault]:
    """The file's rows. A record's number is its row's, from 0. Raises Damage where the bytes are no Parquet."""
    try:
        parquet = pq.ParquetFile(stream)
    except _FAULTS as error:
        raise Damage("not Parquet", f"the name says Parquet, the bytes do not: {error}") from None
    first = 0
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        yield from _group(parquet, group, first, columns, limit)
        first += rows


def _group(parquet: pq.ParquetFile, group: int, first: int, columns: Columns, limit: int) -> Iterator[Record | Fault]:
    number = first
    try:
        used = columns.used(parquet.schema_arrow.names)
        for batch in parquet.iter_batches(BATCH_ROWS, row_groups=[group], columns=used, use_threads=False):
            for row in _rows(batch):
                yield _record(number, row, columns, limit)
                number += 1
    except _FAULTS as error:
        lost = parquet.metadata.row_group(group).num_rows - (number - first)
        yield Fault(number, "corrupt", f"row group {group + 1}, its last {lost:,} rows: {error}")


def _record(number: int, row: Mapping[str, Any] | Exception, columns: Columns, limit: int) -> Record | Fault:
    where = f"row {number + 1}"
    if isinstance(row, Exception):
        return Fault(number, "corrupt", f"{where}: {row}")
    found = columns.record(number, where, row)
    if len(found.page) > limit:
        detail = f"{where}: {len(found.page):,} bytes (max_record_bytes {limit:,})"
        return Fault(number, "too large", detail, found.page)
    return found


def _rows(batch: pa.RecordBatch) -> Iterator[Mapping[str, Any] | Exception]:
    """The rows as Python values; an exception for one that has none, such as a date far from our time."""
    plain = pa.RecordBatch.from_arrays([_plain(column) for column in batch.columns], names=batch.schema.names)
    try:
        yield from plain.to_pylist()
    except _FAULTS:
        for index in range(batch.num_rows):
            try:
                yield from plain.slice(index, 1).to_pylist()
            except _FAULTS as error:
                yield error


def _plain(column: pa.Array) -> pa.Array:
    """Strings as bytes, times as ISO 8601 strings."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.binary())
    if pa.types.is_large_string(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        return pc.cast(column, pa.string())
    return column
