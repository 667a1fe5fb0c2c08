"""A second look at the blocks of HTML pages, once each has a first score: columns for the trees (trees.py).

What the network cannot see from where a block stands in the line of blocks: how the others of its kind, with its path
of tags and in the elements around it were scored, and how far it is from the element that holds most of what was kept.
"""

from __future__ import annotations

import numpy as np

from curate.models import html_table, html_tree
from curate.models.html_features import Batch
from curate.models.html_table import Floats, Ints, Table

_LIMIT = 6.0
_MOST = 0.8
"""Share of what was kept that the second anchor holds."""


def columns(batch: Batch, odds: Floats) -> Floats:
    """[blocks, columns] from the first log-odds of each block."""
    score = np.clip(odds, -_LIMIT, _LIMIT)
    groups = (batch.alike, _paths(batch.table), *batch.near)
    parts = [score, *(batch.others(score, group) for group in groups)]
    parts += [batch.mean(score, reach) for reach in (3, 7, 15)]
    parts += [_beside(batch, score, step) for step in (1, -1, 2, -2, 3, -3)]
    return np.concatenate([np.stack(parts, 1), _kept(batch, score)], 1, dtype=np.float32)


def _beside(batch: Batch, score: Floats, step: int) -> Floats:
    at, there = batch.beside(step)
    return np.where(there, score[at], -_LIMIT)


def _kept(batch: Batch, score: Floats) -> Floats:
    """Words kept in the elements around a block, and where it is from those that hold the best sum and most of them."""
    table, page = batch.table, batch.table.block_page
    chance, words = 1 / (1 + np.exp(-score)), np.clip(batch.units, 1, 200)
    kept = chance * words
    gain, share, total = html_table.subtree(table, np.stack([kept - words / 2, kept, words], 1)).T
    root = np.searchsorted(table.element_page, np.arange(table.pages))
    of_page = np.maximum(share[root], 1)
    best = batch.deepest(gain >= np.maximum.reduceat(gain, root)[table.element_page] - 1e-6)
    most = batch.deepest(share >= _MOST * of_page[table.element_page])
    before = np.cumsum(kept) - kept
    parts = [share[around] / of_page[page] for around in batch.near[:3]]
    parts += [share[around] / np.maximum(total[around], 1) for around in batch.near[1:3]]
    parts += [(share[best] / np.maximum(total[best], 1))[page], (before - before[batch.first]) / of_page[page]]
    parts += [np.log1p(of_page)[page]]
    return np.concatenate([np.stack(parts, 1), batch.away(best), batch.away(most)], 1)


def _paths(table: Table) -> Ints:
    """A number for each path of tags from the root of a page to a block."""
    path, size = np.zeros(len(table.parent), np.int64), len(table.tags)
    for level in html_table.levels(table)[1:]:
        path[level] = np.unique(path[table.parent[level]] * size + table.tag[level], return_inverse=True)[1]
    key = (table.block_page * (html_tree.MAX_DEPTH + 1) + table.depth[table.element]) * len(path) + path[table.element]
    paths: Ints = np.unique(key, return_inverse=True)[1]
    return paths
