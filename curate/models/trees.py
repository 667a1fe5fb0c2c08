"""Boosted oblivious trees, run in numpy: each asks the same six questions of every row, and looks the answer up.

The trees of CatBoost (Prokhorenkova et al. 2018), after Kohavi and Li (1995). The answers to the questions of a tree
are the bits of an index into its leaves, so that many trees are a comparison, `packbits` and a look-up. `boost.py`
trains them.
"""

from __future__ import annotations

import numpy as np

from curate.models.html_table import Floats
from curate.models.weights import Arrays

DEPTH = 6
_TREES = 32
"""Trees run at a time; always the same number, so that sums are the same in any batch."""


def run(model: Arrays, name: str, values: Floats) -> Floats:
    """The sum of the leaves of each row. values: [rows, columns].

    Of the arrays under `name`, `column` and `border`, [trees, 6], are the questions, is column > border; `leaf`,
    [trees, 64], are the answers, the first question the highest bit; `bias` is what every row begins with.
    """
    columns, borders, leaves = model[f"{name}.column"].astype(np.int64), model[f"{name}.border"], model[f"{name}.leaf"]
    turned = np.ascontiguousarray(values.T, np.float32)
    total: Floats = np.full(len(values), model[f"{name}.bias"][0], np.float64)
    for i in range(0, len(columns), _TREES):
        group = slice(i, i + _TREES)
        answers = turned[columns[group]] > borders[group, :, None]
        leaf = np.packbits(answers, axis=1)[:, 0] >> (8 - DEPTH)
        total += np.take_along_axis(leaves[group], leaf, 1).sum(0)
    return total
