"""Boosted oblivious trees, run in numpy: each asks the same six questions of every row, and looks the answer up.

The trees of CatBoost (Prokhorenkova et al. 2018), after Kohavi and Li (1995). The answers to the questions of a tree
are the bits of an index into its leaves, so that a tree is six comparisons and a look-up for all rows at once.
`boost.py` trains them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.models.html_table import Floats, Ints
from curate.models.weights import Arrays

DEPTH = 6
_CELLS = 1 << 14
"""Answers in hand at a time, of as many trees as make so many: what fits the processor's cache."""


def run(model: Arrays, name: str, values: Floats) -> Floats:
    """The sum of the leaves of each row. values: [rows, columns].

    Of the arrays under `name`, `column` and `border`, [trees, 6], are the questions, is column > border; `leaf`,
    [trees, 64], are the answers, the first question the highest bit; `bias` is what every row begins with. Leaves are
    of half precision, so that their sums in double precision are exact, in any order.
    """
    columns, borders, leaves = model[f"{name}.column"].astype(np.int64), model[f"{name}.border"], model[f"{name}.leaf"]
    turned = np.ascontiguousarray(values.T, np.float32)
    total: Floats = np.full(len(values), model[f"{name}.bias"][0], np.float64)
    size = max(1, _CELLS // max(len(values), 1))
    for i in range(0, len(columns), size):
        leaf = _leaf(turned, columns[i : i + size], borders[i : i + size])
        first = np.arange(len(leaf))[:, None] * 2**DEPTH
        total += leaves[i : i + size].astype(np.float64).take(leaf + first).sum(0)
    return total


def _leaf(turned: Floats, columns: Ints, borders: Floats) -> npt.NDArray[np.uint8]:
    """[trees, rows] the leaf of each row."""
    leaf = np.zeros((len(columns), turned.shape[1]), np.uint8)
    for column, border in zip(columns.T, borders.T, strict=True):
        leaf += leaf
        leaf |= turned[column] > border[:, None]
    return leaf
