"""Pages written for this test, and the article in each: as in the wild, made up, without any, and known failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate import clean, extract

FOLDERS = {"boilerplate": lambda page: clean([page]), "boilerplate_html": lambda page: extract([page.encode()])}


def cases(*names):
    return [
        pytest.param(folder, case["page"], case["body"], id=f"{folder}: {case['name']}")
        for folder in FOLDERS
        for name in names
        for case in json.loads((Path(__file__).with_name(folder) / name).read_text())
    ]


def article(folder, page):
    return FOLDERS[folder]("\n".join(page))[0].splitlines()


@pytest.mark.parametrize(("folder", "page", "body"), cases("wild.json", "synthetic.json", "negative.json"))
def test_the_article_is_found(folder, page, body):
    assert article(folder, page) == body


@pytest.mark.xfail(strict=True)
@pytest.mark.parametrize(("folder", "page", "body"), cases("known_failures.json"))
def test_known_failures(folder, page, body):
    assert article(folder, page) == body
