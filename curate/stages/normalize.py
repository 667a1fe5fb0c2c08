"""Stage normalize: the bytes of a page become text that can be judged.

Decode, undo mojibake, then one spelling for what has many: NFC, LF, plain spaces, nothing invisible. Lines stay lines:
the boilerplate stage reads them. Of an HTML page only the encoding is settled: its white space means what the markup
says. Most text needs nothing; two tests over the whole column find the rest.

Source: the pattern that finds mojibake and its repair are ftfy's. Only `fix_encoding` is used, on single lines:
`fix_text` rewrites clean text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

import polars as pl
from ftfy import TextFixerConfig, fix_encoding
from ftfy.badness import BADNESS_RE, is_bad

from curate.document import drop
from curate.encoding import decode_html, decode_text, file_type
from curate.section import Section

VERSION = 1

_FTFY = TextFixerConfig(fix_c1_controls=False, explain=False)
_LINE = re.compile("[^\r\n]+|[\r\n]+")
_LINE_END = "\r\n?|[\x0b\x0c\x1c-\x1e\u2028\u2029]"
_SPACE = "[\0\t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]"
_INVISIBLE = (
    "[\x01-\x08\x0e-\x1b\x1f\x7f\xad\u180e\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff]"
)
_ODD = "[\x80-\x9f\u200b-\u200d]"
# Zero-width joiners and spaces stay after letters of scripts that spell with them (Arabic to Khmer) and in emoji.
_JOINER = re.compile(
    "(?<![\u0600-\u109f\u1780-\u18af\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])[\u200b-\u200d]+|[\u200b-\u200d]+(?=\\s|$)"
)
# C1 control characters are windows-1252 punctuation, or the trace of a lost letter: none is invented.
_C1 = dict.fromkeys(range(0x80, 0xA0), "\ufffd") | str.maketrans(
    "\x80\x82\x84\x85\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9b", "€‚„…‹‘’“”•–—™›"
)


class Config(Section):
    """Nothing to set: what this stage does is meant to be right for every corpus."""


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Replace column `page` by `text`; drop pages that are not text, and empty ones."""
    html = (batch["format"] == "html").to_list()
    pages = batch["page"].to_list()
    decoded = [(decode_html if h else decode_text)(page) for page, h in zip(pages, html, strict=True)]
    flat = iter(normalize_text([text or "" for text, h in zip(decoded, html, strict=True) if not h]))
    texts = [(text or "") if h else next(flat) for text, h in zip(decoded, html, strict=True)]
    what = [_what(page) if text is None else None for page, text in zip(pages, decoded, strict=True)]
    batch = batch.drop("page").with_columns(
        *(_one_line(batch[name]) for name in ("title", "author")),
        pl.Series("text", texts, pl.String),
        pl.Series("what", what, pl.String),
    )
    batch = drop(batch, pl.col("what").is_not_null(), "not text", pl.col("what"))
    return drop(batch, pl.col("text").str.strip_chars() == "", "empty page").drop("what")


def normalize_text(texts: Sequence[str]) -> list[str]:
    """The texts in one spelling, line by line as they were. Normalizing twice changes nothing more."""
    column = _column(texts)
    result = column.to_list()
    open_ = list(range(len(result)))
    while open_:  # what one repair uncovers, the next may mend
        before = [result[i] for i in open_]
        for i, text in zip(open_, _normalize_once(before), strict=True):
            result[i] = text
        open_ = [i for i, text in zip(open_, before, strict=True) if result[i] != text]
    return result


def _normalize_once(texts: list[str]) -> list[str]:
    texts = _where(_MOJIBAKE, texts, _fix_mojibake)
    texts = _where(_ODD, texts, _fix_odd)
    column = pl.Series(texts, dtype=pl.String).str.replace_all(_LINE_END, "\n").str.replace_all(_SPACE, " ")
    column = column.str.replace_all(_INVISIBLE, "").str.replace_all(" +(\n|$)", "$1")
    return [text if _is_nfc(text) else unicodedata.normalize("NFC", text) for text in column.to_list()]


def _where(pattern: str, texts: list[str], repair: Callable[[str], str]) -> list[str]:
    """Repair the texts in which the pattern is found."""
    found = pl.Series(texts, dtype=pl.String).str.contains(pattern).to_list()
    return [repair(text) if hit else text for text, hit in zip(texts, found, strict=True)]


def _column(texts: Sequence[str]) -> pl.Series:
    """The texts as a column. Lone surrogates, which a Python string may have and a column may not, become U+FFFD."""
    try:
        return pl.Series(texts, dtype=pl.String)
    except UnicodeEncodeError:
        whole = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
        return pl.Series(whole, dtype=pl.String)


def _is_nfc(text: str) -> bool:
    return text.isascii() or unicodedata.is_normalized("NFC", text)


def _fix_mojibake(text: str) -> str:
    return "".join(fix_encoding(line, _FTFY) if is_bad(line) else line for line in _LINE.findall(text))


def _fix_odd(text: str) -> str:
    return _JOINER.sub("", text.translate(_C1))


def _rust_pattern(pattern: str) -> str:
    """A verbose Python pattern, written for Rust, where a space between brackets does not count unless escaped."""
    pattern = re.sub(r"\n\s*#.*", "", pattern)
    parts = re.split(r"(\[[^\]]*\])", pattern)
    return "".join(re.sub(r"\s", r"\\x20", p) if p.startswith("[") else re.sub(r"\s", "", p) for p in parts)


def _what(page: bytes) -> str:
    return file_type(page) or f"{len(page)} bytes in no known encoding"


def _one_line(values: pl.Series) -> pl.Series:
    """Metadata as text in one line; null where nothing is left."""
    clean = normalize_text([value or "" for value in values])
    return pl.Series(values.name, [" ".join(text.split()) or None for text in clean], pl.String)


_MOJIBAKE = _rust_pattern(BADNESS_RE.pattern)
