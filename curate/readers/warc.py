"""WARC and WET (ISO 28500): pages as servers sent them, and text that a crawler made of them.

Records are framed here, so that one with a lying length costs no neighbour: a record must be followed by the next or by
the file's end; where it is not, the next one is looked for from where its content begins. FastWARC parses each record
and undoes what HTTP did to its content.

Pages are responses with status 200 and resources, if HTML or plain text, and conversions (WET). Requests, metadata and
the file's own description are no pages and not counted.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO, Any

from fastwarc.stream_io import BrotliReader, GzipReader, ZstdReader
from fastwarc.warc import WarcRecord, WarcRecordType
from resiliparse.parse.encoding import map_encoding_to_html5

from curate.readers.records import SAMPLE_BYTES, Fault, Record
from curate.readers.streams import Damage

MAX_HEADER_BYTES = 1 << 16

MAX_DAMAGE = 1000
"""How often to go on in a damaged file."""

_NEXT = re.compile(rb"\r?\n\r?\n(?=WARC/[01]\.)")
_NEXT_BYTES = 16  # no match of _NEXT, with what it looks ahead to, is longer
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", re.I | re.M)
_FORMATS = {"text/html": "html", "application/xhtml+xml": "html", "text/plain": "text"}
_PAGES = (
    WarcRecordType.response,
    WarcRecordType.resource,
    WarcRecordType.conversion,
    WarcRecordType.revisit,
)
_DECODERS: dict[str, Callable[[IO[bytes]], Any]] = {
    "gzip": GzipReader,
    "x-gzip": GzipReader,
    "deflate": partial(GzipReader, zlib=True),
    "br": BrotliReader,
    "zstd": ZstdReader,
}
"""By the Content-Encoding of HTTP."""
_METADATA = {
    "WARC-Date": "crawled",
    "WARC-Record-ID": "warc_record",
    "WARC-Truncated": "truncated",
    "WARC-Identified-Content-Language": "languages",
}
"""Our names for what goes to the metadata."""


def read(blocks: Iterable[bytes], limit: int) -> Iterator[Record | Fault]:
    """The pages of the file. A record's number is its position among all records of the file, from 0.

    Where a compressed file is damaged it goes on with the next member, which is where a record begins.
    """
    number = place = 0
    for _ in range(MAX_DAMAGE):
        source = _Source(blocks, place)
        while source.at_record():
            where = f"record {number + 1}, byte {source.place:,}"
            framed = source.record(number, where, limit)
            if framed is None:
                break
            found = _page(number, where, framed, limit) if isinstance(framed, bytes) else framed
            if found:
                yield found
            number += 1
        if source.damage is None:
            return
        if source.place > place or number == 0:  # not for a beginning of a member that was none
            yield Fault(number, source.damage.reason, source.damage.detail, source.damage.page)
            number += 1
        place = source.place
    raise Damage("corrupt", f"the file is damaged in {MAX_DAMAGE} places; gave up")


class _Source:
    """The file's bytes from `place` on, as far as they were needed."""

    def __init__(self, blocks: Iterable[bytes], place: int) -> None:
        self.place = place
        self.damage: Damage | None = None
        self._blocks = iter(blocks)
        self._buffer = bytearray()

    def at_record(self) -> bool:
        """Whether there is more than line ends."""
        while self._has(1):
            blank = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
            if not blank:
                return True
            self._take(blank)
        return False

    def record(self, number: int, where: str, limit: int) -> bytes | Fault | None:
        """The next record's header and content; a fault up to the next one; None where damage cut it."""
        header = self._header()
        length = _LENGTH.search(self._buffer, 0, header)
        if not header or not length:
            return self._skipped(Fault(number, "no WARC record", f"{where}: no header with a length"), 1)
        size = int(length[1])
        if size > limit:
            return self._skipped(
                Fault(number, "too large", f"{where}: {size:,} bytes (max_record_bytes {limit:,})"), header
            )
        if self._ends(header + size):
            return self._take(header + size)
        if self.damage and not _NEXT.search(self._buffer, header):
            self.damage.page = self._take(len(self._buffer))
            return None
        detail = f"{where}: says {size:,} bytes, but there is no end of a record"
        return self._skipped(Fault(number, "wrong length", detail), header)

    def _has(self, size: int) -> bool:
        """Whether there are so many bytes."""
        while len(self._buffer) < size:
            try:
                self._buffer += next(self._blocks)
            except StopIteration:
                return False
            except Damage as damage:
                self.damage = damage
                return False
        return True

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        self.place += size
        return taken

    def _header(self) -> int:
        """The length of the record's header with the blank line; 0 where it has none."""
        self._has(MAX_HEADER_BYTES)
        end = _HEADER_END.search(self._buffer, 0, MAX_HEADER_BYTES)
        return end.end() if end and self._buffer.startswith(b"WARC/") else 0

    def _ends(self, size: int) -> bool:
        """Whether a record of so many bytes is followed by the next, or by nothing."""
        if not self._has(size):
            return False
        more = self._has(size + _NEXT_BYTES)
        rest = self._buffer[size : size + _NEXT_BYTES].lstrip(b"\r\n")
        return rest.startswith(b"WARC/") or not (rest or more)

    def _skipped(self, fault: Fault, start: int) -> Fault:
        """Take all up to the next record, which is looked for from `start`, into the fault."""
        sample, size = b"", 0
        for passed in self._passed(start):
            sample += passed[: SAMPLE_BYTES - len(sample)]
            size += len(passed)
        return fault._replace(page=sample, size=size)

    def _passed(self, start: int) -> Iterator[bytes]:
        while not (found := _NEXT.search(self._buffer, start)):
            spare = max(0, len(self._buffer) - _NEXT_BYTES)
            yield self._take(spare)
            start = max(0, start - spare)
            if not self._has(len(self._buffer) + 1):
                yield self._take(len(self._buffer))
                return
        yield self._take(found.end())


def _page(number: int, where: str, framed: bytes, limit: int) -> Record | Fault | None:
    """The page of a record; None where the record is of a type that has none."""
    try:
        record = _parsed(framed)
    except OSError as error:
        return Fault(number, "no WARC record", f"{where}: {error}", framed)
    if record.record_type not in _PAGES:
        return None
    if verdict := _no_page(record):
        reason, detail = verdict
        return Fault(number, reason, f"{where}: {detail}", framed)
    page = _decoded(record, limit)
    if len(page) > limit:
        return Fault(number, "too large", f"{where}: more than {limit:,} bytes when decoded", framed)
    form, charset = _format(record), record.http_charset
    if form is None:
        return Fault(number, "no HTML or text", f"{where}: {_type(record) or 'no content type'}", framed)
    return Record(number, form, _utf8(page, charset) if charset else page, _values(record), _metadata(record))


def _parsed(framed: bytes) -> WarcRecord:
    """The record, its HTTP content put together where it came in chunks."""
    record = WarcRecord.from_bytes(framed)
    try:
        record.parse_http(auto_decode="transfer")
    except OSError:
        record = WarcRecord.from_bytes(framed)
        record.parse_http(auto_decode="none")
    return record


def _decoded(record: WarcRecord, limit: int) -> bytes:
    """The content, decompressed up to a byte above the limit; as it is where it is not as its header says."""
    content = record.reader.read()
    encoding = record.http_headers.get("Content-Encoding") if record.is_http else None
    decoder = _DECODERS.get((encoding or "").strip().lower())
    try:
        return decoder(io.BytesIO(content)).read(limit + 1) if decoder else content
    except OSError:
        return content


def _no_page(record: WarcRecord) -> tuple[str, str] | None:
    """Why a record of a page's type has no page: reason and detail."""
    if record.record_type == WarcRecordType.revisit:
        return "revisit without content", "the page is in an earlier crawl"
    if record.is_http and record.record_type == WarcRecordType.response:
        status = record.http_headers.status_code
        if status is None:
            return "broken HTTP", "no status line"
        if status != 200:
            return "HTTP status", str(status)
    return None


def _type(record: WarcRecord) -> str:
    kind = record.http_content_type if record.is_http else record.headers.get("Content-Type")
    return (kind or "").partition(";")[0].strip().lower()


def _format(record: WarcRecord) -> str | None:
    return _FORMATS.get(_type(record))


def _values(record: WarcRecord) -> dict[str, Any]:
    url = record.headers.get("WARC-Target-URI")
    return {"url": url.strip("<>") if url else None}


def _metadata(record: WarcRecord) -> dict[str, Any]:
    told = {ours: record.headers.get(theirs) for theirs, ours in _METADATA.items()}
    return {name: value for name, value in told.items() if value is not None}


def _utf8(page: bytes, charset: str) -> bytes:
    """The page in UTF-8 where it is in the encoding that HTTP names; as it is where it is UTF-8 already, or neither."""
    encoding = map_encoding_to_html5(charset.strip("\"' "), False)
    if encoding is None or page.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return page
    try:
        page.decode()
    except UnicodeDecodeError:
        try:
            return page.decode(encoding).encode()
        except UnicodeError:
            pass
    return page
