"""HTML pages as tables: blocks in order, the elements around them, and pages made to hurt."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.models import html_features, html_second, html_table, html_taming, html_tree, html_words


def read(*pages: str) -> html_table.Table:
    return html_tree.read([page.encode() for page in pages])


def blocks(page: str) -> list[str]:
    return read(page).texts.to_list()


def test_blocks_stand_in_the_order_of_the_page() -> None:
    page = "<head><title>No</title></head><body>before<div>one <b>bold</b> line<p>two</p>three</div>after</body>"
    assert blocks(page) == ["before", "one bold line", "two", "three", "after"]


def test_line_breaks_and_spaces() -> None:
    assert blocks("<p>first\n\t line<br>second&nbsp;\u200bline<br><br></p>") == ["first line", "second line"]


def test_what_is_not_read() -> None:
    page = "<p>yes</p><script>no</script><style>no</style><!-- no --><noscript>no</noscript><template>no</template>"
    assert blocks(page) == ["yes"]


def test_elements_around_a_block() -> None:
    table = read("<main class=story><p id=x>Text <a href=/>link</a></p></main>", "<p>Other</p>")
    around = []
    at = table.element[0]
    while table.parent[at] != at:
        around.append(table.looks.row(table.look[at]))
        at = table.parent[at]
    assert around == [("p", "x"), ("main", "story"), ("body", "")]
    assert table.block_page.tolist() == [0, 1]
    assert (table.link_chars[0], table.links[0], table.link_chars[1]) == (4, 1, 0)


def test_hidden_holds_below() -> None:
    table = read("<div style='display: none'><p>a</p></div><div hidden><p>b</p></div><p>c</p>")
    assert table.hidden[table.element].tolist() == [1, 1, 0]


def test_the_end_of_an_element_comes_after_what_is_in_it() -> None:
    table = read("<ul><li><p>a</p></li><li>b</li></ul><p>c</p>")
    for at in range(len(table.parent)):
        below = [i for i in range(len(table.parent)) if i == at or _is_below(table, i, at)]
        assert below == list(range(at, table.end[at]))


def _is_below(table: html_table.Table, element: int, above: int) -> bool:
    while table.parent[element] != element:
        element = int(table.parent[element])
        if element == above:
            return True
    return False


MARKUP = st.sampled_from((
    "<p>", "</p>", "<div class='a b'>", "</div>", "<a href=x>", "</a>", "<br>", "<table>", "<td>", "<li", "<a<b>",
    "</a<b>", "<!--", "-->", "<?php a ?>", "<base x>", "</br>", "<svg><title>", "<title>", "<textarea>", "<xmp>",
    "<select>", "</select>", "<p <x =y>", "<script>", "</script>", "<template>", "<frameset>", "<noscript>", "&lt;",
    "&#1;", '"', "'", ">", "<", "/", "word", " ", "\n", "é", "\u200b", "</html>", "<html a='>'>", "</body>", "<head>",
    "<math><mi>",
))  # fmt: skip


@settings(deadline=None)
@given(st.lists(MARKUP, max_size=40).map("".join))
def test_any_markup_is_read_and_costs_its_neighbour_nothing(page: str) -> None:
    table = read(page, "<p>the next page</p>")
    assert table.texts[-1] == "the next page"
    assert table.block_page.tolist() == sorted(table.block_page.tolist())
    assert (table.element_page[table.element] == table.block_page).all()
    assert (table.parent <= np.arange(len(table.parent))).all()
    assert (table.end > np.arange(len(table.parent))).all()


def test_of_endless_pages_the_beginning_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_tree, "MAX_TAGS", 9)
    table = read("<div><ul><li>one<br><li>two</ul></div><p>three", "<p>the next page</p>")
    assert table.texts.to_list() == ["one", "two", "the next page"]
    assert table.block_page.tolist() == [0, 0, 1]


HOSTILE = {
    "nested": "<div>" * 100_000 + "deep" + "</div>" * 100_000,
    "nested, unclosed": "<section><p>" * 50_000 + "deep",
    "tables": "<table>" * 50_000 + "deep",
    "lists": "<ul><li>" * 50_000 + "deep",
    "empty tags": "<i></i>" * 250_000,
    "no closing tags": "<div><p>word <li> item" * 15_000,
    "formatting that comes back": "<p>" + "".join(f"<b id={i}>" for i in range(500)) + "</p><p>x" * 5000,
    "attributes": "<p " + " ".join(f"a{i}" for i in range(300_000)) + ">x</p>",
    "attributes, unclosed": "<p " + " ".join(f"<a{i}" for i in range(300_000)),
    "a long attribute": "<p class='" + "word " * 1_000_000 + "'>x</p>",
    "a long text": "<p>" + "word " * 500_000,
    "line breaks": "x<br>" * 50_000,
    "binary": bytes(range(256)).decode("latin-1") * 10_000,
    "NUL": "\x00" * 500_000 + "<p>a\x00b</p>",
    "a PNG": "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR<\x00>&#;" * 1000,
    "nothing": "",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_end(name: str) -> None:
    start = time.process_time()
    table = read(HOSTILE[name], "<p>the next page</p>")
    told = html_words.linear(table, np.zeros((3, html_words.BUCKETS)), 0.0)
    batch = html_features.Batch(table, told)
    assert np.isfinite(batch.columns()).all()
    assert np.isfinite(html_second.columns(batch, told)).all()
    assert table.texts[-1] == "the next page"
    assert table.depth.max() <= html_tree.MAX_DEPTH
    assert time.process_time() - start < 15


def test_taming_keeps_the_text() -> None:
    page = "<div><b>" * 3000 + "<p>kept</p>" * 10 + "<p data-x='" + "y z " * 5000 + "' class=c>too</p>"
    assert blocks(page) == ["kept"] * 10 + ["too"]


def test_taming_leaves_long_values_alone() -> None:
    page = b"<p>" + b"x" * 100_000 + b"<div data-state='" + b'{"a": 1}, ' * 5_000 + b"'>kept</div>"
    assert html_taming.tamed(page) is page
    endless = page.replace(b"<div ", b"<div " + b"y z " * 6_000)
    assert len(html_taming.tamed(endless)) < 101_000


def test_columns_have_names() -> None:
    table = read("<p>One.</p>")
    batch = html_features.Batch(table, np.zeros(1))
    assert batch.columns().shape == (1, len(html_features.columns()))
    assert batch.units.tolist() == [1]


def test_a_page_is_described_the_same_alone_and_in_company() -> None:
    one = "<main><h1>Head</h1><p>Some words that make a sentence of more than ten words, here.</p><p>Short</p></main>"
    other = "<ul class=menu><li><a href=/>Home</a><li><a href=/news>News</a></ul>" * 20
    alone, together = read(one), read(other, one, other)
    weights = np.random.default_rng(1).normal(size=(3, html_words.BUCKETS))
    a, b = (html_features.Batch(table, html_words.linear(table, weights, 0.1)) for table in (alone, together))
    own = together.block_page == 1
    np.testing.assert_allclose(a.columns(), b.columns()[own], rtol=1e-4, atol=1e-5)
    second = [html_second.columns(batch, batch.told) for batch in (a, b)]
    np.testing.assert_allclose(second[0], second[1][own], rtol=1e-4, atol=1e-5)


def test_pairs_say_the_same_as_the_linear_score() -> None:
    table = read("<div class='post body'><p id=lead>a</p><ul><li><em>b</em></li></ul></div>")
    weights = np.random.default_rng(2).normal(size=(3, html_words.BUCKETS))
    block, weight = html_words.pairs(table)
    size = np.bincount(block)
    total = np.bincount(block, weights=weights.reshape(-1)[weight])
    np.testing.assert_allclose(total / np.sqrt(size) + 0.5, html_words.linear(table, weights, 0.5))
