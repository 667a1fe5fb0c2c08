"""The block model for HTML: which blocks of a page are its article.

html_tree.py turns pages into blocks and elements, html_features.py says what each block looks like in its page, and the
network of the text model (network.py), with weights of its own, puts them in their place. Weights: html.npz, from
`python -m curate.models.train_html`; see HTML_CARD.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from curate.models import html_features, html_tree, network, weights
from curate.models.flattened import JUDGED
from curate.models.html_tree import Table
from curate.models.lines import Floats, Ints, slices

KIND = "html blocks 1"
"""Changes whenever weights trained before would be read wrongly."""
WEIGHTS = Path(__file__).with_name("html.npz")

_SLICE_CHARS = 8_000_000
_LIMIT = 5.0


def judge(pages: Sequence[str], path: str | None = None) -> pl.DataFrame:
    """Score the blocks of HTML pages; a frame of `flattened.JUDGED`. `path`: other weights."""
    model = _loaded(path or str(WEIGHTS))
    parts = [_judge(model, pages[a:b], a) for a, b in slices(pages, _SLICE_CHARS)]
    return pl.concat([pl.DataFrame(schema=JUDGED), *parts])


def odds(model: weights.Arrays, table: Table) -> Floats:
    """Log-odds of each block to be kept."""
    told = html_features.linear(table, model["words"], float(model["words.b"][0]))
    values, bounds, units = inputs(table, told, model["mean"], model["scale"])
    return network.run(model, values, bounds, units)


def inputs(table: Table, told: html_features.Floats, mean: Floats, scale: Floats) -> tuple[Floats, Ints, Ints]:
    """What the network is given: columns of all blocks, standardised; where pages begin and end; words of blocks."""
    values, units = html_features.describe(table, told)
    values = np.clip((values - mean) / scale, -_LIMIT, _LIMIT)
    bounds: Ints = np.append(np.flatnonzero(np.diff(table.block_page, prepend=-1)), len(table.block_page))
    words: Ints = np.maximum(units, 1).astype(np.int64)
    return np.concatenate([values, network.positions(bounds, words)], 1, dtype=np.float32), bounds, words


def _judge(model: weights.Arrays, pages: Sequence[str], first: int) -> pl.DataFrame:
    table = html_tree.read(pages)
    if not table.texts:
        return pl.DataFrame(schema=JUDGED)
    score = np.round(1 / (1 + np.exp(-odds(model, table))), 3)
    columns = {"page": (table.block_page + first).astype(np.uint32), "text": table.texts, "score": score}
    return pl.DataFrame(columns, schema=JUDGED)


@lru_cache(4)
def _loaded(path: str) -> weights.Arrays:
    arrays = weights.load(path, KIND)
    return arrays | {"words": arrays["words"].reshape(3, html_features.BUCKETS)}
