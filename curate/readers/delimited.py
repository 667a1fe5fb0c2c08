"""CSV and TSV with a header row (RFC 4180), the delimiter taken from the header.

The standard library's parser runs strictly, over lines that are kept until their record is complete: where one cannot
be parsed (a quote that is never closed swallows what follows), its first line is dropped and the rest is read again.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator

from curate.readers.records import Columns, Fault, Record
from curate.readers.streams import Damage, Line, lines

DELIMITERS = ",;\t|"

MAX_REREAD = 4
"""How many times the size limit of a record is read again in a file before the rest of it is given up."""

LINE_BYTES = 150
"""What a line that waits for the end of its record costs in memory beside its bytes. It counts towards the limit."""

_BOM = b"\xef\xbb\xbf"


class _TooLargeError(Exception):
    """The record's lines are larger than a record may be."""


class _Lines:
    """Text lines for the parser."""

    def __init__(self, blocks: Iterable[bytes], limit: int) -> None:
        self._lines = lines(blocks, limit)
        self._waiting: deque[Line] = deque()
        self._record: list[Line] = []
        self._limit = limit
        self._size = self._reread = self._number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self._record.append(line)
        self._size += line.size + LINE_BYTES
        if self._size > self._limit:
            raise _TooLargeError(f"more than {self._limit:,} bytes (max_record_bytes), or a quote that is not closed")
        return line.data.decode("utf-8", "surrogateescape") + "\n"

    def delimiter(self) -> str:
        """The delimiter that the first line has most of. Takes the byte order mark off it."""
        first = next(self._lines, Line(b"", 0))
        first = first._replace(data=first.data.removeprefix(_BOM))
        self._waiting.append(first)
        return max(DELIMITERS, key=lambda mark: first.data.count(mark.encode()))

    def begin(self) -> int:
        """A new record begins; returns the number of its first line, from 1."""
        self._number += len(self._record)
        self._record = []
        self._size = 0
        return self._number + 1

    def raw(self) -> bytes:
        """The record as it stands in the file."""
        return b"\n".join(line.data for line in self._record)

    def retreat(self) -> Line:
        """Use up only the record's first line, and return it. Raises Damage where that was done too often."""
        first, *rest = self._record
        self._reread += self._size - first.size - LINE_BYTES
        if self._reread > MAX_REREAD * self._limit:
            raise Damage("broken CSV", f"line {self._number + 1}: too many quotes that are not closed; gave up")
        self._waiting.extendleft(reversed(rest))
        self._record = [first]
        return first


def read(blocks: Iterable[bytes], columns: Columns, limit: int) -> Iterator[Record | Fault]:
    """The rows below the header that are not blank. A record's number is its row's, from 0."""
    csv.field_size_limit(2**31 - 1)  # the parser's own limit is for all its users; `limit` bounds the record
    source = _Lines(blocks, limit)
    rows = _rows(source)
    _, names = next(rows, (0, []))
    if isinstance(names, Fault):
        yield names._replace(reason="broken header")
        return
    for number, (line, row) in enumerate(rows):
        found = row if isinstance(row, Fault) else _record(f"line {line}", names, row, columns)
        page = found.page or source.raw()
        yield found._replace(number=number, page=page) if isinstance(found, Fault) else found._replace(number=number)


def _record(where: str, names: list[str], row: list[str], columns: Columns) -> Record | Fault:
    if len(row) != len(names):
        detail = f"{where}: {len(row)} fields, the header has {len(names)}"
        return Fault(0, "wrong number of fields", detail)
    return columns.record(0, where, {name: field or None for name, field in zip(names, row, strict=True)}, True)


def _rows(source: _Lines) -> Iterator[tuple[int, list[str] | Fault]]:
    """The rows that are not blank with the number of their first line; a fault for a line that begins no row."""
    delimiter = source.delimiter()
    parser = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        line = source.begin()
        try:
            row: list[str] | Fault = next(parser)
        except StopIteration:
            return
        except (csv.Error, _TooLargeError) as error:
            parser = csv.reader(source, delimiter=delimiter, strict=True)
            row = _fault(line, source.retreat(), error)
        if row:
            yield line, row


def _fault(number: int, line: Line, error: Exception) -> Fault:
    reason = "broken CSV" if isinstance(error, csv.Error) else "too large"
    return Fault(0, reason, f"line {number}: {error}", line.data, line.size)
