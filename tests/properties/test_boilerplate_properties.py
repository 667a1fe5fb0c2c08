"""Whatever the page, boilerplate removal answers, in bounded time, with lines of the page."""

from __future__ import annotations

import resource
import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import clean, extract
from curate.document import undecided
from curate.stages.boilerplate import Config, apply

LINES = st.one_of(
    st.sampled_from(
        ["", " ", "Home", "© 2020", "Read more", "He said that it was late, and they went home.", "价格上涨。"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)
PAGES = st.lists(LINES, max_size=30).map("\n".join)

BAD = {
    "one line of 5 MB": "word " * 1_000_000,
    "one word of 5 MB": "x" * 5_000_000,
    "one line of 5 MB without spaces": "中" * 1_700_000,
    "a million one-word lines": "word\n" * 1_000_000,
    "many lines, all different": "\n".join(map(str, range(50_000))),
    "a million blank lines": "\n" * 1_000_000,
    "5 MB of spaces": " " * 5_000_000,
    "a million quotation marks": '"' * 1_000_000,
    "NUL bytes": "a\0b\n" * 1000,
}


@given(st.lists(PAGES, max_size=4))
@settings(deadline=None, max_examples=60)
def test_lines_come_from_the_page(pages):
    for page, body in zip(pages, clean(pages), strict=True):
        lines = {line.strip(" \t\r\x0b\x0c") for line in page.split("\n")} | {line.strip() for line in page.split("\n")}
        assert body == "" or set(body.split("\n")) <= lines


@given(st.lists(PAGES, min_size=1, max_size=4), st.lists(st.sampled_from(["a.org", "b.org"]), min_size=4, max_size=4))
@settings(deadline=None, max_examples=30)
def test_sites_never_break_it(pages, sites):
    assert len(clean(pages, sites=sites[: len(pages)])) == len(pages)


@given(st.lists(st.binary(max_size=200) | PAGES.map(str.encode), max_size=4))
@settings(deadline=None, max_examples=30)
def test_any_bytes_are_html(pages):
    assert len(extract(pages)) == len(pages)


@given(st.lists(PAGES, max_size=4))
@settings(deadline=None, max_examples=30)
def test_dropped_exactly_where_nothing_is_left(pages):
    batch = pl.DataFrame({"text": pages}, schema={"text": pl.String}).with_columns(format=pl.lit("text"))
    out = apply(undecided(batch), Config())
    assert ((out["text"] == "") == out["drop_reason"].is_not_null()).all()
    kept = out["lines"].list.eval(pl.element().struct.field("text").filter(pl.element().struct.field("kept")))
    assert kept.list.join("\n").to_list() == out["text"].to_list()


def test_windows_line_ends_are_no_part_of_a_line():
    page = "Home\r\nThe council met on Friday, and it decided to build the bridge in the spring.\r\n"
    assert "\r" not in clean([page])[0]


@pytest.mark.parametrize("page", BAD.values(), ids=BAD.keys())
def test_monstrous_pages_are_answered_in_bounded_time_and_memory(page):
    start, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out = apply(undecided(pl.DataFrame({"text": [page], "format": ["text"]})), Config())
    assert time.process_time() - start < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 1_000_000  # KB
    assert (out["text"][0] == "") == (out["drop_reason"][0] == "not an article")
