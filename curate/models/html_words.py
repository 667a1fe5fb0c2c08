"""Words of class and other attributes: what they hint at, and what they weigh as evidence.

Names that people give to elements (`entry-content`, `related-posts`) say much of what stands in them. Known hints are
matched by pattern; all words around a block, hashed, make a linear score of their own. After Web2Text (Vogels et al.
2018) and boilerplate rules of readability.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

import numpy as np

from curate.models.html_table import Floats, Ints, Table, down, near

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
_CUE_PATTERNS = tuple(re.compile(pattern) for pattern in CUES.values())
_WORDS = re.compile(r"[a-z]+|[A-Z][a-z]+|[A-Z]+|[^\W\d_]+")
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


def _words(table: Table) -> tuple[Ints, Ints]:
    """(look, bucket) of each class word of each look, in the order of the looks."""
    found = [_look_words(tag, told) for tag, told in table.looks]
    look = np.repeat(np.arange(len(found)), [len(words) for words in found])
    return look, np.fromiter((bucket for words in found for bucket in words), np.int64, len(look))


@lru_cache(1 << 16)
def _look_words(tag: str, told: str) -> tuple[int, ...]:
    names = list(dict.fromkeys(word.lower() for word in _WORDS.findall(told) if len(word) > 1))[:_MAX_WORDS]
    return tuple(_bucket(name) for name in [f"<{tag}>", *names, f"={tag} {told[:60]}"])


@lru_cache(1 << 17)
def _bucket(word: str) -> int:
    return code(word) % BUCKETS


def code(word: str) -> int:
    return crc32(word.encode("utf-8", "surrogatepass"))


@lru_cache(1 << 16)
def cues(told: str) -> int:
    """Bits of the cues that the words of an attribute hold, alone or two together."""
    names = [word.lower() for word in _WORDS.findall(told)[: 2 * _MAX_WORDS]]
    bits = 0
    for name in {*names, *map("".join, pairwise(names))}:
        bits |= _word_cues(name)
    return bits


@lru_cache(1 << 17)
def _word_cues(word: str) -> int:
    return sum(1 << i for i, pattern in enumerate(_CUE_PATTERNS) if pattern.search(word))


def _by_element(table: Table, look: Ints, values: Floats) -> Floats:
    """Sums over the words of each element; nothing for roots."""
    sums = np.bincount(look, weights=values, minlength=len(table.looks))[table.look]
    return np.where(table.depth > 0, sums, 0)
