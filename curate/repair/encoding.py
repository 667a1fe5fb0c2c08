"""From bytes to text: which encoding a page is in, and whether it is text at all.

The evidence, strongest first: a byte order mark, strict UTF-8, what an HTML page declares, detection by chardet. UTF-8
comes before the declaration: what decodes as UTF-8 and is not ASCII is never anything else in practice, while
declarations are often wrong. A page that is UTF-8 but for a few broken bytes stays UTF-8, with U+FFFD where it broke.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

import chardet
import polars as pl
from resiliparse.parse.encoding import map_encoding_to_html5

MAX_CONTROL = 0.02
"""Share of control bytes above which valid UTF-8 is suspected to be UTF-16 without a mark, or no text at all."""
MAX_STRANGE = 0.1
"""Share of control, unassigned and replacement characters above which decoded bytes are no text."""
MAX_BROKEN = 0.25
"""Broken bytes for each whole multi-byte character up to which a page is damaged UTF-8."""
DETECT_BYTES = 50_000
"""How much of a page decides what its encoding is."""
MAX_TWO_SCRIPTS = 0.1
"""Share of the Greek and Cyrillic letters with a Latin neighbour, above which they are Western accented letters."""
MIN_EAST_ASIAN = 0.9
"""Share of the characters that are East Asian where text is. Swapped or random bytes come to about half."""
SAMPLE = 4_000
"""How many characters decide whether what was decoded is text."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MEANT = {
    "shift_jis": ("shift_jis", "cp932"),
    "cp932": ("shift_jis", "cp932"),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "euc_kr": ("cp949",),
    "big5": ("big5", "cp950", "big5hkscs"),
    "iso8859-1": ("cp1252", "iso8859-1"),
}
_UTF16 = ("utf-16-le", "utf-16-be")
_SURROGATES = re.compile(rb"(?:\xed[\xa0-\xbf][\x80-\xbf])+")
_ERA = chardet.EncodingEra.MODERN_WEB
_EASTERN = re.compile("[\u0370-\u052f]")
_EAST_ASIAN = re.compile("[\n\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]")
_TWO_SCRIPTS = re.compile("[A-Za-z][\u0370-\u052f]|[\u0370-\u052f][A-Za-z]")
_BREAK = re.compile("[ \n]")
_FILES = {
    b"\x89PNG": "PNG image",
    b"\xff\xd8\xff": "JPEG image",
    b"GIF8": "GIF image",
    b"RIFF": "RIFF media",
    b"%PDF-": "PDF",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7-Zip",
    b"PK\x03\x04": "ZIP",
    b"\x7fELF": "ELF program",
    b"PAR1": "Parquet",
    b"\xd0\xcf\x11\xe0": "Office file",
    b"OggS": "Ogg media",
    b"ID3": "MP3",
    b"wOF": "font",
}
_BEGINNINGS = (*_FILES, *(mark for mark, _ in _MARKS))
_CONTROL = bytes(set(range(32)) - set(b"\t\n\f\r\x1b")) + b"\x7f"
_DECLARED = re.compile(
    rb"""(?:<meta[^>]{0,200}?charset|<\?xml[^>]{0,100}?encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE
)
_HTML_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_CONTROL_BYTES = _CONTROL + b"\x1b"  # without these bytes no encoding of the web makes such characters
_REPLACEMENT = "\ufffd"
_STRANGE = ("Cc", "Cn", "Co")


def plain(pages: pl.Series) -> pl.Series:
    """The texts of pages that are their bytes read as UTF-8, as of almost all; null where a page must be looked at."""
    try:
        texts = pages.cast(pl.String)
    except pl.exceptions.ComputeError:  # one of them is no UTF-8
        return pl.repeat(None, len(pages), dtype=pl.String, eager=True)
    special = [i for i, page in enumerate(pages) if page.startswith(_BEGINNINGS) or _has_controls(page)]
    return texts.scatter(special, None) if special else texts


def decode_text(page: bytes) -> str | None:
    """The text of a page of flattened text; None where the bytes are no text.

    >>> decode_text("café".encode("latin-1"))
    'café'
    """
    return None if file_type(page) else _decode(page, declared=None)


def decode_html(page: bytes) -> str | None:
    """The source of an HTML page, without NUL and other control characters; None where the bytes are no text.

    >>> decode_html(b'<meta charset="iso-8859-1">caf\\xe9')
    '<meta charset="iso-8859-1">café'
    """
    text = None if file_type(page) else _decode(page, declared_encoding(page))
    return text if text is None or not _has_controls(page) else _HTML_CONTROL.sub("", text)


def _has_controls(page: bytes) -> bool:
    return len(page.translate(None, _CONTROL_BYTES)) < len(page)


def file_type(page: bytes) -> str | None:
    """What kind of binary file the bytes begin like, such as `PNG image`; None for any other bytes.

    >>> file_type(b"%PDF-1.7")
    'PDF'
    """
    return next((name for magic, name in _FILES.items() if page.startswith(magic)), None)


def declared_encoding(page: bytes) -> str | None:
    """Python's name of the encoding an HTML page declares in its first 4 KiB, by the WHATWG's table of labels."""
    found = _DECLARED.search(page, 0, 4096)
    if not found:
        return None
    return map_encoding_to_html5(found[1].decode("ascii"), False)


def _decode(page: bytes, declared: str | None) -> str | None:
    for mark, encoding in _MARKS:
        if page.startswith(mark):
            return _text_or_none(page.decode(encoding, "replace"))
    if not _is_suspect(page):
        try:
            return page.decode()
        except UnicodeDecodeError:
            pass
    return _damaged_utf8(page) or _declared(page, declared) or _detected(page)


def _is_suspect(page: bytes) -> bool:
    """Whether valid UTF-8 could be a coincidence: UTF-16 of most scripts, escape sequences of ISO-2022."""
    head = page[:DETECT_BYTES]
    control = len(head) - len(head.translate(None, _CONTROL))
    return control > MAX_CONTROL * len(head) or b"\x1b$" in head


def _damaged_utf8(page: bytes) -> str | None:
    """UTF-8 with few broken places. Surrogates, which UTF-8 may not have, count as whole."""
    text = _SURROGATES.sub(_from_surrogates, page).decode("utf-8", "replace")
    surrogates = len(_SURROGATES.findall(page))
    broken = text.count(_REPLACEMENT) - surrogates
    whole = len(text) - len(text.encode("ascii", "ignore")) - broken + surrogates
    return text if broken <= MAX_BROKEN * whole and not _is_suspect(page) else None


def _from_surrogates(found: re.Match[bytes]) -> bytes:
    """Pairs become the character they stand for, a lone one U+FFFD."""
    halves = found[0].decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass")
    return halves.decode("utf-16", "replace").encode()


def _declared(page: bytes, encoding: str | None) -> str | None:
    """Decode as declared where that works throughout. A page that declares UTF-8 comes here only where it is not."""
    if encoding is None or encoding.startswith("utf-"):
        return None
    return _decode_as(page, encoding)


def _detected(page: bytes) -> str | None:
    """Decode as chardet sees it; as Western text where it sees nothing, or letters of two scripts in one word."""
    found = chardet.detect(page, encoding_era=_ERA, max_bytes=DETECT_BYTES, compat_names=False)["encoding"]
    encoding = codecs.lookup(found).name if found else _east_asian_utf16(page) or "iso8859-1"
    if found and encoding in _UTF16:
        encoding = _byte_order(page[:DETECT_BYTES], encoding)
    text = _decode_as(page, encoding)
    if text and len(_TWO_SCRIPTS.findall(text)) > MAX_TWO_SCRIPTS * len(_EASTERN.findall(text)):
        text = _decode_as(page, "iso8859-1") or text
    return text or _text_or_none(page.decode("utf-8", "replace"))


def _east_asian_utf16(page: bytes) -> str | None:
    """The UTF-16 in which a page has Chinese, Japanese or Korean text without a space, which chardet does not see."""
    head = page[:DETECT_BYTES]
    for encoding in _UTF16:
        text = head.decode(encoding, "replace")
        if len(_EAST_ASIAN.findall(text)) >= MIN_EAST_ASIAN * len(text) and len(text) >= 8:
            return encoding
    return None


def _byte_order(head: bytes, guess: str) -> str:
    """Which UTF-16 has more spaces and line ends: chardet takes swapped Indic letters for Chinese ones."""
    plain = {encoding: len(_BREAK.findall(head.decode(encoding, "replace"))) for encoding in _UTF16}
    return max(_UTF16, key=lambda encoding: (plain[encoding], encoding == guess))


def _decode_as(page: bytes, encoding: str) -> str | None:
    """Decode strictly, in the encoding itself or else in the larger one that many mean by its name."""
    for name in _MEANT.get(encoding, (encoding,)):
        try:
            return _text_or_none(page.decode(name))
        except UnicodeDecodeError:
            continue
    return None


def _text_or_none(text: str) -> str | None:
    """The text, unless too many of its first characters are none that text has."""
    head = text[:SAMPLE]
    strange = sum(c == _REPLACEMENT or unicodedata.category(c) in _STRANGE for c in head if c not in "\t\n\f\r")
    return text if strange <= MAX_STRANGE * len(head) else None
