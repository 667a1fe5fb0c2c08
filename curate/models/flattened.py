"""The line model for flattened text: which lines of a page are its article.

lines.py describes each line, words.py weighs its words, templates.py says how often its site repeats it, network.py
puts them in their place on the page. Weights: text.npz, from `python -m curate.models.train`; see CARD.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl

from curate.models import lines, network, templates, weights, words
from curate.models.lines import Floats, Ints, Lines, slices

KIND = "text lines 4"
"""Changes whenever weights trained before would be read wrongly."""
WEIGHTS = Path(__file__).with_name("text.npz")

MAX_LINES = 20_000
"""A longer page is judged in pieces of this many lines."""
_SLICE_CHARS = 1_000_000
_LIMIT = 5.0

JUDGED = {"page": pl.UInt32(), "text": pl.String(), "score": pl.Float32()}
"""What a model says: a row a line in the order of the pages, `page` is the row of its page, `score` from 0 to 1."""


def judge(pages: Sequence[str], known: pl.DataFrame | None = None, path: str | None = None) -> pl.DataFrame:
    """Score the visible lines of pages; a frame of JUDGED.

    `known` has a row a page: `line_repeats` and `site_pages` as `templates.count` gives them. `path`: other weights.
    """
    model = Model.load(path)
    parts = [
        model.judge(pages[a:b], known[a:b] if known is not None else None, a) for a, b in slices(pages, _SLICE_CHARS)
    ]
    return pl.concat([pl.DataFrame(schema=JUDGED), *parts])


class Model:
    """The weights, ready to run."""

    def __init__(self, arrays: weights.Arrays) -> None:
        self._arrays = arrays

    @classmethod
    def load(cls, path: str | None = None) -> Model:
        """Read weights once, verified. Raises InputError where they are damaged or of another kind."""
        return _loaded(path or str(WEIGHTS))

    def judge(self, pages: Sequence[str], known: pl.DataFrame | None, first: int) -> pl.DataFrame:
        """Judge a slice of pages, the first of which is page `first`."""
        if not any(pages) or not len(found := lines.read(pages)):
            return pl.DataFrame(schema=JUDGED)
        odds = self.odds(found, known)
        score = np.round(1 / (1 + np.exp(-odds)), 3)
        columns = {"page": (found.page + first).astype(np.uint32), "text": found.texts, "score": score}
        return pl.DataFrame(columns, schema=JUDGED)

    def odds(self, found: Lines, known: pl.DataFrame | None = None) -> Floats:
        """Log-odds of each line to be kept."""
        return self.run(self.values(found, known), _bounds(found), found.tokens)

    def values(self, found: Lines, known: pl.DataFrame | None) -> Floats:
        """What the networks see, [lines, columns]."""
        told = words.score(found, self._arrays["words"], float(self._arrays["words.b"][0]))
        values = inputs(found.features, told, self._arrays["mean"], self._arrays["scale"])
        site = templates.features(*_known(found, known))
        return np.concatenate([values, site, network.positions(_bounds(found), found.tokens)], 1)

    def run(self, values: Floats, bounds: Ints, tokens: Ints) -> Floats:
        """Log-odds of each line to be kept."""
        return network.run(self._arrays, values, bounds, tokens)


def inputs(features: Floats, told: Floats, mean: Floats, scale: Floats) -> Floats:
    """Line features and word scores, standardised."""
    values: Floats = np.clip((np.column_stack([features, told]) - mean) / scale, -_LIMIT, _LIMIT)
    return values


@lru_cache(4)
def _loaded(path: str) -> Model:
    return Model(weights.load(path, KIND))


def _bounds(found: Lines) -> Ints:
    """Where pages, and pieces of long pages, begin and end."""
    place = np.arange(len(found)) - np.searchsorted(found.page, found.page)
    starts = np.ones(len(found), bool)
    starts[1:] = (found.page[1:] != found.page[:-1]) | (place[1:] % MAX_LINES == 0)
    return np.append(np.flatnonzero(starts), len(found))


def _known(found: Lines, known: pl.DataFrame | None) -> tuple[Ints, Ints]:
    """For each line, on how many other pages it stands and how many were looked at; 0 where nothing is known."""
    repeats, pages = np.zeros(len(found), np.int64), np.zeros(len(found), np.int64)
    if known is not None:
        counted = np.bincount(found.page, minlength=found.pages) == known["line_repeats"].list.len().to_numpy()
        at = np.flatnonzero(counted[found.page])
        counts = known.filter(pl.Series(counted)).explode("line_repeats", empty_as_null=False, keep_nulls=False)
        repeats[at], pages[at] = counts["line_repeats"].to_numpy(), counts["site_pages"].to_numpy()
    return repeats, pages
