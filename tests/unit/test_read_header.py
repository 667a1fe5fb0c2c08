"""The template of a header line."""

from __future__ import annotations

import time

import pytest
from pydantic import ValidationError

from curate.readers.header import compiled, parsed
from curate.stages.read import Config


def told(template: str, page: str) -> tuple[dict[str, str], str]:
    values, rest = parsed(page.encode(), compiled(template))
    return values, rest.decode()


@pytest.mark.parametrize(
    ("template", "line", "values"),
    [
        ("date {published} {site}", " date 2019-11-22 A.com", {"published": "2019-11-22", "site": "A.com"}),
        ("date {published} {site}", "\tdate\t2019   The  Daily ", {"published": "2019", "site": "The Daily"}),
        ("  {published}  {site}  ", "2019 x", {"published": "2019", "site": "x"}),
        ("{title} | {author}", "A title, long | Ann | Bo", {"title": "A title, long", "author": "Ann | Bo"}),
        ("<{url}>", "<http://a.example/>", {"url": "http://a.example/"}),
        ("{{{id}}} by {author} on {published}", "{7} by Simon onion in 1 May", None),
        ("{{{id}}} by {author} on {published}", "{7} by Simon Onion on 1 May",
         {"id": "7", "author": "Simon Onion", "published": "1 May"}),
        ("date {published} {site}", "date palms grow here", None),
        ("date {published} {site}", "date 2019-11-22", None),
        ("date {published}", "update 2019-11-22", None),
        ("date {published} {site}", "", None),
    ],
)  # fmt: skip
def test_template_fits_or_not(template: str, line: str, values: dict[str, str] | None) -> None:
    assert told(template, f"{line}\nbody\n") == ((values, "body\n") if values else ({}, f"{line}\nbody\n"))


def test_page_that_is_its_header_is_empty() -> None:
    assert told("{published}", "2019-11-22") == ({"published": "2019-11-22"}, "")


def test_blank_lines_and_a_mark_may_stand_before_the_header() -> None:
    assert told("date {published}", "\ufeff\r\n\n date 2019\r\nbody") == ({"published": "2019"}, "body")


def test_no_line_takes_long() -> None:
    pattern = compiled("{title} a {author} a {published} a {site} a {url} a {id}")
    begin = time.perf_counter()
    assert parsed(b"a " * 100_000, pattern)[0] == {}
    assert parsed(b"1 a" * 100_000 + b"\n", pattern)[0] == {}
    assert parsed(b" " * 1_000_000 + b"\n", pattern)[0] == {}
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("date", "has no field; a field is one of {url}, {id}, {title}"),
        ("{date}", "has the unknown field {date}"),
        ("{}", "has the unknown field {}"),
        ("{published!r}", "has the unknown field"),
        ("{published:%Y}", "has the unknown field"),
        ("{site}{title}", "two fields with nothing between"),
        ("{site} {site}", "names a field twice"),
        ("date {published", "is not a template"),
        ("date } {published}", "is not a template"),
    ],
)
def test_fault_in_a_template_is_said_when_the_config_is_read(template: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Config(paths=["a"], header=template)
    assert message in str(caught.value)
