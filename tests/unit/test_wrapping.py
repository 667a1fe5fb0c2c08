"""Hard-wrapped text is joined, anything else is not."""

from __future__ import annotations

import textwrap

import pytest

from curate.repair.wrapping import join_wrapped, unwrap

FIRST = (
    "The council said on Friday that the bridge over the river would be closed to traffic for most of the summer, and "
    "that buses would run on the other side of the harbour until the end of September, when the schools open again."
)
SECOND = (
    "Shopkeepers near the old market were not pleased. Several had asked for the work to be done in winter, when fewer "
    "visitors come to the town, but the engineers told them that concrete does not set well in the cold."
)
TEXT = f"{FIRST}\n\n{SECOND}\n\nA short line\n\n{FIRST}"


def wrapped(text: str, width: int) -> str:
    return "\n\n".join(textwrap.fill(part, width, break_on_hyphens=False) for part in text.split("\n\n"))


@pytest.mark.parametrize("width", [60, 72, 80])
def test_joins_wrapped_paragraphs(width: int) -> None:
    assert "\n" in wrapped(FIRST, width)
    assert join_wrapped(wrapped(TEXT, width)) == TEXT


def test_paragraphs_and_lists_stay() -> None:
    menu = "\n".join(["Home", "News and analysis", "Sports", "Weather", "Subscribe to our newsletter", "Contact"] * 4)
    stories = "\n".join([FIRST, SECOND, FIRST])
    poem = "\n".join(
        ["The river runs below the bridge", "and no one knows how deep;", "the ferryman has gone to bed,"] * 5
    )
    for text in (menu, stories, poem, TEXT):
        assert join_wrapped(text) == text


def test_few_breaks_are_a_coincidence() -> None:
    text = wrapped(FIRST, 80)
    assert 0 < text.count("\n") < 5
    assert join_wrapped(text) == text


def typeset(paragraph: str, width: int) -> str:
    """Wrapped as a typesetter does: a word that does not fit is broken where three letters of it do."""
    lines = [""]
    for word in paragraph.split(" "):
        room = width - len(lines[-1]) - 1
        if len(word) <= room:
            lines[-1] += f" {word}"
        elif room > 3 and len(word) > 4 and word.isalpha():
            lines[-1] += f" {word[: min(room - 1, len(word) - 2)]}-"
            lines.append(" " + word[min(room - 1, len(word) - 2) :])
        else:
            lines.append(f" {word}")
    return "\n".join(line.strip() for line in lines)


def test_words_broken_by_a_typesetter_are_whole() -> None:
    broken = "\n\n".join(typeset(part, 57) for part in (FIRST, SECOND, SECOND))
    assert broken.count("-\n") >= 3
    assert join_wrapped(broken) == f"{FIRST}\n\n{SECOND}\n\n{SECOND}"


def test_a_hyphen_of_the_word_stays() -> None:
    text = (FIRST + " ").replace("most of", "the better-known part of") * 6
    joined = join_wrapped(textwrap.fill(text, 72, break_on_hyphens=True))
    assert joined == text.strip()


def test_text_without_spaces_stays() -> None:
    text = "\n".join(
        "市長は火曜日の記者会見で川にかかる古い橋をほぼ全面的に架け替える必要があると述べた" * 2 for _ in range(8)
    )
    assert join_wrapped(text) == text


def test_endless_wrapped_text_takes_no_endless_time() -> None:
    line = "the quick brown fox jumps over the lazy dog and runs away from-"
    joined = join_wrapped("\n".join([line] * 30_000))  # hours, where each hyphen means a search of the text
    assert joined == line[:-1] * 29_999 + line


def test_a_page_wrapped_throughout_is_unwrapped_without_blank_lines():
    paragraphs = [
        "The ferry left at noon with forty people, two cars and a horse on board, and it came back at six with none. "
        * 2,
        "Nobody at the harbour office could say where they had gone, and the captain went home. " * 2,
    ]
    wrapped = [line for text in paragraphs for line in textwrap.wrap(text, 72)]
    page = "\n".join(["Home", "News", *wrapped, "Contact"])
    assert unwrap(page).split("\n") == ["Home", "News", *(text.strip() for text in paragraphs), "Contact"]


def test_a_page_with_one_wide_line_is_left():
    page = "\n".join(["A line of words that goes on to just about the width of the others, so"] * 8 + ["wide " * 30])
    assert unwrap(page) == page
