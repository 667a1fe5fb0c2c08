"""Tokens and hashes are what text.py says, for every script, and never change without its version."""

from __future__ import annotations

import unicodedata

import numpy as np
import polars as pl
import pytest

from curate import text


def tokens_of(value: str) -> list[str]:
    found = text.tokens([value])
    return [found.data[start:end].tobytes().decode() for start, end in zip(found.starts, found.ends, strict=True)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        ("... !!!\n\n", []),
        ("a", ["a"]),
        ("Hello, WORLD! 3.5%", ["hello", "world", "3", "5"]),
        ("don't stop—now", ["don", "t", "stop", "now"]),
        ("Ünïcode nai\u0308ve", ["ünïcode", "naïve"]),
        ("ﬁne １２ Ａｂ", ["fine", "12", "ab"]),
        ("ÀÉÎ ΟΔΟΣ οδός Жук ԵՎ", ["àéî", "οδοσ", "οδόσ", "жук", "եվ"]),
        ("２０１９年，Ａ！（Ｂ）…Ｃ", ["2019", "年", "a", "b", "c"]),
        ("今日はx世界", ["今", "日", "は", "x", "世", "界"]),
        ("、。・「世」", ["世"]),
        ("ไทย กาแฟ", ["ไ", "ท", "ย", "ก", "า", "แ", "ฟ"]),
        ("السلام عليكم، مرحبا", ["السلام", "عليكم", "مرحبا"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा"]),
        ("한국어 뉴스", ["한국어", "뉴스"]),
        ("good 😀👍🏽🫠 day", ["good", "day"]),
        ("ൻ ൾ", ["ൻ", "ൾ"]),  # assigned after Unicode 3.2
        ("𠀀𠀁", ["𠀀", "𠀁"]),
        ("a\x00b", ["a", "b"]),
        ("a\ud800b", ["a", "b"]),
    ],
)
def test_tokens(value: str, expected: list[str]) -> None:
    assert tokens_of(value) == expected


def test_tokens_of_a_batch_are_those_of_each_text() -> None:
    batch = ["one two", "", "ﬁne １２", "三四 five", "!", "nai\u0308ve", "six", "\u1112\u1161\u11ab ½"]
    found = text.tokens(batch)
    assert found.counts.tolist() == [2, 0, 2, 3, 0, 1, 1, 3]
    alone = [text.tokens([one]).hashes() for one in batch]
    assert found.hashes().tolist() == np.concatenate(alone).tolist()
    assert text.tokens([]).counts.tolist() == []


def test_characters_that_normalisation_may_change_are_looked_at() -> None:
    """The others are never normalised: alone, and behind what they might be joined with, NFKC must leave them alone."""
    plain = np.flatnonzero(text._looks()[:0x30000] < text._ODD)
    in_tokens = [chr(point) for point in plain if text._looks()[point] & text._KIND]
    assert len(in_tokens) > 100_000
    joined = "".join(before + one for one in in_tokens for before in "eがᄒ")
    assert unicodedata.is_normalized("NFKC", joined)


def test_equal_tokens_hash_alike_and_others_do_not() -> None:
    words = ["a", "b", "ab", "ba", "abcdefgh", "abcdefghi", "abcdefgi", "x" * 63, "x" * 64, "x" * 65, "x" * 66, "世"]
    hashes = text.tokens([" ".join(words + words)]).hashes()
    assert hashes[: len(words)].tolist() == hashes[len(words) :].tolist()
    assert len(set(hashes.tolist())) == len(words)


def test_hashes_are_those_of_version_1() -> None:
    """A signature computed last year must compare with one of today: raise text.VERSION where this must change."""
    assert text.VERSION == 1
    assert text.hash64(pl.Series(["", "Grüße", None])).tolist() == [
        3244421341483603138,
        12973770886404216792,
        3244421341483603138,
    ]
    assert text.tokens(["The quick brown incomprehensibilities 世"]).hashes().tolist() == [
        14528220975140346880,
        10820153313679960092,
        4145875205040446344,
        17346039409893453395,
        9907615717312621568,
    ]


def test_mix_is_one_to_one() -> None:
    values = np.arange(100_000, dtype=np.uint64)
    assert len(np.unique(text.mix(values))) == len(values)
    assert values[1] == 1  # its input is left alone


def test_lines() -> None:
    found = text.lines(pl.Series(["a\n\nb", None, "", "c"]))
    assert found["document"].to_list() == [0, 0, 0, 2, 3]
    assert found["line"].to_list() == ["a", "", "b", "", "c"]
