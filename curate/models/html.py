"""The block model for HTML: which blocks of a page are its article.

html_tree.py turns pages into blocks and elements, html_words.py weighs the words of their attributes, html_features.py
says what each block looks like in its page. Two unlike judges see that: the network of the text model (network.py),
with weights of its own; and boosted trees, twice, the second time with what the first said of the blocks around
(html_second.py). A third, the model for flattened text (flattened.py), sees the words.
Weights: html.npz, from `python -m curate.models.train_html`; see HTML_CARD.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from curate.models import flattened, html_second, html_tree, html_words, lines, network, trees, weights
from curate.models.flattened import JUDGED
from curate.models.html_features import Batch
from curate.models.html_table import Floats, Ints, Table
from curate.models.lines import slices

KIND = "html blocks 2"
"""Changes whenever weights trained before would be read wrongly."""
WEIGHTS = Path(__file__).with_name("html.npz")

_SLICE_BYTES, _SLICE_PAGES = 32_000_000, 128
_SLICE_CHARS = 1_000_000
_LIMIT = 5.0
_TEXT, _TREES = 1 / 3, 0.6
"""What the model for flattened text counts, and the trees in the rest."""
_HOPELESS = -4.0
"""Log-odds up to which the first look is enough. Of 58,633 blocks of the development pages three of four have no more,
and of these none has more than -2 at the second."""
_MAYBE, _AROUND = -1.0, 8
"""Log-odds above which a block may be kept, and how many blocks around those are read as text. Reading whole pages as
text changes Fb by .0005 and takes three times as long."""


def judge(pages: Sequence[bytes], path: str | None = None) -> pl.DataFrame:
    """Score the blocks of HTML pages, in UTF-8; a frame of `flattened.JUDGED`. `path`: other weights."""
    model = load(path)
    parts = [_judge(model, pages[a:b], a) for a, b in slices(pages, _SLICE_BYTES, _SLICE_PAGES)]
    return pl.concat([pl.DataFrame(schema=JUDGED), *parts])


def load(path: str | None = None) -> weights.Arrays:
    """Read weights once, verified. Raises InputError where they are damaged or of another kind."""
    return _loaded(path or str(WEIGHTS))


def odds(model: weights.Arrays, table: Table) -> Floats:
    """Log-odds of each block to be kept, by all three; where there is no doubt that it goes, by network and trees."""
    every = structure_odds(model, table)
    blocks, text = _text_odds(table, every)
    every[blocks] += _TEXT * (text - every[blocks])
    return every


def structure_odds(model: weights.Arrays, table: Table) -> Floats:
    """Log-odds of each block by the elements around it: network and trees."""
    batch = described(model, table)
    columns = batch.columns()
    values, bounds, units = inputs(batch, columns, model["mean"], model["scale"])
    odds: Floats = (1 - _TREES) * network.run(model, values, bounds, units) + _TREES * tree_odds(model, batch, columns)
    return odds


def _text_odds(table: Table, structure: Floats) -> tuple[Ints, Floats]:
    """Blocks in doubt, and what the model for flattened text says of them, read as the lines of pages."""
    starts, pages = _in_doubt(table, structure)
    model, blocks, text = flattened.Model.load(), [], []
    for a, b in slices(pages, _SLICE_CHARS) if pages else ():
        found = lines.read(pages[a:b])
        blocks.append(starts[a:b][found.page] + found.number)
        text.append(model.odds(found))
    return np.concatenate(blocks or [starts]), np.concatenate(text or [np.zeros(0, np.float32)])


def _in_doubt(table: Table, structure: Floats) -> tuple[Ints, list[str]]:
    """Of pages with blocks that may be kept, the blocks from the first to the last of these and some around: the number
    of the first, and their texts, one a line."""
    maybe = np.flatnonzero(structure > _MAYBE)
    page = table.block_page[maybe]
    first, last = (np.flatnonzero(np.diff(page, prepend=-1)), np.flatnonzero(np.diff(page, append=-1)))
    begin, end = (np.searchsorted(table.block_page, page[first], side=side) for side in ("left", "right"))
    starts, ends = np.maximum(begin, maybe[first] - _AROUND), np.minimum(end, maybe[last] + 1 + _AROUND)
    texts = [table.texts[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    return starts, ["\n".join(lines) for lines in texts]


def described(model: weights.Arrays, table: Table) -> Batch:
    """The blocks in numbers, their words weighed."""
    return Batch(table, html_words.linear(table, model["words"], float(model["words.b"][0])))


def inputs(batch: Batch, columns: Floats, mean: Floats, scale: Floats) -> tuple[Floats, Ints, Ints]:
    """What the network is given: columns of all blocks, standardised; where pages begin and end; words of blocks."""
    bounds: Ints = np.append(np.flatnonzero(np.diff(batch.table.block_page, prepend=-1)), len(columns))
    words: Ints = np.maximum(batch.units, 1).astype(np.int64)
    values = np.concatenate([columns, network.positions(bounds, words)], 1, dtype=np.float32)
    standard = values[:, : columns.shape[1]]
    standard -= mean
    standard /= scale
    np.clip(standard, -_LIMIT, _LIMIT, out=standard)
    return values, bounds, words


def tree_odds(model: weights.Arrays, batch: Batch, columns: Floats) -> Floats:
    """What the trees say: of blocks that may be kept, at the second look."""
    odds = trees.run(model, "first", columns)
    again = np.flatnonzero(odds > _HOPELESS)
    odds[again] = trees.run(model, "second", second_columns(batch, columns, odds, again))
    return odds


def second_columns(batch: Batch, columns: Floats, first: Floats, rows: Ints) -> Floats:
    """What the trees are given at the second look at some blocks, `first` being what they said of all at the first."""
    return np.concatenate([columns[rows], html_second.columns(batch, first)[rows]], 1)


def _judge(model: weights.Arrays, pages: Sequence[bytes], first: int) -> pl.DataFrame:
    table = html_tree.read(pages)
    if table.texts.is_empty():
        return pl.DataFrame(schema=JUDGED)
    score = np.round(1 / (1 + np.exp(-odds(model, table))), 3)
    columns = {"page": (table.block_page + first).astype(np.uint32), "text": table.texts, "score": score}
    return pl.DataFrame(columns, schema=JUDGED)


@lru_cache(4)
def _loaded(path: str) -> weights.Arrays:
    return shaped(weights.load(path, KIND))


def shaped(model: weights.Arrays) -> weights.Arrays:
    """Weights as they are run: those of class words by distance."""
    return model | {"words": model["words"].reshape(3, html_words.BUCKETS)}
