"""U+FFFD: what is put back, and what is left alone."""

from __future__ import annotations

import pytest

from curate.repair.lost import LOST, restore_lost

STORY = (
    "The council said on Friday that the bridge over the river would be closed to traffic for most of the summer, "
    "and that the cost of the work was higher than it had been told in the spring."
)


@pytest.mark.parametrize(
    ("damaged", "mended"),
    [
        ("the islands � known to the north by another name � were not on the map", "–"),
        ("the mayor didn�t say that it�s late and that they�ve asked for the city�s help", "’"),
        ("in the war of 1914�1918 and the years that followed it", "–"),
    ],
)
def test_restores(damaged: str, mended: str) -> None:
    text = f"{STORY} She said that {damaged}."
    assert restore_lost([text]) == [text.replace(LOST, mended)]


def test_restores_quotes() -> None:
    text = f"{STORY} �We are not ready,� the mayor said, �and that is all.�"
    assert restore_lost([text]) == [f"{STORY} “We are not ready,” the mayor said, “and that is all.”"]


def test_restores_in_other_languages() -> None:
    french = (
        "Le maire a dit qu�il ne savait pas, et que jusqu�alors la ville et les villages en avaient besoin de plus."
    )
    german = "Die Stadt hat das �Haus am Fluss� verkauft, und der Rat ist mit dem Preis nicht zufrieden."
    assert restore_lost([french]) == [french.replace(LOST, "’")]
    assert restore_lost([german]) == [german.replace("�H", "„H").replace("s�", "s“")]


@pytest.mark.parametrize(
    "damaged",
    [
        "they met at the caf� near the harbour and it was full",  # é, not a quote
        "the na�ve plan of the r�sum�s and the fa�ade of it",
        "�lvaro said it was the plan for the day",
        "the price was �50 for the day and it was paid",
        "Home � News � Sports",  # which separator?
        "a line with an �opening quote that is not closed in it",
        "it took 2 � hours to get to the place",
        "the end of the word��s meaning is lost twice",
    ],
)
def test_leaves_alone(damaged: str) -> None:
    text = f"{STORY}\n{damaged}"
    assert restore_lost([text]) == [text]


def test_leaves_languages_with_words_of_one_accented_letter() -> None:
    text = (
        "Le maire est parti � la campagne avec les enfants de la ville et ne reviendra pas avant la fin des vacances."
    )
    assert restore_lost([text]) == [text]


def test_only_damaged_lines_change() -> None:
    text = f"{STORY}\n\n{STORY} It didn�t."
    assert restore_lost([text, STORY]) == [f"{STORY}\n\n{STORY} It didn’t.", STORY]
