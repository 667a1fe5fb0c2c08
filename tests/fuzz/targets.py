"""What is given bytes of any kind: each target checks what must hold for them, and raises where it does not."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Callable
from itertools import pairwise

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from curate import config, text
from curate.errors import ConfigError, ReleaseError
from curate.metadata import dates, markup
from curate.neardup.in_memory import cluster
from curate.passages import compare
from curate.privacy.find import find, mask
from curate.readers import delimited, header, jsonl, pages, parquet, warc
from curate.readers.records import Columns, Fault, Record
from curate.readers.streams import CODECS, Damage, blocks
from curate.readers.urls import normal_url
from curate.release import manifest
from curate.release.wording import cell
from curate.repair import normalize_text
from curate.repair.encoding import decode_html, decode_text
from curate.stages.boilerplate import clean, extract
from curate.stages.language import detect
from tests.support.read import warc_record

LIMIT = 1000
"""Bytes of a record, so that small inputs reach it."""
RATIO = 100
"""How many times its size a compressed input may expand."""


def _drain(items) -> list[Record | Fault]:
    """All that a reader yields: numbers ascend, a fault has its reason and detail, a page is no larger than allowed."""
    found: list[Record | Fault] = []
    try:
        found.extend(items)
    except Damage as damage:
        assert damage.reason and damage.detail
    assert all(one.number <= other.number for one, other in pairwise(found))
    for item in found:
        if isinstance(item, Record):
            assert item.format in ("text", "html") and len(item.page) <= 3 * LIMIT
        else:
            assert item.reason and item.detail
    return found


def _blocks(data: bytes, ending: str = ""):
    return blocks(io.BytesIO(data), "fuzz", CODECS.get(ending), RATIO)


def read_jsonl(data: bytes) -> None:
    _drain(jsonl.read(_blocks(data), Columns({}), LIMIT))


def read_csv(data: bytes) -> None:
    _drain(delimited.read(_blocks(data), Columns({}), LIMIT))


def read_warc(data: bytes) -> None:
    _drain(warc.read(_blocks(data), LIMIT))


def read_parquet(data: bytes) -> None:
    _drain(parquet.read(io.BytesIO(data), Columns({}), LIMIT))


def read_page(data: bytes) -> None:
    assert len(_drain(pages.read(_blocks(data), "text", LIMIT, header.compiled("{title} - {published}")))) <= 1


def read_compressed(data: bytes) -> None:
    for ending in CODECS:
        _drain(jsonl.read(_blocks(data, ending), Columns({}), LIMIT))
        _drain(warc.read(_blocks(data, ending), LIMIT))


def parse_config(data: bytes) -> None:
    try:
        config.parse(data.decode("utf-8", "replace"))
    except ConfigError as error:
        assert all(line.count(":") >= 3 for line in str(error).splitlines() if line.startswith("config:"))


def parse_manifest(data: bytes) -> None:
    try:
        made = manifest.parse(data, "fuzz")
    except ReleaseError as error:
        assert str(error).startswith("fuzz: ")
        return
    for _, file in manifest.shards("folder", made.files):
        assert ".." not in file.url.split("/")


def fill_card(data: bytes) -> None:
    """No mark of Markdown or HTML is left without a backslash, so a page's words are words."""
    for given in _texts(data):
        marks = re.sub(r"\\[\\`*_{}\[\]()#!|~$]|&(amp|lt|gt);", "", cell(given))
        assert not set(marks) & set("\\`*_{}[]()#!|~$&<>\n\x1b\u202e")


def tokenize(data: bytes) -> None:
    given = _texts(data)
    found = text.tokens(given)
    assert len(found.starts) == len(found.ends) == found.offsets[-1] and (found.starts < found.ends).all()
    shouted = text.tokens([one.upper() for one in given if one.isascii()])
    same = text.tokens([one for one in given if one.isascii()])
    assert len(shouted.starts) == len(same.starts)


def repair(data: bytes) -> None:
    for decoded in (decode_text(data), decode_html(data)):
        [once] = normalize_text([decoded or ""])
        once.encode()  # no lone surrogate is left


def clean_text(data: bytes) -> None:
    given = _texts(data)
    for bodies in (clean(given), clean(given, sites=["site"] * len(given))):
        assert len(bodies) == len(given)
        assert all(set(body.split()) <= set(page.split()) for body, page in zip(bodies, given, strict=True))


def extract_html(data: bytes) -> None:
    assert len(extract([data, b""])) == 2
    markup.read(data.decode("utf-8", "replace"))


def find_copies(data: bytes) -> None:
    labels = cluster(_texts(data))
    assert all(labels[label] == label for label in labels)


def find_private(data: bytes) -> None:
    given = _texts(data)
    found = find(given)
    assert all(0 <= one.start < one.end <= len(given[one.text].encode()) for one in found)
    mask(given, found)


def describe(data: bytes) -> None:
    given = _texts(data)
    frame = pl.DataFrame({"text": given}, schema={"text": pl.String})
    frame.select(dates.find(pl.col("text")))
    assert len(detect(given)) == len(given)
    assert all(0 <= score <= 1 for _, score in detect(given))
    for one in given:
        normal_url(one)
    compared = compare(given[0], given[-1])
    assert "".join(passage.first for passage in compared) == given[0]
    assert "".join(passage.second for passage in compared) == given[-1]


def _texts(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").split("\0")


def _parquet(**columns: list[object]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


_PAGE = "Home | News\n\nThe ferry to the islands leaves at noon, the harbour office said on Monday.\n\n© 2024 Echo"
_HTML = f"<html><head><title>Ferry</title></head><body><nav>Home</nav><p>{_PAGE}</p></body></html>".encode()
_WARC = warc_record("response", _HTML, http="text/html") + warc_record(
    "conversion", b"A page.", content_type="text/plain"
)
_CONFIG = b"name: news\nversion: 0.1.0\nread: {paths: [pages]}\ndedup: {threshold: 0.6}\nsplit: {test: 0.1}\n"

TARGETS: dict[str, tuple[Callable[[bytes], None], list[bytes]]] = {
    "jsonl": (
        read_jsonl,
        [b'{"text": "A page.", "url": "https://a.example/1"}\n{"html": "<p>"}\n', b'[1, {"a": null}]'],
    ),
    "csv": (read_csv, [b'text,url\n"A page, cut","https://a.example"\nx,y\n', b"text\thtml\n\x00\t<p>\n"]),
    "warc": (read_warc, [_WARC, b"WARC/1.0\r\nContent-Length: 99\r\n\r\nshort"]),
    "parquet": (read_parquet, [_parquet(text=["A page.", None], url=["https://a.example", ""]), _parquet(x=[1, 2])]),
    "page": (read_page, [_PAGE.encode(), b"Ferry - 2024-03-12\n" + _PAGE.encode()]),
    "compressed": (read_compressed, [gzip.compress(b'{"text": "A"}\n', mtime=0), gzip.compress(_WARC, mtime=0)]),
    "config": (parse_config, [_CONFIG, b"name: &a [*a]\n", b"a: {b: [1, 2"]),
    "manifest": (parse_manifest, [json.dumps({"format": 1, "name": "news", "version": "1.0.0", "files": []}).encode()]),
    "card": (fill_card, [b"[x](https://a.example) | `y` <b>&lt;\n# z", "\u202eGNP.exe\x1b[31m".encode()]),
    "text": (tokenize, [_PAGE.encode(), "Ἀθῆναι 東京 ไทย ﬁ".encode()]),
    "repair": (repair, ["the cafÃ© on the cor-\nner".encode(), "caf\xe9".encode("latin-1"), b"\xff\xfeh\x00i\x00"]),
    "clean": (clean_text, [_PAGE.encode(), _PAGE.encode() + b"\0" + _PAGE.encode()]),
    "extract": (extract_html, [_HTML, b"<table><tr><td><b><p></table>" * 3]),
    "copies": (find_copies, [b"\0".join([_PAGE.encode()] * 3), "東京は雨です。\0東京は雨です。".encode()]),
    "private": (
        find_private,
        [b"ann@example.org, 8.8.8.8, 4111 1111 1111 1111, GB82 WEST 1234 5698 7654 32, +44 20 7946 0958"],
    ),
    "describe": (describe, [b"Published 12 March 2024\0Published on 2024-03-12", _PAGE.encode()]),
}
"""By name, the function and inputs to begin with."""
