"""What a block of an HTML page looks like, in numbers, for a batch of pages at once.

How much text and how much of it in links the block and the elements around it have; which tags and class words stand
around it, and how near; where it is from the element that holds the sentences; how its neighbours are, and the blocks
that look like it. Everything is computed on tables (html_tree.py), level by level of the trees: no loop over blocks.

After boilerpipe (Kohlschütter et al. 2010: link density, neighbours), readability (the element with most sentences) and
Web2Text (Vogels et al. 2018: features of ancestors).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.models.html_tree import Ints, Table

Floats = npt.NDArray[np.floating[Any]]

BUCKETS = 1 << 14
"""Weights that a class word can point at, for each of three distances: the block's element, the next two, the rest."""
LIMIT = 8.0

TAGS = (
    *("nav", "footer", "header", "aside", "article", "main", "section", "ul", "ol", "li", "table", "td", "form"),
    *("figure", "figcaption", "blockquote", "h1", "h2", "h3", "h4", "p", "time", "button", "a", "dl", "dd", "label"),
)
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

_ENDS = list(".!?。！？…;；।॥؟۔။።")
_CLOSERS = " \"'”’»)）」』]"
_SPACE, _COMMA, _DIGIT, _UPPER, _WIDE, _INSIDE, _OTHER = range(7)
_CLASSES = 7


def columns() -> list[str]:
    """Names of the columns of `describe`."""
    around = [f"{name}_{i}" for i in range(4) for name in ("units", "good", "links", "blocks", "goodness")]
    anchors = [f"{name}_{at}" for at in ("half", "most", "nearly_all", "best") for name in ("in", "below", "above")]
    rest = ["by_tag", "by_parent", "hidden", "depth", "in_link", "in_strong", "in_time"]
    alike = ["alike", "alike_good", "alike_links", "alike_goodness"]
    own = ["links", "anchors", "good", "share_good", "share", "units", "chars", "ends"]
    shape = ["upper", "commas", "digits", "capitals", "unspaced", "per_unit"]
    place = ["at", "from_start", "from_end", "blocks", "page_units", "page_good", "before", "since", "until"]
    beside = [f"{name}_{k:+}" for k in (1, -1, 2, -2) for name in ("units", "good", "links", "told", "same")]
    windows = [f"{name}_within_{reach}" for name in ("good", "told", "links", "units") for reach in (3, 7)]
    told = ["told", "told_alike", *(f"told_around_{i}" for i in range(4))]
    surroundings = [*(f"<{tag}>" for tag in TAGS), *CUES]
    return [*surroundings, *around, *anchors, *rest, *alike, *own, *shape, *place, *beside, *windows, *told]


# --- the words of class and other attributes -----------------------------------------------------------------------


def linear(table: Table, weights: Floats, bias: float) -> Floats:
    """Log-odds of each block by the class words around it alone. weights: [3, BUCKETS]."""
    element, parent, grandparent, above = _near(table)
    look, bucket = _words(table)
    own, close, rest = (_by_element(table, look, row[bucket]) for row in weights)
    number = _by_element(table, look, np.ones(len(look)))
    far, count = _down(table, np.stack([rest, number], 1)).T
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
    return _code(word) % BUCKETS


def _code(word: str) -> int:
    return crc32(word.encode("utf-8", "surrogatepass"))


@lru_cache(1 << 16)
def _cues(told: str) -> int:
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


# --- blocks in their trees -----------------------------------------------------------------------------------------


def units(table: Table) -> Floats:
    """Words of each block; a character counts .6 in scripts without spaces."""
    return _Text.of(table.texts).units


def describe(table: Table, told: Floats) -> tuple[Floats, Floats]:
    """The columns of each block, and its words. `told` is the linear score of each block."""
    batch = _Batch(table, told)
    return batch.columns(), batch.units


class _Batch:
    """What the columns share: the blocks' own numbers, their sums over elements and pages."""

    def __init__(self, table: Table, told: Floats) -> None:
        text = _Text.of(table.texts)
        self.table, self.told, self.shape, self.ends = table, told, text.shape, text.ends
        self.units, self.chars = text.units, text.chars
        self.rows, pages = np.arange(len(table.element)), np.arange(table.pages)
        self.first = np.searchsorted(table.block_page, pages)[table.block_page]
        self.last = np.searchsorted(table.block_page, pages, "right")[table.block_page]
        self.near = _near(table)
        self.links = np.minimum(table.link_chars, self.chars) / np.maximum(self.chars, 1)
        self.good = ((self.units >= 10) & self.ends & (self.links < 0.5)).astype(np.float64)
        self.good_units = self.good * self.units
        own = [self.units, self.good_units, self.chars, self.links * self.chars, np.ones(len(self.rows))]
        self.below = _subtree(table, np.stack(own, 1))
        self.levels = [level for every in _levels(table) if len(level := every[self.below[every, 4] > 0])]
        root = np.searchsorted(table.element_page, pages)
        self.page_good = np.maximum(self.below[root, 1], 1)
        self.of_units = np.maximum(self.below[root, 0], 1)[table.block_page]
        self.of_good = self.page_good[table.block_page]
        self.alike = self._alike()

    def columns(self) -> Floats:
        parts = [self._surroundings(), self._around(), self._anchors(), self._best(), self._rest(), self._like()]
        parts += [self._own(), self._place(), self._beside(), self._windows(), self._told()]
        return np.concatenate(parts, 1, dtype=np.float32)

    def _surroundings(self) -> Floats:
        """For each tag and cue, one over the steps (from 1) to the nearest element around that has it; 0 without."""
        table = self.table
        names = {name: i for i, name in enumerate(TAGS)}
        tags = np.array([names.get(tag, -1) for tag, _ in table.looks])
        cues = np.array([_cues(told) if told else 0 for _, told in table.looks])
        has = np.concatenate([tags[:, None] == np.arange(len(TAGS)), cues[:, None] >> np.arange(len(CUES)) & 1], 1)
        deepest = np.full((len(table.parent), has.shape[1]), -1, np.float32)
        for level in self.levels[1:]:
            depth = table.depth[level][:, None]
            deepest[level] = np.where(has[table.look[level]], depth, deepest[table.parent[level]])
        found = deepest[table.element]
        return np.where(found < 0, 0, 1 / (1 + table.depth[table.element][:, None] - found))

    def _around(self) -> Floats:
        """Of the block's element and the three around it: shares of the page, link density, blocks, sentences."""
        parts = []
        for at in self.near:
            units, good, chars, links, blocks = self.below[at].T
            parts += [units / self.of_units, good / self.of_good, links / np.maximum(1, chars), np.log1p(blocks)]
            parts += [good / np.maximum(1, units)]
        return np.stack(parts, 1)

    def _anchors(self) -> Floats:
        """Where the block is from the deepest elements with half, three quarters, nearly all of the sentences."""
        share = self.below[:, 1] / self.page_good[self.table.element_page]
        anchors = [_argmax(self.table, np.where(share >= least, self.table.depth, -1)) for least in (0.5, 0.75, 0.92)]
        return np.concatenate([self._from(anchor) for anchor in anchors], 1)

    def _best(self) -> Floats:
        """The element that readability would take: most sentences in its paragraphs, those of its children by half."""
        table, size = self.table, len(self.table.parent)
        tags = np.array([_code(tag) for tag, _ in table.looks], np.int64)[table.look]
        inner = np.isin(tags, [_code(tag) for tag in ("p", "span", "li", "blockquote", "h2", "h3")])
        at = np.where(inner[table.element], table.parent[table.element], table.element)
        within = np.bincount(at, weights=self.good_units, minlength=size)
        children = 0.5 * np.bincount(table.parent[at], weights=self.good_units, minlength=size)
        held = (within + children) * (1 - self.below[:, 3] / np.maximum(1, self.below[:, 2]))
        best = _argmax(table, held)
        most = np.maximum(held[best], 1)[table.block_page]
        own = [held[self.near[0]] / most, held[self.near[1]] / most]
        return np.concatenate([self._from(best), np.stack(own, 1)], 1)

    def _from(self, anchor: Ints) -> Floats:
        """Whether a block stands right in its page's anchor; steps up to the path to it, and along that path."""
        table = self.table
        on = np.zeros(len(table.parent), bool)
        at = anchor
        while not on[at].all():
            on[at] = True
            at = table.parent[at]
        meet = np.zeros(len(table.parent), np.int64)
        meet[self.levels[0]] = self.levels[0]
        for level in self.levels[1:]:
            meet[level] = np.where(on[level], level, meet[table.parent[level]])
        met, wanted = meet[table.element], anchor[table.block_page]
        steps = table.depth[[table.element, wanted]] - table.depth[met]
        return np.stack([met == wanted, *steps], 1).astype(np.float32)

    def _rest(self) -> Floats:
        table = self.table
        tags = np.array([_code(tag) for tag, _ in table.looks], np.int64)[table.look[table.inline]]
        inline = [np.isin(tags, [_code(tag) for tag in names]) for names in (("a",), ("strong", "b"), ("time",))]
        return np.stack([table.hidden[table.element], table.depth[table.element], *inline], 1).astype(np.float32)

    def _alike(self) -> Ints:
        """A number for each group of blocks of a page whose element, parent and grandparent look the same."""
        one, two, three = self.table.look[self.near[:3]]
        size = np.int64(len(self.table.looks) + 1)
        two_looks = np.unique(one * size + two, return_inverse=True)[1]
        looks = np.unique(two_looks * size + three, return_inverse=True)[1]
        alike: Ints = np.unique(looks * np.int64(self.table.pages) + self.table.block_page, return_inverse=True)[1]
        return alike

    def _like(self) -> Floats:
        def total(values: Floats) -> Floats:
            sums: Floats = np.bincount(self.alike, weights=values).astype(np.float64)[self.alike]
            return sums

        count = total(np.ones(len(self.alike)))
        links = total(self.links * self.chars) / np.maximum(total(self.chars), 1)
        good = total(self.good_units) / self.of_good
        return np.stack([np.log1p(count), good, links, total(self.good) / count], 1)

    def _own(self) -> Floats:
        own = [self.links, self.table.links, self.good, self.good_units / self.of_good, self.units / self.of_units]
        own += [np.log1p(self.units), np.log1p(self.chars), self.ends]
        return np.concatenate([np.stack(own, 1), self.shape, (self.chars / self.units)[:, None]], 1)

    def _place(self) -> Floats:
        """Where on the page: among its blocks, after how many of its sentences, how far from the next ones."""
        index, size = self.rows - self.first, self.last - self.first
        before = np.cumsum(self.good_units) - self.good_units
        before = before - before[self.first]
        good = np.flatnonzero(self.good)
        padded = np.concatenate([[-100], good, [len(self.rows) + 100]])
        since = self.rows - np.maximum(padded[np.searchsorted(good, self.rows)], self.first - 100)
        until = np.minimum(padded[np.searchsorted(good, self.rows, "right") + 1], self.last + 100) - self.rows
        logs = [np.log1p(value) for value in (index, size - index, size, self.of_units, self.of_good)]
        steps = [np.log1p(np.minimum(value, 99)) for value in (since, until)]
        return np.stack([index / size, *logs, before / self.of_good, *steps], 1)

    def _beside(self) -> Floats:
        values = np.stack([np.log1p(self.units), self.good, self.links, self.told], 1)
        parts = []
        for step in (1, -1, 2, -2):
            at = self.rows - step
            there = (at >= self.first) & (at < self.last)
            at = np.where(there, at, 0)
            parts.append(np.where(there[:, None], values[at], -1))
            parts.append((there & (self.alike[at] == self.alike))[:, None].astype(np.float64))
        return np.concatenate(parts, 1)

    def _windows(self) -> Floats:
        values = (self.good, self.told, self.links, np.log1p(self.units))
        return np.stack([self._mean(value, reach) for value in values for reach in (3, 7)], 1)

    def _mean(self, values: Floats, reach: int) -> Floats:
        """Over the blocks at most so far away, on the same page."""
        total = np.append(0, np.cumsum(values, dtype=np.float64))
        start, end = np.maximum(self.rows - reach, self.first), np.minimum(self.rows + reach + 1, self.last)
        mean: Floats = (total[end] - total[start]) / (end - start)
        return mean

    def _told(self) -> Floats:
        """The linear score, and its means over the other blocks that look alike and over those around."""
        weight = np.sqrt(np.clip(self.units, 1, 100))
        parts = [self.told]
        for group in (self.alike, *self.near):
            total = np.bincount(group, weights=weight)[group] - weight
            score = np.bincount(group, weights=self.told * weight)[group] - self.told * weight
            parts.append(score / (total + 5))
        return np.stack(parts, 1)


def _near(table: Table) -> Ints:
    """[4, blocks]: the element of each block and the three around it."""
    near = [table.element]
    for _ in range(3):
        near.append(table.parent[near[-1]])
    return np.stack(near)


def _levels(table: Table) -> list[Ints]:
    order = np.argsort(table.depth, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(table.depth[order])) + 1)


def _down(table: Table, values: Floats) -> Floats:
    """Sums over each element and all around it."""
    out = values.copy()
    for level in _levels(table)[1:]:
        out[level] += out[table.parent[level]]
    return out


def _subtree(table: Table, values: Floats) -> Floats:
    """Sums over the blocks in each element. values: [blocks, columns], out: [elements, columns]."""
    out = np.zeros((len(table.parent), values.shape[1]))
    for i, column in enumerate(values.T):
        total = np.append(0, np.cumsum(np.bincount(table.element, weights=column, minlength=len(out))))
        out[:, i] = total[table.end] - total[:-1]
    return out


def _argmax(table: Table, values: Floats | Ints) -> Ints:
    """Of each page, the first element with the highest value."""
    root = np.searchsorted(table.element_page, np.arange(table.pages))
    top = np.maximum.reduceat(values, root)[table.element_page]
    at = np.where(values == top, np.arange(len(values)), len(values))
    first: Ints = np.minimum.reduceat(at, root)
    return first


# --- the text of blocks --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Text:
    shape: Floats  # [blocks, 5]: capital first; commas a word; digits, capitals, wide characters a character
    units: Floats
    chars: Floats
    ends: npt.NDArray[np.bool_]  # whether a sentence ends the block

    @classmethod
    def of(cls, texts: list[str]) -> _Text:
        series = pl.Series(texts, dtype=pl.String)
        size = series.str.len_bytes().to_numpy().astype(np.int64)
        data = np.frombuffer("".join(texts).encode(), np.uint8)
        block = np.repeat(np.arange(len(texts)) * _CLASSES, size)
        counts = np.bincount(block + _byte_classes()[data], minlength=len(texts) * _CLASSES).reshape(-1, _CLASSES)
        chars = size - counts[:, _INSIDE]
        units = np.maximum(counts[:, _SPACE] + 1 + 0.6 * counts[:, _WIDE], chars / 12)
        first = series.str.head(1)
        upper = (first.str.to_lowercase() != first).to_numpy()
        shares = [counts[:, _COMMA] / units, *(counts[:, [_DIGIT, _UPPER, _WIDE]].T / chars)]
        ends = series.str.strip_chars_end(_CLOSERS).str.tail(1).is_in(_ENDS).to_numpy()
        return cls(np.stack([upper, *shares], 1), units, chars.astype(np.float64), ends)


@lru_cache(1)
def _byte_classes() -> Ints:
    """The class of each byte of UTF-8; E3 to E9 begin the characters of scripts without spaces."""
    classes = np.full(256, _OTHER)
    classes[0x80:0xC0] = _INSIDE
    classes[0xE3:0xEA] = _WIDE
    classes[list(b" ")] = _SPACE
    classes[list(b",;:")] = _COMMA
    classes[list(b"0123456789")] = _DIGIT
    classes[0x41:0x5B] = _UPPER
    return classes
