"""Read: from the files that the config names to documents, each with an id, a source and what metadata came with it.

Why so careful: what cannot be read is where crawls lose documents without a word. Each record becomes a document or a
dropped row with file, record number and reason, and one bad record does not cost its neighbours. The readers are in
curate/readers, a module a family of formats; here are the config, the tasks and the batches.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Annotated, Any, Literal, cast

import polars as pl
from pydantic import AfterValidator, Field

from curate.document import DECISION, READ_SCHEMA
from curate.errors import InputError
from curate.readers import delimited, header, inputs, jsonl, pages, parquet, warc
from curate.readers.records import SAMPLE_BYTES, Column, Columns, Fault, Record, dump, string
from curate.readers.streams import CODECS, Codec, Damage, Readable, blocks, opened, spooled
from curate.readers.urls import CONTROL, endings, is_http, normal_url, source, stable_id
from curate.section import Count, Section
from curate.suspects import DETAIL, KILLED, watching
from curate.tasks import BATCH_ROWS, END, Done, File, Json, Rows, total

VERSION = 5

BATCH_BYTES = 32_000_000
"""Bytes of pages a batch: a batch is full with this or BATCH_ROWS, whichever comes first."""

GROUP_BYTES = 8_000_000
GROUP_FILES = 500
"""What a task reads: as many small files, or one large one."""

MAX_ID_BYTES = 200
"""A longer id that the input gives is not used; another one is made, and the given one goes to the metadata."""

MAX_SITE_CHARS = 200
"""What is longer names no site."""

Format = Literal["text", "html", "jsonl", "parquet", "csv", "warc", "wet"]

ENDINGS: dict[str, Format] = {
    ".txt": "text",
    ".text": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".warc": "warc",
    ".wet": "wet",
}

_PACKED = frozenset({".7z", ".br", ".lz4", ".lzma", ".rar", ".tar", ".tgz", ".xz", ".z", ".zip"})


def _header(template: str) -> str:
    header.compiled(template)
    return template


class Config(Section):
    """What to read."""

    paths: list[Annotated[str, Field(min_length=1)]] = Field(
        min_length=1,
        description="Files, folders, patterns (`data/**/*.jsonl.gz`) and URLs of any kind that fsspec knows.",
    )
    format: Literal["auto", Format] = Field(
        "auto",
        description="How the files are read. `auto`: by the ending of their names, before `.gz`, `.zst` or `.bz2`.",
    )
    columns: dict[Column, str] = Field(
        {},
        description="For JSON lines, Parquet and CSV: which column is what, where it has another name, as in "
        "`text: body`. All others go to the metadata. HTML is read rather than text, unless only `text` is given here.",
    )
    metadata: list[str] | None = Field(
        None, description="Columns that documents carry along in `metadata`. Where not given, all that are left."
    )
    header: Annotated[str, AfterValidator(_header)] | None = Field(
        None,
        description="First line of flattened pages that carry one, as in `date {published} {site}`. Fields are url, "
        "id, title, author, published and site. A page without the line is read as it is.",
    )
    max_record_bytes: Count = Field(
        32_000_000, description="Records larger than this, decompressed, are dropped without being held in memory."
    )
    shard_mb: int = Field(
        16,
        ge=1,
        le=4096,
        description="MB of pages that are one task of the stages after this: a large file becomes several. 64 and more "
        "for terabytes.",
    )
    max_ratio: Annotated[float, Field(gt=1)] = Field(
        500, description="Reading of a compressed file ends where it has expanded more than this many times."
    )


def discover(config: Config, skip: Sequence[str] = ()) -> list[list[File]]:
    """The input files in groups, one a task: small files together, large ones alone, sorted by name.

    The folders `skip`, where curate writes, are not entered. Raises InputError where a path lies in one, means no file,
    or none that can be read.
    """
    found = inputs.find(config.paths, skip)
    sizes = [file.size if format_of(file.url, config) else None for file in found]  # None: its bytes are not read
    if set(sizes) == {None}:
        more = f" (and {len(found) - 1:,} other files)" if len(found) > 1 else ""
        raise InputError(f"read.paths: {source(found[0].url)}{more}: {_unknown(found[0].url)}")
    groups: list[list[File]] = []
    held = 0
    for file, size in zip(found, sizes, strict=True):
        if not groups or held + (size or 0) > GROUP_BYTES or len(groups[-1]) == GROUP_FILES:
            groups.append([])
            held = 0
        groups[-1].append(File(file.url, _digest(file)))
        held += size or 0
    return groups


def read_files(files: Sequence[File], config: Config) -> Rows:
    """Task: all records of the files as batches of documents, `kept` or `dropped`; in the second shard `kept-00001`.

    Returns the statistics, and those of each shard.

    Raises InputError where a file is not, or not any more, what `discover` saw.
    """
    shard, told = _Shard(0), []
    for file in files:
        for item in _items(file, config):
            if shard.size >= config.shard_mb * 1_000_000:
                yield from shard.rest()
                told.append(shard.statistics())
                shard = _Shard(len(told))
            batch = shard.add(source(file.url), item)
            if batch.is_full():
                yield batch.taken()
    yield from shard.rest()
    told.append(shard.statistics())
    return {**total(told), "shards": told}


def shards(done: Done) -> list[Done]:
    """What a task has read, a shard each: as many tasks of the stages that follow."""
    parts = [(_part("kept", i), _part("dropped", i)) for i in range(len(done.stats["shards"]))]
    return [
        Done(done.key, {"kept": done.files[kept], "dropped": done.files[dropped]}, stats)
        for (kept, dropped), stats in zip(parts, done.stats["shards"], strict=True)
    ]


def _part(name: str, shard: int) -> str:
    return f"{name}-{shard:05}" if shard else name


class _Shard:
    """What becomes one shard: its kept and dropped rows, and why."""

    def __init__(self, number: int) -> None:
        self.kept = _Batch(_part("kept", number), READ_SCHEMA)
        self.dropped = _Batch(_part("dropped", number), {**READ_SCHEMA, **DECISION})
        self.reasons: Counter[str] = Counter()

    @property
    def size(self) -> int:
        return self.kept.size + self.dropped.size

    def add(self, source: str, item: Record | Fault) -> _Batch:
        """Take a record or a fault of a file; the batch that it went to."""
        if isinstance(item, Record):
            self.kept.add(_row(source, item), len(item.page))
            return self.kept
        self.dropped.add(_dropped_row(source, item), item.size)
        self.reasons[item.reason] += 1
        return self.dropped

    def rest(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """The rows not yet taken; a shard has both files, be one of them empty. A large file has thousands of them."""
        for batch in (self.kept, self.dropped):
            if batch.rows or not batch.count:
                yield batch.taken()
            yield batch.part, END

    def statistics(self) -> Json:
        """In = kept + dropped, in documents and bytes."""
        kept, dropped = self.kept, self.dropped
        return {
            "documents_in": kept.count + dropped.count,
            "documents_kept": kept.count,
            "documents_dropped": dropped.count,
            "chars_in": kept.size + dropped.size,
            "chars_kept": kept.size,
            "chars_dropped": dropped.size,
            "reasons": dict(sorted(self.reasons.items())),
        }


@dataclass
class _Batch:
    """Rows on their way to one output file, and how many went before."""

    part: str
    schema: dict[str, pl.DataType]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    held: int = 0  # bytes of the pages in rows
    count: int = 0
    size: int = 0

    def add(self, row: tuple[Any, ...], size: int) -> None:
        self.rows.append(row)
        self.held += len(row[_PAGE])
        self.count += 1
        self.size += size

    def is_full(self) -> bool:
        return len(self.rows) >= BATCH_ROWS or self.held >= BATCH_BYTES

    def taken(self) -> tuple[str, pl.DataFrame]:
        columns = map(list, zip(*self.rows, strict=True)) if self.rows else ([] for _ in self.schema)
        frame = pl.DataFrame(dict(zip(self.schema, columns, strict=True)), schema=self.schema)
        self.rows, self.held = [], 0
        return self.part, frame


_PAGE = list(READ_SCHEMA).index("page")


def _items(file: File, config: Config) -> Iterator[Record | Fault]:
    """The records and faults of a file. Faults come with their size, and with no more of the page than is kept."""
    number = 0
    refusal = _checked(file, config).refusal
    try:
        if refusal:
            raise Damage("not read", refusal)
        _note(file, number)
        for item in _read(file.url, config):
            yield item if isinstance(item, Record) else _bounded(item)
            number = item.number + 1
            _note(file, number)
    except Damage as damage:
        yield _bounded(Fault(number, damage.reason, damage.detail, damage.page))
    _checked(file, config)


def _note(file: File, number: int) -> None:
    """After a worker died here, note what is read next. Raises Damage where that is what kills: there the file ends."""
    suspects, place = watching(), f"{source(file.url)}, record {number}"
    if suspects and suspects.is_killer(place):
        raise Damage(KILLED, f"{DETAIL}; what stands after it is not read")
    if suspects:
        suspects.note(place)


def _bounded(fault: Fault) -> Fault:
    return fault._replace(page=fault.page[:SAMPLE_BYTES], size=fault.size or len(fault.page))


def _checked(file: File, config: Config) -> inputs.Input:
    """The file as `discover` saw it. Raises InputError where it is another now."""
    found = inputs.identify(file.url, config.paths)
    if _digest(found) != file.sha256:
        raise InputError(f"{source(file.url)}: changed since this run began; run again when it is complete")
    return found


def _read(url: str, config: Config) -> Iterator[Record | Fault]:
    """The file's records by its format. Raises Damage where there are no more to be had, InputError."""
    form, codec = format_of(url, config), _codec(url)
    if form is None:
        raise Damage("unknown format", _unknown(url))
    with opened(url) as stream:
        if form == "parquet":
            yield from _parquet(stream, url, config)
        else:
            yield from _records(blocks(stream, url, codec, config.max_ratio), form, config)


def _records(parts: Iterable[bytes], form: Format, config: Config) -> Iterator[Record | Fault]:
    limit = config.max_record_bytes
    if form in ("warc", "wet"):
        return warc.read(parts, limit)
    if form == "jsonl":
        return jsonl.read(parts, Columns(config.columns, config.metadata), limit)
    if form == "csv":
        return delimited.read(parts, Columns(config.columns, config.metadata), limit)
    template = header.compiled(config.header) if config.header and form == "text" else None
    return pages.read(parts, form, limit, template)


def _parquet(stream: IO[bytes], url: str, config: Config) -> Iterator[Record | Fault]:
    """Parquet is read from its end: a stream that only goes forward is copied to a temporary file first."""
    if _codec(url):
        raise Damage("compressed Parquet", "Parquet compresses by itself; unpack this file")
    columns, limit = Columns(config.columns, config.metadata), config.max_record_bytes
    if is_http(url):
        with tempfile.TemporaryFile() as copy:
            yield from parquet.read(spooled(stream, url, copy), columns, limit)
    else:
        yield from parquet.read(cast(IO[bytes], Readable(stream, url)), columns, limit)


def _codec(url: str) -> Codec | None:
    return CODECS.get("".join(endings(url)[-1:]))


def format_of(url: str, config: Config) -> Format | None:
    """How a file is read; None where its ending tells nothing."""
    if config.format != "auto":
        return config.format
    packed = _codec(url) is not None
    return ENDINGS.get("".join(endings(url)[-2:-1] if packed else endings(url)[-1:]))


def _unknown(url: str) -> str:
    """What to do about a file of no known format."""
    found = endings(url)
    if packed := next((ending for ending in found[-2:] if ending in _PACKED), None):
        return f"{packed} is not unpacked here; unpack it, or pack it as {', '.join(CODECS)}"
    why = f"no format is known by the ending {source(found[-1])}" if found else "the name has no ending"
    return f"{why}; set read.format"


def _digest(found: inputs.Input) -> str:
    return hashlib.sha256(f"{found.url}\n{found.identity}".encode("utf-8", "surrogateescape")).hexdigest()


def _row(source: str, record: Record) -> tuple[Any, ...]:
    """A document, in the order of READ_SCHEMA."""
    values = {name: string(value) for name, value in record.values.items()}
    url, given = normal_url(values.get("url")), values.get("id")
    refused = {"id": given} if given and not _is_id(given) else {}
    return (
        given if given and not refused else stable_id(source, record.number, url),
        url,
        _site(_host(url) or _named(values.get("site"))),
        source,
        record.number,
        record.format,
        _one_line(values.get("title")),
        _one_line(values.get("author")),
        _one_line(values.get("published")),
        dump({**refused, **record.metadata}),
        record.page,
    )


def _dropped_row(source: str, fault: Fault) -> tuple[Any, ...]:
    """A dropped row, in the order of READ_SCHEMA and DECISION."""
    unknown = (None,) * 4
    place = (stable_id(source, fault.number, None), None, None, source, fault.number, "text")
    return (*place, *unknown, fault.page, fault.reason, string(fault.detail))


def _is_id(given: str) -> bool:
    """Whether an id that the input gives is used."""
    return len(given.encode()) <= MAX_ID_BYTES and not CONTROL.search(given)


def _one_line(text: str | None) -> str | None:
    """Without what breaks lines or steers a terminal."""
    return CONTROL.sub(" ", text).strip() or None if text else None


_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?@]*@)?(\[[^\]/]*\]|[^/?:@\s]+)", re.I)


def _host(url: str | None) -> str | None:
    """The host that a URL names, without `www.`, in lower case."""
    found = _HOST.match(url or "")
    return found[1].lower().removeprefix("www.") or None if found else None


def _named(site: str | None) -> str | None:
    """A site as the input names it; a host is treated as in a URL."""
    if site is None or " " in site or "." not in site:
        return site
    return _host(site) or _host(f"http://{site}")


def _site(found: str | None) -> str | None:
    """Null for what is no name."""
    return found if found and len(found) <= MAX_SITE_CHARS and not CONTROL.search(found) else None
