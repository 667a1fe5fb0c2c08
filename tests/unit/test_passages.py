"""The passages in which two texts differ."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.passages import MAX_UNITS, compare

STORY = "The mayor opened the new bridge on Tuesday. It took six years and two storms to build."


def differing(first: str, second: str) -> list[tuple[str, str]]:
    return [(passage.first.strip(), passage.second.strip()) for passage in compare(first, second) if not passage.same]


def test_what_was_added_cut_and_changed() -> None:
    other = "LONDON - " + STORY.replace("six years", "seven years").replace(" to build", "")
    assert differing(STORY, other) == [("", "LONDON -"), ("six", "seven"), ("to build.", "")]


def test_case_punctuation_and_spacing_do_not_count() -> None:
    assert differing(STORY, STORY.upper().replace(". ", "!\n\n")) == []
    assert [passage.same for passage in compare(STORY, STORY)] == [True]


def test_a_script_without_spaces_is_compared_by_character() -> None:
    assert differing("首相は火曜日に記者会見を開いた。", "首相は水曜日に記者会見を開いた。") == [("火", "水")]


def test_words_in_common_between_two_changes_do_not_part_them() -> None:
    assert differing("one two three a of b four five six", "one two three c of d four five six") == [
        ("a of b", "c of d")
    ]


@pytest.mark.parametrize(("first", "second"), [("", ""), ("", "a"), ("a", ""), ("...", "")])
def test_empty_texts(first: str, second: str) -> None:
    assert differing(first, second) == ([] if first == second else [(first, second)])


def test_long_texts_are_compared_line_by_line() -> None:
    lines = [f"line {i} of a long text" for i in range(MAX_UNITS)]
    other = ["another first", *lines[1:2000], "something else", *lines[2001:-1], "another end"]
    assert differing("\n".join(lines), "\n".join(other)) == [
        (lines[0], other[0]),
        (lines[2000], other[2000]),
        (lines[-1], other[-1]),
    ]


def test_texts_of_millions_of_unlike_lines_differ_as_a_whole() -> None:
    texts = "\n".join(f"a{i}" for i in range(100_000)), "\n".join(f"b{i}" for i in range(100_000))
    assert differing(*texts) == [texts]


words = st.lists(st.sampled_from(["a", "b", "c.", "D", "\n", "世", "界", "😀", " ", "fifth"]), max_size=30).map(
    " ".join
)


@given(words, words)
@settings(max_examples=100, deadline=None)
def test_pieces_add_up_to_the_texts(first: str, second: str) -> None:
    found = compare(first, second)
    assert "".join(passage.first for passage in found) == first
    assert "".join(passage.second for passage in found) == second
    assert all(one.same != other.same for one, other in pairwise(found))
