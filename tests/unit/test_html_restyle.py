"""Training pages in another style: the same texts in the same order, with fewer elements and names around them."""

from __future__ import annotations

import numpy as np

from curate.models import html_restyle, html_tree

PAGE = (
    b"<main class=story><div class=box><section class=in><p class=lead>one <b>bold</b></p><p>two</p></section>"
    b"<ul><li>three</li><li>four</li></ul></div><aside><p>five</p><p>six</p></aside></main>"
)


def test_texts_stay_where_they_are_and_some_elements_and_names_go(monkeypatch):
    monkeypatch.setattr(html_restyle, "UNWRAPPED", 0.9)
    monkeypatch.setattr(html_restyle, "UNNAMED", 0.9)
    table = html_tree.read([PAGE, PAGE] * 20)
    chosen = np.arange(40) % 2 == 0
    restyled = html_restyle.restyled(table, chosen)
    assert restyled.texts.equals(table.texts)
    assert (restyled.element_page[restyled.element] == table.block_page).all()
    assert (restyled.element_page[restyled.inline] == table.block_page).all()
    size, before = (np.bincount(each.element_page, minlength=40) for each in (restyled, table))
    assert (size[~chosen] == before[~chosen]).all()
    assert (size[chosen] < before[chosen]).mean() > 0.5
    told = restyled.looks["told"].to_numpy()[restyled.look] != ""
    assert told[~chosen[restyled.element_page]].sum() > 2 * told[chosen[restyled.element_page]].sum()


def test_the_tree_stays_a_tree():
    restyled = html_restyle.restyled(html_tree.read([PAGE] * 30), np.ones(30, bool))
    rows = np.arange(len(restyled.parent))
    roots = restyled.parent == rows
    assert roots.sum() == 30
    assert (restyled.depth[roots] == 0).all()
    assert (restyled.depth[~roots] == restyled.depth[restyled.parent[~roots]] + 1).all()
    assert (rows < restyled.end).all() and (restyled.end[~roots] <= restyled.end[restyled.parent[~roots]]).all()
