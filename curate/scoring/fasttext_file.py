"""What a fastText file says of itself, read without fastText.

fastText asks for endless memory where a file is cut short or is something else behind its first bytes, so a file is
walked through from end to end before fastText sees it. Source: `FastText::loadModel` of fastText 0.9.2, whose files
have format version 12 (11 before).
"""

from __future__ import annotations

import struct
from mmap import ACCESS_READ, mmap
from pathlib import Path

_MAGIC, _VERSIONS, _SUPERVISED = 793712314, (11, 12), 3
_ARGUMENTS = "12id"  # dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate; t
_CENTROIDS = 256
_LABEL = 1


def labels(path: Path) -> tuple[str, ...]:
    """The labels of a classifier, without `__label__`. Raises ValueError where it is none, OSError."""
    with path.open("rb") as stream:
        if stream.read(4) != _MAGIC.to_bytes(4, "little"):
            raise ValueError(f"{path}: is no fastText model")
        with mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
            try:
                return _Walk(data).labels()
            except (struct.error, UnicodeDecodeError):
                raise ValueError(f"{path}: is cut short or damaged") from None
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None


class _Walk:
    """From the begin of a file to its end."""

    def __init__(self, data: mmap) -> None:
        self.data = data
        self.at = 0

    def labels(self) -> tuple[str, ...]:
        """The labels, once everything is found to be there."""
        _, version, *arguments = self._take("2i" + _ARGUMENTS)
        if version not in _VERSIONS:
            raise ValueError(f"has format version {version}, not one of {_VERSIONS}")
        if arguments[7] != _SUPERVISED:
            raise ValueError("holds word vectors and is no classifier")
        found = self._dictionary()
        quantised = self._matrix(quantised=self._flag())
        self._matrix(quantised=self._flag() and quantised)
        if self.at != len(self.data):
            raise ValueError("is longer than it says")
        return tuple(name.removeprefix("__label__") for name in found)

    def _dictionary(self) -> list[str]:
        size, _, _, _, pruned = self._take("3i2q")
        found = []
        for _ in range(size):
            end = self.data.find(b"\0", self.at)
            name, self.at = self.data[self.at : end], end + 1
            if end < 0 or self._take("qb")[1] == _LABEL:
                found.append(name.decode())
        self._skip(8 * max(pruned, 0))
        return found

    def _matrix(self, quantised: bool) -> bool:
        if quantised:
            has_norms, rows, _, codes = self._take("?2qi")
            self._skip(codes)
            self._quantiser()
            if has_norms:
                self._skip(rows)
                self._quantiser()
        else:
            rows, columns = self._take("2q")
            self._skip(4 * rows * columns)
        return quantised

    def _quantiser(self) -> None:
        dimensions = self._take("4i")[0]
        self._skip(4 * dimensions * _CENTROIDS)

    def _flag(self) -> bool:
        return bool(self._take("?")[0])

    def _take(self, form: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def _skip(self, size: int) -> None:
        if size < 0 or self.at + size > len(self.data):
            raise struct.error
        self.at += size
