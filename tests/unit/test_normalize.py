"""Stage normalize: from pages to clean text, and what it drops."""

from __future__ import annotations

import re
import unicodedata

import ftfy.badness
import polars as pl
import pytest

import curate
from curate import repair
from curate.document import READ_SCHEMA, undecided
from curate.repair import normalize_text
from curate.stages.normalize import Config, apply


def batch(pages: list[bytes], format: str = "text", **columns: list[str | None]) -> pl.DataFrame:
    empty: dict[str, list[object]] = {name: [None] * len(pages) for name in READ_SCHEMA}
    rows = empty | {"page": pages, "format": [format] * len(pages)} | columns
    return undecided(pl.DataFrame(rows, schema=READ_SCHEMA))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("one\r\ntwo\rthree\u2028four\x0bfive", "one\ntwo\nthree\nfour\nfive"),
        ("blank\n\n \n\tlines  \n", "blank\n\n\n lines\n"),
        ("a\xa0b\u2009c\u3000d\te", "a b c d e"),
        ("be\0tween wo\x07rds\x7f", "be tween words"),
        ("un\u00adder\u200bstand\u2060ing\ufeff", "understanding"),
        ("cafe\u0301 au lait", "café au lait"),
        ("rÃ©sumÃ© â€“ doneâ€¦", "résumé – done…"),
        ("a clean line\nMÃ¤rz", "a clean line\nMärz"),
        ("one \ud800 lone", "one � lone"),
        ("that\x92s all\x85", "that’s all…"),
    ],
)
def test_each_repair(text: str, clean: str) -> None:
    assert normalize_text([text]) == [clean]


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, 100% of them: “quoted” — even…",
        "Ærlig talt, Øystein; żółć, naïveté, ÑANDÚ, SÃO PAULO, «À bientôt»",
        "می\u200cخواهم بروم",  # Persian spells with the zero-width non-joiner
        "क्\u200dष",
        "👩\u200d👩\u200d👧 🏳️\u200d🌈",
        "  indented\n\n  lines\nﬁne ligatures",
        "今日は、天気がいい。 Ｆｕｌｌ ｗｉｄｔｈ",
    ],
)
def test_leaves_clean_text_alone(text: str) -> None:
    assert normalize_text([text]) == [text]


def test_the_rust_pattern_finds_what_ftfy_finds() -> None:
    characters = [chr(point) for point in [*range(0x20, 0x250), *range(0x370, 0x500), *range(0x2000, 0x2122)]]
    pairs = [a + b + "x" for a in characters[::3] for b in characters[::7]] + ["Ø§Ù„", " Â", "aÃ b", "Ѓ°Г", "в€њ"]
    found = pl.Series(pairs).str.contains(repair.MOJIBAKE).to_list()
    assert found == [ftfy.badness.is_bad(pair) for pair in pairs]
    assert 100 < sum(found) < len(pairs)


def test_apply_replaces_the_page() -> None:
    result = apply(batch([b"caf\xc3\xa9\r\n"], title=["  Un\xa0titre\n"], author=[" \u200b "]), Config())
    assert "page" not in result.columns
    assert result["text"].to_list() == ["café\n"]
    assert result["title"].to_list() == ["Un titre"]
    assert result["author"].to_list() == [None]
    assert result["drop_reason"].to_list() == [None]


def test_apply_leaves_the_white_space_of_markup() -> None:
    page = b"<pre>\ta  \r\n b</pre>\0"
    assert apply(batch([page], "html"), Config())["text"].to_list() == ["<pre>\ta  \r\n b</pre>"]


def test_apply_drops_with_a_reason() -> None:
    result = apply(batch([b"\x89PNG\r\n\x1a\n", b" \r\n\t ", b"", b"\1\2\3\4" * 9, b"text"]), Config())
    assert result["drop_reason"].to_list() == ["not text", "empty page", "empty page", "not text", None]
    assert result["drop_detail"].to_list()[0] == "PNG image"
    assert result["text"].null_count() == 0


def test_apply_keeps_rows_of_both_formats_in_order() -> None:
    pages = batch([b"one ", b"<b>two ", b"three "]).with_columns(format=pl.Series(["text", "html", "text"]))
    assert apply(pages, Config())["text"].to_list() == ["one", "<b>two ", "three"]


def test_apply_takes_an_empty_batch() -> None:
    assert apply(batch([]), Config()).height == 0


@pytest.mark.parametrize(
    "clean", ["“IRMÔ é o título", "O LIVRO “AMANHÔ.", "À LA UNE\xa0: L’ÉTÉ", "NA STRÁNI\xa0– VIŠ", "ÍSLAND Á\xa0ÞING"]
)
def test_capitals_are_not_taken_for_mojibake(clean: str) -> None:
    assert normalize_text([clean]) == [clean.replace("\xa0", " ")]


@pytest.mark.parametrize(
    ("broken", "right"),
    [("POBLACIÃ“N", "POBLACIÓN"), ("FÃœR MÃ„NNER", "FÜR MÄNNER"), ("BBCÂ\xa0News", "BBC News"), ("ACMEÂ®", "ACME®")],
)
def test_mojibake_in_capitals_is_repaired(broken: str, right: str) -> None:
    assert normalize_text([broken]) == [right]


def test_repairs_are_counted() -> None:
    pages = ["plain", "fÃ¼r", "a &amp; b &lt;i&gt;", "soft\u00adhy\u00adphen", "caf\ufffd", "In 1914\ufffd1918 it was"]
    result = apply(batch([page.encode() for page in pages]), Config())
    assert result["text"].to_list() == ["plain", "für", "a & b <i>", "softhyphen", "caf\ufffd", "In 1914–1918 it was"]
    repairs = result["repairs"].struct.unnest()
    assert repairs["mojibake"].to_list() == [0, 1, 0, 0, 0, 0]
    assert repairs["entities"].to_list() == [0, 0, 3, 0, 0, 0]
    assert repairs["invisible"].to_list() == [0, 0, 0, 2, 0, 0]
    assert repairs["restore_lost"].to_list() == [0, 0, 0, 0, 0, 1]
    assert repairs["lost"].to_list() == [0, 0, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("&" + "amp;" * 100_000 + "lt;", "<"),
        ("a" + "\u202e\u200f" * 100_000 + "b", "ab"),
        ("a\u200d" * 10_000, "a" * 10_000),
    ],
)
def test_endless_input_is_repaired(text: str, clean: str) -> None:
    assert normalize_text([text]) == [clean]


def test_markup_is_not_repaired() -> None:
    result = apply(batch(["<p>fÃ¼r &amp; 1914\ufffd1918</p>".encode()], "html"), Config())
    assert result["text"].to_list() == ["<p>fÃ¼r &amp; 1914\ufffd1918</p>"]


@pytest.mark.parametrize(("key", "text"), [("entities", "a &amp; b"), ("restore_lost", "1914\ufffd1918")])
def test_repairs_can_be_turned_off(key: str, text: str) -> None:
    assert normalize_text([text]) != [text]
    assert normalize_text([text], Config(**{key: False})) == [text]


def test_ligatures_only_when_asked() -> None:
    assert normalize_text(["ﬁne ﬂow"]) == ["ﬁne ﬂow"]
    assert normalize_text(["ﬁne ﬂow"], Config(ligatures=True)) == ["fine flow"]


def test_unknown_entities_stay() -> None:
    assert normalize_text(["AT&T; R&D &nosuchthing; fish & chips"]) == ["AT&T; R&D &nosuchthing; fish & chips"]


def test_text_out_of_markup_is_repaired_too() -> None:
    page = (
        "<html><body><article><p>The mayor said&nbsp;that the bridge over the river wo&shy;uld be closed for most of "
        "the summer, and that the old cafe\u0301s near it would suffer from the work, which is to last till fall.</p>"
        "<p>Shopkeepers near the old market were not pleased, and asked for the work to be done in winter \ufffd when "
        "fewer visitors come to the town \ufffd but the engineers told them to wait for spring.</p></article></body>"
    )
    (body,) = curate.extract([page.encode()])
    assert "said that the bridge over the river would be closed" in body
    assert "cafés" in body
    assert "winter – when" in body


def test_what_is_given_is_not_changed() -> None:
    given = pl.Series(["a\xa0b"])
    assert repair.repaired(given, repair.Repairs(), pl.Series([0]))[0].to_list() == ["a b"]
    assert given.to_list() == ["a\xa0b"]


def test_characters_that_are_not_asked_about_are_in_nfc() -> None:
    left = [chr(point) for point in range(0x110000) if re.match(f"[{repair._IN_NFC}]", chr(point))]
    marks = [chr(point) for point in range(0x3000) if unicodedata.combining(chr(point))]
    assert len(left) > 32_000
    assert all(unicodedata.is_normalized("NFC", before + character) for character in left for before in "aᄀ가а")
    assert not any(mark in set(left) for mark in marks)
