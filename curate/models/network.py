"""The line network, run in numpy: six dilated convolutions over a page's lines, with the page itself pooled in twice.

A line's verdict needs what stands around it and what the page is made of. Convolutions of width 3 with dilations
1, 2, 4, 8, 16, 1 see 32 lines to each side; after the third and the fifth, the mean over all lines and the mean over
the lines that look kept so far are added to every line. After the dilated networks of van den Oord et al. 2016
(WaveNet) and Strubell et al. 2017 (for tagging). `curate.models.fit` trains it; there the same network stands in torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from curate.models.lines import Floats, Ints

DILATIONS = (1, 2, 4, 8, 16, 1)
POOLED = (2, 4)
"""The convolutions after which the page is pooled."""
POSITIONS = 5
"""Columns of `positions`."""
MAX_WEIGHT = 150
"""Words after which a line counts no more in the page's mean."""

AT_ONCE = 4_000
"""Lines that go through the network together, or one page: what they pass through stays in the processor's cache, which
takes half the time of 14,000, and never are the columns of a million lines held."""
_STRIP = 64

Weights = Mapping[str, Floats]


def positions(bounds: Ints, tokens: Ints) -> Floats:
    """Where each line stands, [lines, 5]: from the start, from the end, share of lines, of words; size of the page."""
    sizes = np.diff(bounds)
    size = np.repeat(sizes, sizes).astype(np.float32)
    index = (np.arange(bounds[-1]) - np.repeat(bounds[:-1], sizes)).astype(np.float32)
    words = np.append(0, np.cumsum(tokens))
    before = words[1:] - np.repeat(words[bounds[:-1]], sizes)
    total = np.repeat(words[bounds[1:]] - words[bounds[:-1]], sizes)
    columns = [
        np.log1p(index) / 3 - 1,
        np.log1p(size - 1 - index) / 3 - 1,
        2 * index / size - 1,
        2 * before / np.maximum(total, 1) - 1,
        np.log(size) / 2 - 2.3,
    ]
    return np.stack(columns, 1).astype(np.float32)


def run(weights: Weights, inputs: Floats, bounds: Ints, tokens: Ints) -> Floats:
    """Log-odds of each line to be kept. `inputs` is [lines, columns]; page `i` is lines `bounds[i]` to `bounds[i + 1]`.

    No page may be empty.
    """
    group = bounds[:-1] // AT_ONCE
    edges = np.append(np.flatnonzero(np.diff(group, prepend=-1)), len(group))
    parts = []
    for first, last in pairwise(edges):
        lines = slice(bounds[first], bounds[last])
        parts.append(_run(weights, inputs[lines], bounds[first : last + 1] - bounds[first], tokens[lines]))
    return np.concatenate(parts)


def _run(weights: Weights, inputs: Floats, bounds: Ints, tokens: Ints) -> Floats:
    page = _Pages(bounds, tokens)
    values = np.maximum(_times(page.spread(inputs), weights["inp"]) + weights["inp.b"], 0)
    values[page.gaps] = 0
    for i, dilation in enumerate(DILATIONS):
        values += _convolved(weights, values, i, dilation)
        values[page.gaps] = 0
        if i in POOLED:
            values = page.spread(_pooled(weights, page, values, POOLED.index(i)))
    logits: Floats = _times(values, weights["out"][:, None])[page.rows, 0] + weights["out.b"]
    return logits


def _convolved(weights: Weights, values: Floats, i: int, dilation: int) -> Floats:
    before, hidden, after = (_times(values, matrix) for matrix in weights[f"conv{i}"])
    hidden[dilation:] += before[:-dilation]
    hidden[:-dilation] += after[dilation:]
    hidden += weights[f"conv{i}.b"]
    np.maximum(hidden, 0, out=hidden)
    mixed = _times(hidden, weights[f"mix{i}"])
    mixed += weights[f"mix{i}.b"]
    return mixed


def _times(values: Floats, matrix: Floats) -> Floats:
    """The product, strip by strip: strips so small that BLAS starts no threads, whatever the machine."""
    strips: Floats = values.reshape(-1, _STRIP, values.shape[1]) @ matrix
    return strips.reshape(len(values), -1)


def _pooled(weights: Weights, page: _Pages, values: Floats, i: int) -> Floats:
    kept = _times(values, weights["keep"][:, None])[page.rows, 0] + weights["keep.b"]
    kept = page.words / (1 + np.exp(-kept))
    values = values[page.rows]
    body = page.sum(values * kept[:, None]) / (page.sum(kept) + 1)[:, None]
    mean = page.sum(values) / page.sizes[:, None]
    whole = np.concatenate([body, mean], 1) @ weights[f"pool{i}"] + weights[f"pool{i}.b"]
    return np.maximum(values + np.repeat(whole, page.sizes, axis=0), 0)


class _Pages:
    """Pages laid one after the other, with gaps so wide that no convolution reaches across."""

    def __init__(self, bounds: Ints, tokens: Ints) -> None:
        gap = max(DILATIONS)
        self.sizes = np.diff(bounds)
        self.words = np.minimum(tokens, MAX_WEIGHT).astype(np.float32)
        self._starts = bounds[:-1]
        self.rows = np.arange(bounds[-1]) + np.repeat(gap * np.arange(1, len(bounds)), self.sizes)
        size = bounds[-1] + gap * len(bounds)
        self.gaps = np.ones(size + -size % _STRIP, bool)
        self.gaps[self.rows] = False

    def spread(self, values: Floats) -> Floats:
        """The values of lines, with zeros in the gaps."""
        out = np.zeros((len(self.gaps), values.shape[1]), np.float32)
        out[self.rows] = values
        return out

    def sum(self, values: Floats) -> Floats:
        """Sum over the lines of each page."""
        total: Floats = np.add.reduceat(values, self._starts)
        return total
