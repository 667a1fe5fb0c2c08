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
_ROWS = 512
"""Rows in hand at a time: what all trees ask of them fits the processor's cache."""


def run(model: Arrays, name: str, values: Floats) -> Floats:
    """The sum of the leaves of each row. values: [rows, columns].

    Of the arrays under `name`, `column` and `border`, [trees, 6], are the questions, is column > border; `leaf`,
    [trees, 64], are the answers, the first question the highest bit; `bias` is what every row begins with. Leaves are
    of half precision, so that their sums in double precision are exact, in any order.
    """
    column, border, question = _distinct(model[f"{name}.column"], model[f"{name}.border"])
    leaves, total = model[f"{name}.leaf"].astype(np.float64), np.zeros(len(values))
    first = np.arange(len(leaves), dtype=np.int32)[:, None] * 2**DEPTH
    for at in range(0, len(values), _ROWS):
        turned = np.ascontiguousarray(values[at : at + _ROWS].T, np.float32)
        leaf = _leaf(turned[column] > border[:, None], question)
        total[at : at + _ROWS] = leaves.take(leaf + first).sum(0)
    return total + float(model[f"{name}.bias"][0])


def _distinct(columns: Floats, borders: Floats) -> tuple[Ints, Floats, Ints]:
    """Column and border of each distinct question, and which of these each tree asks: [trees, 6]."""
    column, border = columns.astype(np.int64).ravel(), borders.astype(np.float32).ravel()
    _, first, which = np.unique(column << 32 | border.view(np.uint32), return_index=True, return_inverse=True)
    return column[first], border[first], which.reshape(columns.shape)


def _leaf(answers: npt.NDArray[np.bool_], question: Ints) -> npt.NDArray[np.uint8]:
    """[trees, rows] the leaf of each row. answers: [questions, rows]."""
    leaf = np.zeros((len(question), answers.shape[1]), np.uint8)
    for asked in question.T:
        leaf += leaf
        leaf |= answers[asked]
    return leaf
