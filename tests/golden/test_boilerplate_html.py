"""HTML pages written for this test, and the article in each: as in the wild, made up, and known failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate import extract

CASES = Path(__file__).with_name("boilerplate_html")


def cases(name):
    return [
        pytest.param(case["page"], case["body"], id=case["name"]) for case in json.loads((CASES / name).read_text())
    ]


def article(page):
    return extract(["\n".join(page).encode()])[0].splitlines()


@pytest.mark.parametrize(("page", "body"), cases("wild.json") + cases("synthetic.json"))
def test_the_article_is_found(page, body):
    assert article(page) == body


@pytest.mark.xfail(strict=True)
@pytest.mark.parametrize(("page", "body"), cases("known_failures.json"))
def test_known_failures(page, body):
    assert article(page) == body
