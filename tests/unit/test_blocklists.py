"""Blocklists: sites and what is below them, pages, words; a list that would block everything is refused."""

import polars as pl
import pytest
from pydantic import ValidationError

from curate.document import undecided
from curate.stages import quality
from curate.stages.quality import Config

OFF = dict.fromkeys({**quality.WORD_RULES, **quality.LINE_RULES, **quality.GRAM_RULES})


def applied(blocklist, urls, texts=None):
    columns = {"text": texts or ["x"] * len(urls), "url": urls, "site": [None] * len(urls)}
    return quality.apply(undecided(pl.DataFrame(columns)), Config(**OFF, blocklist=blocklist))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "domains").write_text("# by hand\nexample.com\n*.Shop.example\n192.0.2.7\n")
    (tmp_path / "urls").write_text("news.example/ads/\nwww.news.example/~joe\n")
    return tmp_path


def test_a_site_blocks_what_is_below_it_and_a_page_what_is_below_its_path(folder):
    blocked = {
        "https://example.com/a": "example.com",
        "http://www.example.com": "example.com",
        "https://user.deep.EXAMPLE.com:8080/a?b=c": "example.com",
        "https://a.shop.example/": "shop.example",
        "http://192.0.2.7/": "192.0.2.7",
        "https://news.example/ads/1": "news.example/ads",
        "https://m.news.example/~joe": "news.example/~joe",
    }
    free = [
        "https://badexample.com/",
        "https://news.example/adsense",
        "https://com/",
        "https://example.com.evil.example/",
        None,
    ]
    found = applied({"sites": [str(folder)]}, [*blocked, *free])
    assert found["drop_detail"].to_list() == [*blocked.values(), *[None] * len(free)]
    assert set(found["drop_reason"].drop_nulls()) == {"blocked site"}


def test_words_and_phrases_are_counted(tmp_path):
    (tmp_path / "words.txt").write_text("Gadget\nbuy now\n")
    texts = ["gadget", "GADGET — Buy, now!", "gadgets; buy it now", "buy", ""]
    for least, dropped in ((1, [0, 1]), (2, [1])):
        found = applied({"words": [str(tmp_path / "words.txt")], "min_count": least}, [None] * 5, texts)
        assert found["drop_reason"].is_not_null().arg_true().to_list() == dropped
    assert found["drop_detail"][1] == "2 found"


@pytest.mark.parametrize("line", ["*", "*.*", "com", ".com", "*.com", "a b.com"])
def test_a_wildcard_for_everything_is_refused_with_its_line(tmp_path, line):
    (tmp_path / "list").write_text(f"example.com\n{line}\n")
    with pytest.raises(ValidationError, match=r"list:2: .* names no site"):
        Config(blocklist={"sites": [str(tmp_path / "list")]})


def test_a_list_that_is_not_there(tmp_path):
    for given in ({"sites": [str(tmp_path / "no")]}, {"words": [str(tmp_path)]}):
        with pytest.raises(ValidationError, match=r"No such file|has no file"):
            Config(blocklist=given)


def test_the_lists_content_is_part_of_the_config(folder):
    before = Config(blocklist={"sites": [str(folder)]})
    (folder / "urls").write_text("other.example/\n")
    assert Config(blocklist={"sites": [str(folder)]}) != before
