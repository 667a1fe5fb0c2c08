"""Labels of blocks from gold text. Needs rapidfuzz, which only training needs: `pip install curate[train]`."""

from __future__ import annotations

import pytest

pytest.importorskip("rapidfuzz")

from curate.models import align

BODY = [
    "The council of Varmouth voted on Tuesday to close the old ferry dock.",
    "Yes",
    "Harbour master Ines Carrow said that the timber piles had rotted below the waterline.",
]


def test_blocks_of_the_gold_are_kept() -> None:
    page = ["News Sport Weather", "Varmouth closes its dock", *BODY, "Read also: the old ferry dock", "Yes"]
    assert align.labels(page, "\n".join(BODY), "Varmouth closes its dock") == "0t11100"


def test_what_the_gold_has_in_another_order_is_kept_once() -> None:
    assert align.labels([BODY[2], BODY[0], BODY[2]], f"{BODY[0]}\n{BODY[2]}").count("1") == 2


def test_nothing_matches_by_chance() -> None:
    assert align.labels(["the old the of to", "voted dock on close", ""], BODY[0]) == "000"
