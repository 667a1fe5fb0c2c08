"""Title, author, date and site from flattened pages and from HTML: what is found, and what must not be."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from curate.document import LINE, undecided
from curate.metadata import dates, markup
from curate.stages import metadata

CASE = Path(__file__).parents[3] / "shared" / "cases" / "urdupoint-2019-11-22.txt"

BODY = [
    "The council of Varmouth voted on Tuesday to close the old ferry dock before the winter storms arrive.",
    "Harbour master Ines Carrow said that the timber piles had rotted below the waterline since last spring.",
]


def judged(head: list[str], tail: list[str] | None = None, body: list[str] | None = None) -> list[dict[str, object]]:
    body = BODY if body is None else body
    lines = [(text, False) for text in head] + [(text, True) for text in body] + [(text, False) for text in tail or []]
    return [{"text": text, "score": 1.0 if kept else -1.0, "kept": kept} for text, kept in lines]


def document(**given: object) -> dict[str, object]:
    columns = ("url", "site", "title", "author", "published", "html")
    return {"id": "a", "text": "\n".join(BODY), "lines": [], **dict.fromkeys(columns), **given}


def found(*documents: dict[str, object]) -> list[dict[str, object]]:
    schema = {**dict.fromkeys(documents[0], pl.String()), "lines": pl.List(LINE)}
    return metadata.apply(pl.DataFrame(list(documents), schema=schema), metadata.Config()).to_dicts()


def head(*lines: str, **given: object) -> dict[str, object]:
    return found(document(lines=judged(list(lines)), **given))[0]


def test_title_byline_and_date_stand_above_the_body() -> None:
    got = head(
        "Varmouth closes its ferry dock - The Varmouth Post", "Home", "Sport", "Weather",
        "Varmouth closes its ferry dock", "By Ada Thorne", "12 March 2021, 9:04 am",
    )  # fmt: skip
    assert (got["title"], got["author"], got["published"]) == (
        "Varmouth closes its ferry dock",
        "Ada Thorne",
        "2021-03-12",
    )


def test_the_input_wins() -> None:
    given = {"title": "Mine", "author": "Me", "published": "1999-12-31", "site": "mine.example"}
    got = head("Another headline of this page", "By Ada Thorne", "12 March 2021", url="https://x.example/", **given)
    assert {name: got[name] for name in given} == given


def test_empty_values_of_the_input_count_as_missing() -> None:
    got = head("Varmouth closes its ferry dock", "By Ada Thorne", author=" ", site="", url="https://www.Post.example/x")
    assert (got["author"], got["site"]) == ("Ada Thorne", "post.example")


def test_times_of_other_stories_are_not_taken() -> None:
    page = judged(["Varmouth closes its ferry dock"], ["Recent stories", "Baker wins prize", "11 minutes ago"])
    assert found(document(lines=page))[0]["published"] is None


def test_the_copyright_year_and_other_stories_dates_are_not_taken() -> None:
    tail = [*["More from the region"] * 20, "Older: 4 May 2003", "© 1997-2019 Varmouth Post"]
    page = judged(["Varmouth closes its ferry dock", "Published 3 June 2020"], tail)
    assert found(document(lines=page))[0]["published"] == "2020-06-03"


def test_a_date_in_the_address_counts() -> None:
    got = head("Varmouth closes its ferry dock", url="https://post.example/2021/mar/12/ferry-dock")
    assert (got["published"], got["site"]) == ("2021-03-12", "post.example")


@pytest.mark.parametrize(
    ("line", "author"),
    [
        ("Von Anneliese Brandt", "Anneliese Brandt"),
        ("Par Margaux Delcourt et Hugo Vasseur", "Margaux Delcourt et Hugo Vasseur"),
        ("Por Inés Calderón", "Inés Calderón"),
        ("Автор: Мария Лебедева", "Мария Лебедева"),
        ("作者：王小明", "王小明"),
        ("Written by: Tom O'Hara", "Tom O'Hara"),
        ("Kolumne von Lena van der Berg", "Lena van der Berg"),
        ("Ada Thorne - 12 March 2021", "Ada Thorne"),
        ("12 March 2021 by Ada Thorne", "Ada Thorne"),
        ("Ada Thorne", "Ada Thorne"),
    ],
)
def test_bylines(line: str, author: str) -> None:
    assert head("Varmouth closes its ferry dock", line, "12 March 2021")["author"] == author


@pytest.mark.parametrize("line", ["Read more", "Related Stories", "Published Mar 12", "by the sea", "Subscribe Now"])
def test_no_bylines(line: str) -> None:
    assert head("Varmouth closes its ferry dock", line)["author"] is None


def test_the_line_after_by_is_the_author() -> None:
    assert head("Varmouth closes its ferry dock", "By", "Ada Thorne", "Staff")["author"] == "Ada Thorne"


def test_without_lines_the_text_is_read() -> None:
    page = document(text="\n".join(["Varmouth closes its ferry dock", "By Ada Thorne", *BODY]))
    del page["lines"]
    schema = dict.fromkeys(page, pl.String())
    got = metadata.apply(pl.DataFrame([page], schema=schema), metadata.Config()).to_dicts()[0]
    assert (got["title"], got["author"]) == ("Varmouth closes its ferry dock", "Ada Thorne")


def test_empty_documents_stay_empty_and_columns_go() -> None:
    got = found(document(text=""), document(text="", lines=judged([], body=[])))
    assert [row["title"] for row in got] == [None, None]
    assert list(got[0]) == ["id", "text", "url", "site", "title", "author", "published"]


# --- dates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2019-11-22T16:08:00+05:00", "2019-11-22"),
        ("Fri 22nd November 2019 | 04:08 PM", "2019-11-22"),
        ("Nov. 22, 2019", "2019-11-22"),
        ("ESPNDec 22, 2023, 06:21 AM ET", "2023-12-22"),
        ("30.04.2024, 18:58", "2024-04-30"),
        ("22.11.19", "2019-11-22"),
        ("13/04/2025", "2025-04-13"),
        ("04/13/2025", "2025-04-13"),
        ("14 мая 2025 г.", "2025-05-14"),
        ("2025年12月3日", "2025-12-03"),
        ("2025년 12월 3일", "2025-12-03"),
        ("12 de marzo de 2020", "2020-03-12"),
        ("1er mai 2022", "2022-05-01"),
        ("15. listopadu 2023", "2023-11-15"),
        ("3 Ağustos 2021", "2021-08-03"),
        ("22 Νοεμβρίου 2019", "2019-11-22"),
        ("٢٠٢٤/٠٥/٠٣", "2024-05-03"),
        ("20231222", "2023-12-22"),
    ],
)
def test_dates(text: str, date: str) -> None:
    assert pl.select(dates.find(pl.lit(text))).item() == date


@pytest.mark.parametrize(
    "text",
    [
        "31 February 2020",
        "2019-13-01",
        "11 minutes ago",
        "version 1.2.3",
        "© 1997-2019",
        "call 0800-2020-11",
        "",
        "May",
    ],
)
def test_no_dates(text: str) -> None:
    assert pl.select(dates.find(pl.lit(text))).item() is None


def test_the_order_of_day_and_month_can_be_told() -> None:
    assert pl.select(dates.find(pl.lit("3/4/2019"))).item() == "2019-04-03"
    assert pl.select(dates.find(pl.lit("3/4/2019"), month_first=pl.lit(True))).item() == "2019-03-04"


# --- HTML -----------------------------------------------------------------------------------------------------------

LINKED = """<html><head><title>Dock closes | The Post</title><meta property="og:site_name" content="The Post">
<script type="application/ld+json">{"@graph": [{"@type": "Person", "@id": "#ada", "name": "Ada Thorne"},
{"@type": "NewsArticle", "headline": "Dock closes", "datePublished": "2021-03-12T08:00:00Z",
"author": [{"@id": "#ada"}, {"name": "by Tom O&#39;Hara"}]}]}</script>
<link rel="canonical" href="https://www.post.example/dock"></head><body><h1>The Post</h1></body></html>"""


def test_linked_data() -> None:
    assert markup.read(LINKED) == (
        "Dock closes",
        "Ada Thorne, Tom O'Hara",
        "2021-03-12T08:00:00Z",
        "https://www.post.example/dock",
    )


def test_html_through_the_stage() -> None:
    got = found(
        document(html=LINKED, lines=judged(["Dock closes"])), document(lines=judged(["Varmouth rejoices again"]))
    )
    assert [row["title"] for row in got] == ["Dock closes", "Varmouth rejoices again"]
    assert (got[0]["published"], got[0]["site"]) == ("2021-03-12", "post.example")


def test_meta_tags_and_byline() -> None:
    page = """<meta name=citation_title content='Kelp beds return'><META content="2020-02-03" NAME="DC.Date.Issued">
    <p class="entry byline"><span>By</span> <a href=/x>Noor Haddad</a></p>"""
    said = markup.read(page)
    assert (said.title, said.author, said.published) == ("Kelp beds return", "Noor Haddad", "2020-02-03")


@pytest.mark.parametrize(
    ("byline", "author"),
    [
        ("By Ada Thorne, 2024-03-05", "Ada Thorne"),
        ("By Ada Thorne | Published: Tuesday, March 5, 2024", "Ada Thorne"),
        ("Von Ada Thorne · 5. März 2024", "Ada Thorne"),
        ("Theresa May, 5 March 2024", "Theresa May"),
        ("Ada Thorne 3 min read", "Ada Thorne"),
        ("March 5, 2024", None),
        ("Updated March 5, 2024", None),
    ],
)
def test_a_date_in_the_byline_and_the_text_behind_it_are_no_author(byline: str, author: str | None) -> None:
    body = "<p>" + "The dock closes and the harbour is quiet for once. " * 10
    page = f'<h1>Dock closes</h1><p class="byline">{byline}</p>{body}</p>'
    assert markup.read(page).author == author


def test_the_heading_is_the_title_where_the_page_agrees() -> None:
    page = "<title>Kelp beds return to Varmouth - Post</title><h1>Post</h1><h1>Kelp beds return to Varmouth Bay</h1>"
    assert markup.read(page).title == "Kelp beds return to Varmouth Bay"


def test_a_date_in_utc_yields_to_the_date_on_the_page() -> None:
    page = '<script type="application/ld+json">{"@type":"Article","datePublished":"2021-03-13T02:00:00Z"}</script>'
    lines = judged(["Varmouth closes its ferry dock", "12 March 2021, 9:00 pm"])
    assert found(document(html=page, lines=lines))[0]["published"] == "2021-03-12"


@pytest.mark.parametrize(
    "page",
    [
        '<script type=\'application/ld+json\'>{"@type": "Article", ' + "[" * 100_000,
        "<script type='application/ld+json'>" * 20_000,
        "<meta " * 200_000,
        '<meta name="a" content="' + "x" * 2_000_000,
        "<p class='byline'>" * 50_000,
        "<h1>" * 300_000,
        "<time " * 300_000,
        "\x00\xff<\x00" * 200_000,
    ],
)
def test_hostile_sources_end(page: str) -> None:
    assert markup.read(page).published is None


# --- the seed page --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not CASE.exists(), reason=f"no {CASE.name} beside the repository")
def test_the_case_page() -> None:
    lines = CASE.read_text(errors="replace").splitlines()[1:]
    start = next(i for i, line in enumerate(lines) if line.startswith("NAGOYA"))
    end = next(i for i, line in enumerate(lines) if line.startswith("Related Topics"))
    page = judged(lines[:start], lines[end:], lines[start:end])
    got = found(document(lines=page))[0]
    assert (got["title"], got["author"], got["published"]) == (
        "Russia Sincerely Wants To Resolve All Issues With Japan, Sign Peace Treaty - Lavrov",
        "Muhammad Irfan",
        "2019-11-22",
    )


@pytest.mark.parametrize(
    ("given", "day"),
    [
        ("March 5, 2024", "2024-03-05"),
        ("Tue, 05 Mar 2024 10:00:00 GMT", "2024-03-05"),
        ("2024-03-05T23:59:00+01:00", "2024-03-05"),
        ("2024-03-05 00:00:00", "2024-03-05"),
        ("1709600000", "2024-03-05"),
        ("yesterday", None),
        ("2024-13-45", None),
    ],
)
def test_a_given_date_becomes_iso_or_nothing(given, day):
    names = ("url", "site", "title", "author", "published", "metadata", "text")
    row = dict.fromkeys(names) | {"id": "a", "published": given, "text": "A short page.", "format": "text"}
    batch = pl.DataFrame([row], schema_overrides=dict.fromkeys(names, pl.String))
    assert metadata.apply(undecided(batch), metadata.Config())["published"].to_list() == [day]


@pytest.mark.parametrize("text", ["a" * 1_200_000, "word " * 40_000, "x\n" * 50_000])
def test_a_page_of_one_endless_line_takes_no_time(text):
    names = ("url", "site", "title", "author", "published", "metadata")
    row = dict.fromkeys(names) | {"id": "a", "text": text, "format": "text"}
    batch = pl.DataFrame([row], schema_overrides=dict.fromkeys(names, pl.String))
    [title] = metadata.apply(undecided(batch), metadata.Config())["title"].to_list()
    assert len(title or "") < 1000
