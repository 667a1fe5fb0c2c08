"""Repairs of text: what was done to it on its way is undone, and what has many spellings gets one.

Each repair has a pattern; a search over the whole column finds the few texts it is for. Mojibake goes, NFC, LF, plain
spaces come, nothing invisible stays. Lines stay lines, but for hard-wrapped ones.

Source: the pattern that finds mojibake and its repair are ftfy's. Only `fix_encoding` is used, on single lines:
`fix_text` rewrites clean text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from ftfy import TextFixerConfig, fix_encoding
from ftfy.badness import BADNESS_RE, is_bad
from pydantic import Field

from curate.repair.lost import LOST, restore_lost
from curate.repair.wrapping import WRAPPED, join_wrapped
from curate.section import Section

_FTFY = TextFixerConfig(fix_c1_controls=False, explain=False)
_LINE = re.compile("[^\r\n]+|[\r\n]+")
# The last letter of a word in capitals, then a closing mark: `“IRMÔ, which ftfy takes for `Ô`.
_CAPITALS = re.compile("(?<=[A-ZÀ-Þ])[ÀÁÃ-Þ](?=[“”’®°](?![^\\W\\d_])|\xa0)")
_LINE_END = "\r\n?|[\x0b\x0c\x1c-\x1e\u2028\u2029]"
_SPACE = "[\0\t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]"
_SPACE_END = " +(\n|$)"
_INVISIBLE = (
    "[\x01-\x08\x0e-\x1b\x1f\x7f\xad\u180e\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff]"
)
# Zero-width joiners and spaces stay after letters of scripts that spell with them (Arabic to Khmer) and in emoji.
_JOINER = re.compile(
    "(?<![\u0600-\u109f\u1780-\u18af\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])[\u200b-\u200d]+|[\u200b-\u200d]+(?=\\s|$)"
)
# C1 control characters are windows-1252 punctuation, or the trace of a lost letter: none is invented.
_C1 = dict.fromkeys(range(0x80, 0xA0), LOST) | str.maketrans(
    "\x80\x82\x84\x85\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9b", "€‚„…‹‘’“”•–—™›"
)
_ENTITY = r"&(?:#[0-9]{2,7}|#[xX][0-9a-fA-F]{2,6}|[A-Za-z][A-Za-z0-9]{1,30});"
_IN_NFC = "\0-\u02ff\u0400-\u0482\u048a-\u04ff\u2002-\u20cf\u4e00-\u9fff\uac00-\ud7a3"
"""Frequent characters that NFC leaves as they are, whatever stands beside them."""
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_NESTED = re.compile(r"&(?:(?:amp|#0{0,5}38|#x0{0,5}26);){2,}", re.IGNORECASE)


class Repairs(Section):
    """Which repairs are made. One spelling is not a choice."""

    entities: bool = Field(True, description="Decode HTML entities left in text, such as `&amp;`.")
    restore_lost: bool = Field(True, description="Put dashes, apostrophes and quotes for U+FFFD where context decides.")
    join_lines: bool = Field(True, description="Join hard-wrapped lines, and words hyphenated at line ends.")
    ligatures: bool = Field(False, description="Spell ligatures such as `ﬁ` as letters.")


@dataclass(frozen=True)
class Repair:
    """One repair: a pattern that finds its texts, what it does to them, and a measure of how much."""

    name: str
    pattern: str
    mend: Callable[[pl.Series], pl.Series]
    measure: str | None = None  # pattern of what becomes less; without, a text changed counts 1


def normalize_text(texts: Sequence[str], repairs: Repairs = Repairs()) -> list[str]:  # noqa: B008 - frozen
    """The texts repaired and in one spelling. Normalizing twice changes nothing more.

    >>> normalize_text(["the cafÃ© on the corner"])
    ['the café on the corner']
    """
    column = _column(texts)
    return repaired(column, repairs, column.is_not_null().arg_true())[0].to_list()


def repaired(texts: pl.Series, repairs: Repairs, rows: pl.Series) -> tuple[pl.Series, pl.DataFrame]:
    """The texts, those in `rows` repaired until nothing changes, and how much each repair did in each text."""
    counts = {repair.name: pl.Series(np.zeros(len(texts), np.int32)) for repair in REPAIRS}
    wanted = [repair for repair in REPAIRS if getattr(repairs, repair.name, True)]
    while len(rows := _suspects(texts, rows)):  # what one repair uncovers, the next may mend
        before, texts = texts[rows], texts.clone()  # scatter writes in place
        found = _found(before, wanted)
        for repair in wanted:
            at = rows.filter(found[repair.name])
            if len(at):
                texts, changed, count = _mend(texts, at, repair)
                counts[repair.name] = counts[repair.name].scatter(changed, counts[repair.name][changed] + count)
                found = found.with_columns(pl.all() | rows.is_in(changed.implode())) if len(changed) else found
        rows = rows.filter(before != texts[rows])
    return texts, pl.DataFrame(counts).with_columns(lost=texts.str.count_matches(LOST).cast(pl.Int32))


def _suspects(texts: pl.Series, rows: pl.Series) -> pl.Series:
    """Those of the rows that any repair may be for. Two passes are faster than one with WRAPPED among the patterns."""
    some = texts[rows]
    return rows.filter(some.str.contains(_ANY) | some.str.contains(WRAPPED))


def _found(texts: pl.Series, repairs: Sequence[Repair]) -> pl.DataFrame:
    """Which texts each repair may be for, a column a repair."""
    text = pl.col("text")
    return texts.to_frame("text").select(text.str.contains(repair.pattern).alias(repair.name) for repair in repairs)


def _mend(texts: pl.Series, rows: pl.Series, repair: Repair) -> tuple[pl.Series, pl.Series, pl.Series]:
    """The texts after one repair, the rows that it changed, and how much."""
    found = rows.filter(texts[rows].str.contains(repair.pattern))
    before, after = texts[found], repair.mend(texts[found])
    changed = before != after
    before, after, found = before.filter(changed), after.filter(changed), found.filter(changed)
    count = pl.repeat(1, len(found), dtype=pl.Int32, eager=True)
    if repair.measure:
        more, less = (text.str.count_matches(repair.measure).cast(pl.Int32) for text in (before, after))
        count = more - less
    return texts.scatter(found, after) if len(found) else texts, found, count


def _column(texts: Sequence[str]) -> pl.Series:
    """The texts as a column. Lone surrogates, which a Python string may have and a column may not, become U+FFFD."""
    try:
        return pl.Series(texts, dtype=pl.String)
    except UnicodeEncodeError:
        whole = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
        return pl.Series(whole, dtype=pl.String)


def _each(mend: Callable[[str], str]) -> Callable[[pl.Series], pl.Series]:
    return lambda texts: pl.Series([mend(text) for text in texts], dtype=pl.String)


def _replace(pattern: str, by: str) -> Callable[[pl.Series], pl.Series]:
    return lambda texts: texts.str.replace_all(pattern, by)


def _fix_mojibake(text: str) -> str:
    return "".join(fix_encoding(line, _FTFY) if _is_mojibake(line) else line for line in _LINE.findall(text))


def _is_mojibake(line: str) -> bool:
    return not line.isascii() and is_bad(line) and is_bad(_CAPITALS.sub("", line))


def _unescape(text: str) -> str:
    """Entities decoded; those encoded again and again in one go, since a pass for each would take quadratic time."""
    return re.sub(_ENTITY, lambda found: html.unescape(found[0]), _NESTED.sub("&", text))


def _nfc(text: str) -> str:
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def _rust_pattern(pattern: str) -> str:
    """A verbose Python pattern, written for Rust, where a space between brackets does not count unless escaped."""
    pattern = re.sub(r"\n\s*#.*", "", pattern)
    parts = re.split(r"(\[[^\]]*\])", pattern)
    return "".join(re.sub(r"\s", r"\\x20", p) if p.startswith("[") else re.sub(r"\s", "", p) for p in parts)


MOJIBAKE = _rust_pattern(BADNESS_RE.pattern)

REPAIRS = (
    Repair("mojibake", MOJIBAKE, _each(_fix_mojibake)),
    Repair("entities", _ENTITY, _each(_unescape), _ENTITY),
    Repair("c1_controls", "[\x80-\x9f]", _each(lambda text: text.translate(_C1)), "[\x80-\x9f]"),
    Repair("line_ends", _LINE_END, _replace(_LINE_END, "\n")),
    Repair("spaces", _SPACE, _replace(_SPACE, " ")),
    Repair("invisible", _INVISIBLE, _replace(_INVISIBLE, ""), _INVISIBLE),
    Repair("joiners", "[\u200b-\u200d]", _each(lambda text: _JOINER.sub("", text)), "[\u200b-\u200d]"),
    Repair("trailing_spaces", _SPACE_END, _replace(_SPACE_END, "$1")),
    Repair("nfc", f"[^{_IN_NFC}]", _each(_nfc)),
    Repair("ligatures", "[ﬀ-ﬆ]", _each(lambda text: text.translate(_LIGATURES)), "[ﬀ-ﬆ]"),
    Repair("restore_lost", LOST, lambda texts: pl.Series(restore_lost(texts.to_list()), dtype=pl.String), LOST),
    Repair("join_lines", WRAPPED, _each(join_wrapped), "\n"),
)
"""The repairs, in their order. A key of the config with a repair's name turns it off or on."""
_ANY = "|".join(f"(?:{repair.pattern})" for repair in REPAIRS if repair.pattern != WRAPPED)
