"""Words of class and other attributes: what they hint at, and what they weigh as evidence.

Names that people give to elements (`entry-content`, `related-posts`) say much of what stands in them. Known hints are
matched by pattern; all words around a block, hashed, make a linear score of their own. After Web2Text (Vogels et al.
2018) and boilerplate rules of readability.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.models.html_table import Floats, Ints, Table, down, near, numbered

BUCKETS = 1 << 14
"""Weights that a class word can point at, for each of three distances: the block's element, the next two, the rest."""
LIMIT = 8.0

CUES = {
    "comment": "comment disqus respond reply replies discuss koment kommentar feedback livefyre opinie",
    "related": "relat recommend more also similar popular trending most latest recent taboola outbrain teaser next prev"
    " zergnet podobne suggest",
    "share": "share social follow facebook twitter addthis sns toolbar tools",
    "nav": "nav menu breadcrumb crumb header masthead topbar pagination pager tabs",
    "foot": "foot copyright legal bottom imprint",
    "side": "side widget rail aside module",
    "promo": "promo advert ^ad$ ^ads$ sponsor banner subscri newsletter paywall signup cookie consent popup modal donat"
    " offer",
    "caption": "caption photo image media gallery video credit legend foto figure",
    "byline": "byline author meta date time publish info ^bio$ source avtor autor",
    "tag": "^tag$ ^tags$ keyword categor topic label",
    "title": "title headline heading titre nagl",
    "body": "article story post entry content text body news main tresc single page",
    "bodies": "^paragraph "
    + " ".join(
        f"{whose}{what}$"
        for whose in ("article", "entry", "post", "story", "content", "body", "main", "text", "news", "field", "td")
        for what in ("body", "content", "text", "paragraph")
    ),
}
"""What words of class and other attributes hint at, by what stands in them: ^ where a word begins, $ where it ends."""
_HINTS = pl.Enum([hint for hints in CUES.values() for hint in hints.split()])
_CUE = np.repeat(np.arange(len(CUES)), [len(hints.split()) for hints in CUES.values()])
_MAX_WORDS = 14
_OF_TAGS = (pl.format("<{}>", "tag"), pl.format("={} {}", "tag", pl.col("told").str.slice(0, 60)))


def linear(table: Table, weights: Floats, bias: float) -> Floats:
    """Log-odds of each block by the class words around it alone. weights: [3, BUCKETS]."""
    element, parent, grandparent, above = near(table)
    look, bucket = _words(table)
    own, close, rest = (_by_element(table, look, row[bucket]) for row in weights)
    number = _by_element(table, look, np.ones(len(look)))
    far, count = down(table, np.stack([rest, number], 1)).T
    total = own[element] + close[parent] + close[grandparent] + far[above]
    odds: Floats = np.clip(total / np.sqrt(np.maximum(count[element], 1)) + bias, -LIMIT, LIMIT)
    return odds


def pairs(table: Table) -> tuple[Ints, Ints]:
    """(block, weight) for each class word around each block, to learn weights from: indices into [3 * BUCKETS]."""
    look, bucket = _words(table)
    first = np.searchsorted(look, np.arange(len(table.looks) + 1))
    blocks, weights = [], []
    at, rows, distance = table.element, np.arange(len(table.element)), 0
    while len(rows):
        below_root = table.parent[at] != at
        at, rows = at[below_root], rows[below_root]
        looks = table.look[at]
        size = first[looks + 1] - first[looks]
        word = np.repeat(first[looks] - np.cumsum(size) + size, size) + np.arange(size.sum())
        blocks.append(np.repeat(rows, size))
        weights.append(bucket[word] + (0 if distance == 0 else 1 if distance < 3 else 2) * BUCKETS)
        at, distance = table.parent[at], distance + 1
    return np.concatenate(blocks), np.concatenate(weights)


def cues(table: Table) -> npt.NDArray[np.bool_]:
    """[looks, cues]: whether the words of its attributes, alone or two together, hold a cue."""
    look, word, names = table.told
    early = _rank(look) < 2 * _MAX_WORDS
    look, word = look[early], word[early]
    follows = np.flatnonzero(look[1:] == look[:-1])
    pairs, pair = np.unique(word[follows] * len(names) + word[follows + 1], return_inverse=True)
    joined = names.gather(pairs // len(names)) + names.gather(pairs % len(names))
    holds = _holding(pl.concat([names, joined]))[np.concatenate([word, len(names) + pair])]
    at, cue = np.nonzero(holds)
    found = np.zeros((len(table.looks), len(CUES)), bool)
    found[np.concatenate([look, look[follows]])[at], cue] = True
    return found


def _holding(names: pl.Series) -> npt.NDArray[np.bool_]:
    """[names, cues]: which cues stand in each name."""
    hints = ("^" + names + "$").str.extract_many(_HINTS.categories.to_list(), overlapping=True)
    at = np.repeat(np.arange(len(names)), hints.list.len().to_numpy())
    hint = hints.explode(empty_as_null=False).cast(_HINTS).to_physical().to_numpy()
    holds = np.zeros((len(names), len(CUES)), bool)
    holds[at, _CUE[hint]] = True
    return holds


def _words(table: Table) -> tuple[Ints, Ints]:
    """(look, bucket) of each class word of each look, in the order of the looks."""
    look, word, names = table.told
    long = np.flatnonzero((names.str.len_chars() > 1).to_numpy()[word])
    once = long[_first(look[long] * len(names) + word[long])]
    once = once[_rank(look[once]) < _MAX_WORDS]
    tags = [table.looks.select(name).to_series() for name in _OF_TAGS]
    number, written = numbered(pl.concat([names, *tags]))
    every = np.arange(len(table.looks))
    look = np.concatenate([look[once], every, every])
    at = np.concatenate([word[once], np.arange(len(names), len(number))])
    buckets = np.array([code(name) % BUCKETS for name in written.to_list()], np.int64)
    order = np.argsort(look, kind="stable")
    return look[order], buckets[number[at[order]]]


def _first(keys: Ints) -> Ints:
    """Where each key stands first, in order."""
    return np.sort(np.unique(keys, return_index=True)[1])


def _rank(look: Ints) -> Ints:
    """How many words of its look stand before each; the looks are in order."""
    return np.arange(len(look)) - np.searchsorted(look, look)


def code(word: str) -> int:
    """A word's 32 bits: weights are stored by them."""
    return crc32(word.encode("utf-8", "surrogatepass"))


def _by_element(table: Table, look: Ints, values: Floats) -> Floats:
    """Sums over the words of each element; nothing for roots."""
    sums = np.bincount(look, weights=values, minlength=len(table.looks))[table.look]
    return np.where(table.depth > 0, sums, 0)
