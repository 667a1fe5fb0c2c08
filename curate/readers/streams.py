"""The bytes of an input file: opened anywhere fsspec reaches, decompressed within limits, cut into lines.

Decompression goes over the members (gzip), frames (zstd) or streams (bz2) of a file, as the tools of each format do,
and takes the input in steps so small that no step can expand to more than some 16 MB, whatever it holds.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol, cast

import fsspec
import zstandard

from curate.errors import InputError
from curate.readers.records import SAMPLE_BYTES
from curate.readers.urls import is_http, is_local, local_path, source

READ_BYTES = 1 << 18
"""How much is read from a file at a time, and about how long a block is."""

RATIO_FREE_BYTES = 1 << 26
"""Below this much output no file is suspected of being a bomb."""


class Damage(Exception):  # noqa: N818 - it is no error of the program, and ends as a dropped row
    """The stream cannot go on. `page` has the beginning of the record that was being read."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.page = reason, detail, b""


class Decoder(Protocol):
    """What the decompressors of the standard library and zstandard have in common. zlib's can be copied, too."""

    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes, /) -> bytes:
        """What comes of some input; empty where more is needed."""
        ...


@dataclass(frozen=True)
class Codec:
    """A compression: its name, how a member begins, a new decoder, and how much input that takes at a time."""

    name: str
    magic: bytes
    decoder: Callable[[], Decoder]
    step: int


CODECS = {
    ".gz": Codec("gzip", b"\x1f\x8b\x08", lambda: cast(Decoder, zlib.decompressobj(wbits=31)), 4096),
    ".zst": Codec(
        "zstd", b"\x28\xb5\x2f\xfd", lambda: cast(Decoder, zstandard.ZstdDecompressor().decompressobj()), 512
    ),
    ".bz2": Codec("bzip2", b"BZh", lambda: cast(Decoder, bz2.BZ2Decompressor()), 512),
}
"""By the ending of a file's name."""

_CORRUPT = (zlib.error, zstandard.ZstdError, OSError, ValueError)


class Line(NamedTuple):
    """A line without its end. Where `size` is over the limit, `data` is only its beginning."""

    data: bytes
    size: int


@contextmanager
def opened(url: str) -> Iterator[IO[bytes]]:
    """The file's bytes, to be read once from the beginning. Raises InputError where it cannot be opened."""
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(_open(url))
        except Exception as error:  # each file system has its own
            raise unreadable(url, error) from error
        yield cast(IO[bytes], stream)


def _open(url: str) -> AbstractContextManager[Any]:
    if is_local(url):
        return Path(local_path(url)).open("rb")
    options = {"block_size": 0} if is_http(url) else {}  # a stream, for servers that know no ranges
    return cast(AbstractContextManager[Any], fsspec.open(url, "rb", **options))


def unreadable(url: str, error: Exception) -> InputError:
    """What to raise where the machine, not the file's content, is at fault."""
    return InputError(f"{source(url)}: cannot be read: {source(str(error)) or type(error).__name__}")


def blocks(stream: IO[bytes], url: str, codec: Codec | None, max_ratio: float) -> Iterable[bytes]:
    """The decompressed bytes in blocks. Raises Damage after the last good byte, InputError where reading fails.

    To iterate again after damage is to go on with the next member of a compressed file that begins after it.
    """
    pieces = _pieces(stream, url)
    return pieces if codec is None else _Inflated(pieces, codec, max_ratio)


def _pieces(stream: IO[bytes], url: str) -> Iterator[bytes]:
    readable = Readable(stream, url)
    while piece := readable.read(READ_BYTES):
        yield piece


def _gathered(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of a useful length; what came before damage comes first."""
    held: list[bytes] = []
    size = 0
    try:
        for part in parts:
            held.append(part)
            size += len(part)
            if size >= READ_BYTES:
                yield b"".join(held)
                held, size = [], 0
    except Damage:
        yield b"".join(held)
        raise
    if held:
        yield b"".join(held)


class _Inflated:
    """Iterates over the decompressed bytes of all members of a file, and watches the ratio."""

    def __init__(self, pieces: Iterable[bytes], codec: Codec, max_ratio: float) -> None:
        self._codec, self._max_ratio = codec, max_ratio
        self._steps: Iterator[bytes] = (
            piece[at : at + codec.step] for piece in pieces for at in range(0, len(piece), codec.step)
        )
        self._decoder: Decoder | None = None
        self._failed = b""  # the input from where the decoder failed on
        self._read = self._made = self._members = 0

    def __iter__(self) -> Iterator[bytes]:
        return _gathered(self._parts())

    def _parts(self) -> Iterator[bytes]:
        yield from self._inflated(self._next_member())
        for data in self._steps:
            self._read += len(data)
            yield from self._inflated(data)
        if self._decoder or not self._read:
            self._decoder = None
            raise Damage("truncated", f"the {self._codec.name} data end early, {self._place()}")

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        while data := data if self._decoder else self._between(data):
            decoder = self._decoder = self._decoder or self._codec.decoder()
            before = decoder.copy() if hasattr(decoder, "copy") else None
            try:
                out = decoder.decompress(data)
            except _CORRUPT as error:
                yield from self._counted(_salvaged(before, data))
                raise self._corrupt(data, error) from None
            data = b""
            if decoder.eof:
                data = decoder.unused_data
                self._decoder = None
                self._members += 1
            yield from self._counted(out)

    def _between(self, data: bytes) -> bytes:
        """Zeros may follow a member: tapes and block devices leave them."""
        return data.lstrip(b"\0") if self._members else data

    def _corrupt(self, data: bytes, error: Exception) -> Damage:
        self._decoder, self._failed = None, data[1:]
        name = self._codec.name
        if not self._made:
            return Damage(f"not {name}", f"the name says {name}, the bytes do not: {error}")
        return Damage("corrupt", f"the {name} data are corrupt ({error}), {self._place()}")

    def _next_member(self) -> bytes:
        """The input from the next beginning of a member on, after the decoder failed."""
        data, self._failed = self._failed, b""
        while data and (at := data.find(self._codec.magic)) < 0:
            more = next(self._steps, b"")
            self._read += len(more)
            data = data[1 - len(self._codec.magic) :] + more if more else b""
        return data[at:] if data else b""

    def _counted(self, out: bytes) -> Iterator[bytes]:
        self._made += len(out)
        if out:
            yield out
        if self._made > RATIO_FREE_BYTES and self._made > self._max_ratio * self._read:
            ratio = self._made // self._read
            self._steps = iter(())
            raise Damage("expands too much", f"expands {ratio} times (max_ratio {self._max_ratio:g}), {self._place()}")

    def _place(self) -> str:
        return f"{self._read:,} bytes into the file, {self._made:,} bytes into what it holds"


class Readable:
    """A stream whose failures to be read are InputErrors, so that no parser takes them for bad data."""

    def __init__(self, stream: IO[bytes], url: str) -> None:
        self._stream, self._url = stream, url

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def read(self, size: int = -1) -> bytes:
        """As of any stream."""
        try:
            return self._stream.read(size)
        except Exception as error:  # each file system has its own
            raise unreadable(self._url, error) from error


def _salvaged(decoder: Any, data: bytes) -> bytes:
    """What a decoder makes of data that it fails on, byte by byte."""
    made: list[bytes] = []
    try:
        for at in range(len(data) if decoder else 0):
            made.append(decoder.decompress(data[at : at + 1]))
    except _CORRUPT:
        pass
    return b"".join(made)


def whole(parts: Iterable[bytes], limit: int) -> tuple[bytes, int]:
    """All bytes of a stream and how many they are; only the beginning where they are more than `limit`."""
    held = _Held(limit)
    try:
        for part in parts:
            held.add(part)
    except Damage as damage:
        damage.page = held.take().data
        raise
    return held.take()


def lines(parts: Iterable[bytes], limit: int) -> Iterator[Line]:
    """The lines of a stream. A line that damage cut goes with the Damage; one over `limit` takes no more memory."""
    held = _Held(limit)
    try:
        for part in parts:
            first, *rest = part.split(b"\n")
            held.add(first)
            if rest:
                yield held.take()
                yield from (Line(line, len(line)) for line in rest[:-1])
                held.add(rest[-1])
    except Damage as damage:
        damage.page = held.take().data
        raise
    if held.size:
        yield held.take()


class _Held:
    """Bytes being gathered, up to a limit; above it only the beginning is held, and all are counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        self.size += len(part)
        if self.size <= self._limit:
            self._parts.append(part)
        elif self.size - len(part) <= self._limit:
            self._parts = [b"".join([*self._parts, part])[:SAMPLE_BYTES]]

    def take(self) -> Line:
        line = Line(b"".join(self._parts), self.size)
        self._parts, self.size = [], 0
        return line


def spooled(stream: IO[bytes], url: str, into: IO[bytes]) -> Any:
    """A copy that can be read from any place, of a stream that cannot."""
    for piece in _pieces(stream, url):
        into.write(piece)
    into.seek(0)
    return into
