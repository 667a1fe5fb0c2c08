"""Training pages in a style of nobody: some of the elements around their texts gone, and some of their class names.

Pages of one training set are of some hundred templates, and what is learned of these holds on no others. A page that
says the same with fewer elements and names must be judged by what is left: its texts, and where they stand.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.models import html_table
from curate.models.html_table import Table

UNWRAPPED, UNNAMED = 0.3, 0.4
"""The share of elements around several blocks, and of looks, that is gone; on a page from none to twice as much."""

Mask = npt.NDArray[np.bool_]


def restyled(table: Table, pages: Mask) -> Table:
    """The same blocks, those of some pages in another style. Every call gives the same."""
    rng = np.random.default_rng(0)
    unwrapped, unnamed = rng.uniform(0, [[2 * UNWRAPPED], [2 * UNNAMED]], (2, table.pages)) * pages
    blocks = html_table.subtree(table, np.ones((len(table.texts), 1)))[:, 0]
    gone = rng.random(len(blocks)) < unwrapped[table.element_page]
    return _unnamed(_without(table, gone & (blocks > 1) & (table.depth > 0)), unnamed, rng)


def _without(table: Table, gone: Mask) -> Table:
    """What stands in some elements stands in those around them instead."""
    kept = ~gone
    at = np.arange(len(kept))
    for level in html_table.levels(table)[1:]:
        at[level] = np.where(kept[level], level, at[table.parent[level]])
    number = np.cumsum(kept) - 1
    return replace(
        table,
        parent=number[at[table.parent[kept]]],
        end=np.append(0, np.cumsum(kept))[table.end[kept]],
        depth=html_table.down(table, kept.astype(np.float64))[kept].astype(np.int64) - 1,
        look=table.look[kept],
        hidden=table.hidden[kept],
        element_page=table.element_page[kept],
        element=number[at[table.element]],
        inline=number[at[table.inline]],
    )


def _unnamed(table: Table, share: npt.NDArray[np.float64], rng: np.random.Generator) -> Table:
    """On each page a share of the looks without attributes."""
    looks, inverse = np.unique(table.element_page * len(table.looks) + table.look, return_inverse=True)
    plain = rng.random(len(looks)) < share[looks // len(table.looks)]
    look = np.where(plain[inverse], len(table.looks) + table.tag, table.look)
    tags = pl.DataFrame({"tag": table.tags, "told": ""}, schema=table.looks.schema)
    return replace(table, look=look, looks=pl.concat([table.looks, tags]))
