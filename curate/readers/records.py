"""What readers yield, and how the named values of JSON, Parquet and CSV become a record."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

Column = Literal["text", "html", "url", "id", "title", "author", "published", "site"]
COLUMNS: tuple[Column, ...] = get_args(Column)
"""What a named value can be to us; any other goes to the metadata."""

SAMPLE_BYTES = 1 << 20
"""How much of a page that cannot be read is kept to look at."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_LONE_SURROGATES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_NAMES_SHOWN = 8


class Record(NamedTuple):
    """One page with what came with it. `number` is its position in the file, from 0."""

    number: int
    format: str
    page: bytes
    values: Mapping[str, Any]  # by our names, without text and html
    metadata: Mapping[str, Any]


class Fault(NamedTuple):
    """A record that cannot be used. `size` counts all its bytes, `page` has the first of them."""

    number: int
    reason: str
    detail: str
    page: bytes = b""
    size: int = 0


class Columns:
    """Which column of the input is what, by our names. A name that is not mapped is looked for as it is.

    HTML wins over text, but where only `text` is mapped that is what the user wants. `carried` are the columns that go
    to the metadata; without it, all that are not ours.
    """

    def __init__(self, mapping: Mapping[Column, str], carried: Sequence[str] | None = None) -> None:
        self._names: dict[Column, str] = {name: mapping.get(name, name) for name in COLUMNS}
        self._known = frozenset(self._names.values())
        self._text_only = "text" in mapping and "html" not in mapping
        self._carried = None if carried is None else frozenset(carried)

    def used(self, names: Sequence[str]) -> list[str] | None:
        """Those of a table's columns that are read; None for all, also where there is no page and errors list them."""
        ours = self._known - {self._names["html"]} if self._text_only else self._known
        used = [name for name in names if name in ours or self._is_carried(name)]
        return used if set(self._pages()) & set(used) and not any("." in name for name in names) else None

    def _is_carried(self, column: str) -> bool:
        return column not in self._known if self._carried is None else column in self._carried

    def record(self, number: int, where: str, row: Mapping[str, Any], undecoded: bool = False) -> Record | Fault:
        """The record of a row of named values. `undecoded`: its strings carry undecodable bytes."""
        values: dict[str, Any] = {name: row.get(theirs) for name, theirs in self._names.items()}
        html, text = values.pop("html"), values.pop("text")
        html = None if self._text_only else html
        page = html or (html if text is None else text)
        if not isinstance(page, str | bytes):
            return self._no_page(number, where, row, page)
        metadata = {name: value for name, value in row.items() if value is not None and self._is_carried(name)}
        encoded = page if isinstance(page, bytes) else encode(page, undecoded)
        return Record(number, "html" if html else "text", encoded, values, metadata)

    def _pages(self) -> list[str]:
        return [self._names["text"]] if self._text_only else [self._names["text"], self._names["html"]]

    def _no_page(self, number: int, where: str, row: Mapping[str, Any], page: object) -> Fault:
        wanted = " or ".join(f"`{name}`" for name in self._pages())
        if page is not None:
            return Fault(number, "page is not a string", f"{where}: {wanted} is of type {type(page).__name__}")
        if any(name in row for name in self._pages()):
            return Fault(number, "page is null", f"{where}: {wanted} is null")
        return Fault(number, "missing column", f"{where}: no {wanted} among {_listed(list(row))}")


def encode(text: str, undecoded: bool = False) -> bytes:
    """UTF-8. Bytes that could not be decoded come back as they were, lone surrogates become U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        if undecoded:
            return _LONE_SURROGATES.sub("\ufffd", text).encode("utf-8", "surrogateescape")
        return _SURROGATES.sub("\ufffd", text).encode()


def string(value: Any) -> str | None:
    """A value as the text of a column: stripped, null where empty; lists (of authors) joined by commas."""
    if value is None or value == "":
        return None
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(string, value))) or None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    elif isinstance(value, dict):
        value = dump(value)
    return _SURROGATES.sub("\ufffd", str(value)).strip() or None


def dump(metadata: Mapping[str, Any]) -> str | None:
    """The metadata as a JSON object in the input's order; null where there is none."""
    if not metadata:
        return None
    try:
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False, default=string)
    except (ValueError, TypeError, RecursionError):
        text = json.dumps(_plain(metadata), ensure_ascii=False)
    return _SURROGATES.sub("\ufffd", text)


def _plain(value: Any) -> Any:
    """What JSON has no word for (NaN, keys that are not strings) as what comes closest."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int | None) else string(value)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name[:40]}`" for name in names[:_NAMES_SHOWN])
    return (shown + (", ..." if len(names) > _NAMES_SHOWN else "")) or "no columns at all"
