"""Stop words by language: the small words that prose cannot do without."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.document import language_of
from curate.prose.words import Words, find_words
from curate.text import Hashes, Positions, mix

STOP_WORDS: dict[str, list[str]] = json.loads(files("curate.models").joinpath("stop_words.json").read_text("utf-8"))
"""By language. English: Gopher's. Others: the most frequent words of prose, see benchmarks/quality/stop_words.py."""

_BEGIN = np.uint64(48)


def count_stop_words(batch: pl.DataFrame, words: Words) -> pl.Series:
    """How many different stop words of its language a document has; null where no list is known."""
    number = language_of(batch).replace_strict({name: i for i, name in enumerate(STOP_WORDS)}, default=None)
    table, begins = _stop_table()
    keys = words.hashes ^ np.repeat(_salt(number.fill_null(len(STOP_WORDS)).to_numpy()), words.counts)
    maybe = np.flatnonzero(begins[keys >> _BEGIN])
    which = np.minimum(np.searchsorted(table, keys[maybe]), len(table) - 1)
    hits = table[which] == keys[maybe]
    pairs = np.unique(words.document[maybe[hits]] * len(table) + which[hits])
    counts = pl.Series(np.bincount(pairs // len(table), minlength=batch.height))
    return counts.set(number.is_null(), None)


@cache
def _stop_table() -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """The stop words' hashes, each salted with its language; and which first 16 bits any of them has."""
    lists = [find_words(pl.Series([" ".join(words)])).hashes for words in STOP_WORDS.values()]
    salts = _salt(np.arange(len(lists)))
    table = np.sort(np.concatenate([hashes ^ salt for hashes, salt in zip(lists, salts, strict=True)]))
    begins = np.zeros(1 << 16, bool)
    begins[table >> _BEGIN] = True
    return table, begins


def _salt(number: Positions) -> Hashes:
    return mix(number.astype(np.uint64) + np.uint64(1))
