"""Bytes to text: the evidence for an encoding, and what is no text."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable

import polars as pl
import pytest

from curate.repair.encoding import declared_encoding, decode_html, decode_text, file_type, plain

WESTERN = "Der Bürgermeister sagte, die Brücke über den Fluß werde im März für den Verkehr geöffnet – „endlich“."
RUSSIAN = "Мэр сообщил, что мост через реку откроют для движения в марте, если позволит погода."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_decodes_western_text(encoding: str) -> None:
    assert decode_text(WESTERN.encode(encoding)) == WESTERN


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "cp1251", "koi8-r"])
def test_decodes_cyrillic_text(encoding: str) -> None:
    assert decode_text(RUSSIAN.encode(encoding)) == RUSSIAN


def test_few_broken_bytes_leave_utf8() -> None:
    page = RUSSIAN.encode()
    assert decode_text(page[:-4] + b"\xff.") == RUSSIAN[:-3] + "\ufffd\ufffd."


def test_one_accented_letter_is_western() -> None:
    assert decode_text(b"Two cups of caf\xe9 noir, please") == "Two cups of café noir, please"


def test_surrogates_are_joined_or_replaced() -> None:
    assert decode_text("party \ud83d\ude00 time".encode("utf-8", "surrogatepass")) == "party 😀 time"
    assert decode_text("one \ud800 alone".encode("utf-8", "surrogatepass")) == "one \ufffd alone"


@pytest.mark.parametrize(
    "page",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)),
        b"%PDF-1.7\n1 0 obj << /Type /Catalog >>",
        gzip.compress(b"text " * 99, mtime=0),
        b"\0" * 100,
        bytes(range(256)) * 20,
        b"\x01\x02\x03\x04" * 50,
    ],
)
def test_binary_is_not_text(page: bytes) -> None:
    assert decode_text(page) is None
    assert decode_html(page) is None


@pytest.mark.parametrize("decode", [decode_text, decode_html])
def test_plain_pages_are_what_decoding_makes_of_them(decode: Callable[[bytes], str | None]) -> None:
    pages = [RUSSIAN.encode(), b"", b"line\r\n\tnext", b"a\x07b", b"GIF89a", codecs.BOM_UTF8 + b"x", b"\x1b$B"]
    texts = plain(pl.Series(pages)).to_list()
    assert texts == [RUSSIAN, "", "line\r\n\tnext", None, None, None, None]
    assert texts[:3] == [decode(page) for page in pages[:3]]
    assert plain(pl.Series([*pages, WESTERN.encode("cp1252")])).null_count() == 8


def test_file_type_names_what_it_is() -> None:
    assert file_type(b"\x89PNG\r\n") == "PNG image"
    assert file_type(b"plain") is None


def test_html_declaration_is_read_after_utf8() -> None:
    russian = b'<meta http-equiv="Content-Type" content="text/html; charset=windows-1251"><p>'
    assert declared_encoding(russian) == "cp1251"
    assert decode_html(russian + "Мост".encode("cp1251")) == russian.decode() + "Мост"
    assert decode_html(russian + "Мост".encode()) == russian.decode() + "Мост"
    assert declared_encoding(b'<?xml version="1.0" encoding="EUC-JP"?>') == "euc_jp"


def test_html_loses_control_characters_but_no_white_space() -> None:
    assert decode_html(b"<p>first\0 line\r\n\tsecond line\x07</p>") == "<p>first line\r\n\tsecond line</p>"
