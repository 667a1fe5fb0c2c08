"""Normalizing never harms: it is idempotent, leaves clean text alone and invents no letter."""

from __future__ import annotations

import textwrap
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from curate.repair import normalize_text
from curate.repair.encoding import decode_html, decode_text
from curate.repair.lost import LOST, restore_lost
from curate.repair.wrapping import join_wrapped

ANY = st.text(st.characters(), max_size=80)
MOJIBAKE = st.text(max_size=20).map(lambda text: text.encode("utf-8", "ignore").decode("cp1252", "ignore"))
LETTERS = st.characters(categories=["Lu", "Ll", "Lo", "Nd"], max_codepoint=0xFFFF)
WORDS = st.lists(
    st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzABCäöüéèñçøåšžабвгдежאבג今日は"), min_size=1), min_size=1
)


@settings(deadline=None)  # the first call compiles the patterns
@given(st.lists(ANY | MOJIBAKE, max_size=4))
def test_idempotent(texts: list[str]) -> None:
    once = normalize_text(texts)
    assert normalize_text(once) == once


@settings(deadline=None)
@given(st.lists(ANY, max_size=4))
def test_alone_or_together(texts: list[str]) -> None:
    assert normalize_text(texts) == [normalize_text([text])[0] for text in texts]


@settings(deadline=None)
@given(ANY | MOJIBAKE)
def test_the_result_is_clean(text: str) -> None:
    (clean,) = normalize_text([text])
    assert unicodedata.is_normalized("NFC", clean)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in clean if c != "\n")
    clean.encode()


@settings(deadline=None)
@given(WORDS)
def test_clean_text_is_unchanged(words: list[str]) -> None:
    text = unicodedata.normalize("NFC", " ".join(words))
    assert normalize_text([text]) == [text]


@settings(deadline=None)
@given(st.text(LETTERS | st.sampled_from(" \u200b\xad\xa0\r\n\t\0")))
def test_no_letter_is_lost_or_invented(text: str) -> None:
    def letters(of: str) -> list[str]:
        return [c for c in unicodedata.normalize("NFD", of) if c.isalnum()]

    (clean,) = normalize_text([text])
    if text.isascii():
        assert letters(clean) == letters(text)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_no_text(page: bytes) -> None:
    for decode in (decode_text, decode_html):
        text = decode(page)
        assert text is None or text.encode() is not None


DAMAGED = st.lists(
    st.sampled_from(["\ufffd", " ", "s", "it", "don", "t", "the", "of", "and", "to", "that", "\n", "."])
).map("".join)


@settings(deadline=None)
@given(DAMAGED)
def test_only_punctuation_is_put_for_what_was_lost(text: str) -> None:
    (mended,) = restore_lost([text])
    assert len(mended) == len(text)
    assert all(new == old or (old == LOST and new in "’–“”„") for old, new in zip(text, mended, strict=True))


@settings(deadline=None)
@given(st.lists(WORDS.map(" ".join), max_size=12).map("\n".join), st.integers(50, 80))
def test_joining_lines_changes_white_space_only(text: str, width: int) -> None:
    wrapped = textwrap.fill(text, width)
    assert "".join(join_wrapped(wrapped).split()) == "".join(wrapped.split())
