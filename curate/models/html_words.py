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
    "comment": "comment|disqus|respond|repl(?:y|ies)|discuss|koment|kommentar|feedback|livefyre|opinie",
    "related": "relat|recommend|more|also|similar|popular|trending|most|latest|recent|taboola|outbrain|teaser|next|prev"
    "|zergnet|podobne|suggest",
    "share": "share|social|follow|facebook|twitter|addthis|sns|toolbar|tools",
    "nav": "nav|menu|breadcrumb|crumb|header|masthead|topbar|pagination|pager|tabs",
    "foot": "foot|copyright|legal|bottom|imprint",
    "side": "side|widget|rail|aside|module",
    "promo": "promo|advert|^ads?$|sponsor|banner|subscri|newsletter|paywall|signup|cookie|consent|popup|modal|donat"
    "|offer",
    "caption": "caption|photo|image|media|gallery|video|credit|legend|foto|figure",
    "byline": "byline|author|meta|date|time|publish|info|^bio$|source|avtor|autor",
    "tag": "^tags?$|keyword|categor|topic|label",
    "title": "title|headline|heading|titre|nagl",
    "body": "article|story|post|entry|content|text|body|news|main|tresc|single|page",
    "bodies": "(?:article|entry|post|story|content|body|main|text|news|field|td)(?:body|content|text|paragraph)$"
    "|^paragraph",
}
"""What words of class and other attributes hint at."""
_MAX_WORDS = 14


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
    words = table.told.group_by("look", maintain_order=True).head(2 * _MAX_WORDS)
    follows = (pl.col("look") == pl.col("look").shift(-1)).fill_null(False)
    pairs = words.with_columns(pl.col("word") + pl.col("word").shift(-1)).filter(words.select(follows).to_series())
    both = pl.concat([words, pairs])
    number, names = numbered(both["word"])
    holds = [names.str.contains(pattern).to_numpy() for pattern in CUES.values()]
    looks = both["look"].to_numpy()
    found = [np.bincount(looks[held[number]], minlength=len(table.looks)) > 0 for held in holds]
    return np.stack(found, 1)


def _words(table: Table) -> tuple[Ints, Ints]:
    """(look, bucket) of each class word of each look, in the order of the looks."""
    words = table.told.filter(pl.col("word").str.len_chars() > 1).unique(maintain_order=True)
    words = words.group_by("look", maintain_order=True).head(_MAX_WORDS)
    tags = (pl.format("<{}>", "tag"), pl.format("={} {}", "tag", pl.col("told").str.slice(0, 60)))
    of_tags = [table.looks.select(look=pl.int_range(pl.len()), word=words) for words in tags]
    every = pl.concat([words, *of_tags]).sort("look")
    number, names = numbered(every["word"])
    buckets = np.array([code(name) % BUCKETS for name in names.to_list()], np.int64)
    return every["look"].to_numpy(), buckets[number]


def code(word: str) -> int:
    """A word's 32 bits: weights are stored by them."""
    return crc32(word.encode("utf-8", "surrogatepass"))


def _by_element(table: Table, look: Ints, values: Floats) -> Floats:
    """Sums over the words of each element; nothing for roots."""
    sums = np.bincount(look, weights=values, minlength=len(table.looks))[table.look]
    return np.where(table.depth > 0, sums, 0)
