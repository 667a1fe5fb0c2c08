"""What a block of an HTML page looks like, in numbers, for a batch of pages at once.

How much text and how much of it in links the block and the elements around it have; which tags and class words stand
around it, and how near; where it is from the element that holds the sentences; how its neighbours are, and the blocks
that look like it. Everything is computed on tables (html_tree.py), level by level of the trees: no loop over blocks.

After boilerpipe (Kohlschütter et al. 2010: link density, neighbours), readability (the element with most sentences) and
Web2Text (Vogels et al. 2018: features of ancestors).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.models import html_table
from curate.models.html_table import Floats, Ints, Table
from curate.models.html_words import CUES, cues

TAGS = (
    *("nav", "footer", "header", "aside", "article", "main", "section", "ul", "ol", "li", "table", "td", "form"),
    *("figure", "figcaption", "blockquote", "h1", "h2", "h3", "h4", "p", "time", "button", "a", "dl", "dd", "label"),
)
_ENDS = list(".!?。！？…;；।॥؟۔။።")
_CLOSERS = " \"'”’»)）」』]"
_SPACE, _COMMA, _DIGIT, _UPPER, _WIDE, _INSIDE, _OTHER = range(7)
_CLASSES = 7
_NOWHERE = np.uint8(255)
_NEARNESS = np.append(1 / np.arange(1, 256), 0).astype(np.float32)
"""By the steps to an element; 0 where there is none."""


def columns() -> list[str]:
    """Names of the columns of `Batch.columns`."""
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


def units(table: Table) -> Floats:
    """Words of each block; a character counts .6 in scripts without spaces."""
    return _Text.of(table.texts).units


class Batch:
    """The blocks of some pages in numbers: their own, and sums over elements and pages that the columns share.

    `told` is the linear score of each block (html_words.py).
    """

    def __init__(self, table: Table, told: Floats) -> None:
        text = _Text.of(table.texts)
        self.table, self.told, self.shape, self.ends = table, told, text.shape, text.ends
        self.units, self.chars = text.units, text.chars
        self.rows, pages = np.arange(len(table.element)), np.arange(table.pages)
        self.first = np.searchsorted(table.block_page, pages)[table.block_page]
        self.last = np.searchsorted(table.block_page, pages, "right")[table.block_page]
        self.near = html_table.near(table)
        self.links = np.minimum(table.link_chars, self.chars) / np.maximum(self.chars, 1)
        self.good = ((self.units >= 10) & self.ends & (self.links < 0.5)).astype(np.float64)
        self.good_units = self.good * self.units
        own = [self.units, self.good_units, self.chars, self.links * self.chars, np.ones(len(self.rows))]
        self.below = html_table.subtree(table, np.stack(own, 1))
        self.levels = [level for every in html_table.levels(table) if len(level := every[self.below[every, 4] > 0])]
        root = np.searchsorted(table.element_page, pages)
        self.page_good = np.maximum(self.below[root, 1], 1)
        self.of_units = np.maximum(self.below[root, 0], 1)[table.block_page]
        self.of_good = self.page_good[table.block_page]
        self.alike = self._alike()

    def columns(self) -> Floats:
        """[blocks, columns]: what `columns` names."""
        parts = [self._surroundings(), self._around(), self._anchors(), self._best(), self._rest(), self._like()]
        parts += [self._own(), self._place(), self._beside(), self._windows(), self._told()]
        return np.concatenate(parts, 1, dtype=np.float32)

    def _surroundings(self) -> Floats:
        """For each tag and cue, one over the steps (from 1) to the nearest element around that has it; 0 without."""
        table = self.table
        has = np.concatenate([table.tags_of_looks(TAGS), cues(table)], 1)
        depth = table.depth.astype(np.uint8)[:, None]
        deepest = has[table.look] * depth  # 0 without: roots have none
        for level in self.levels[1:]:
            deepest[level] = np.maximum(deepest[level], deepest[table.parent[level]])
        found = deepest[table.element]
        return _NEARNESS[np.where(found > 0, depth[table.element] - found, _NOWHERE)]

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
        anchors = [self.deepest(share >= least) for least in (0.5, 0.75, 0.92)]
        return np.concatenate([self.away(anchor) for anchor in anchors], 1)

    def _best(self) -> Floats:
        """The element that readability would take: most sentences in its paragraphs, those of its children by half."""
        table, size = self.table, len(self.table.parent)
        inner = table.has_tag(("p", "span", "li", "blockquote", "h2", "h3"))
        at = np.where(inner[table.element], table.parent[table.element], table.element)
        within = np.bincount(at, weights=self.good_units, minlength=size)
        children = 0.5 * np.bincount(table.parent[at], weights=self.good_units, minlength=size)
        held = (within + children) * (1 - self.below[:, 3] / np.maximum(1, self.below[:, 2]))
        best = html_table.argmax(table, held)
        most = np.maximum(held[best], 1)[table.block_page]
        own = [held[self.near[0]] / most, held[self.near[1]] / most]
        return np.concatenate([self.away(best), np.stack(own, 1)], 1)

    def deepest(self, chosen: npt.NDArray[np.bool_]) -> Ints:
        """Of each page, the deepest of some elements."""
        return html_table.argmax(self.table, np.where(chosen, self.table.depth, -1))

    def away(self, anchor: Ints) -> Floats:
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
        inline = [table.has_tag(names)[table.inline] for names in (("a",), ("strong", "b"), ("time",))]
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
            at, there = self.beside(step)
            parts.append(np.where(there[:, None], values[at], -1))
            parts.append((there & (self.alike[at] == self.alike))[:, None].astype(np.float64))
        return np.concatenate(parts, 1)

    def beside(self, step: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """The block that stands so many before each, and whether there is one on the page."""
        at = self.rows - step
        there = (at >= self.first) & (at < self.last)
        return np.where(there, at, 0), there

    def _windows(self) -> Floats:
        values = (self.good, self.told, self.links, np.log1p(self.units))
        return np.stack([self.mean(value, reach) for value in values for reach in (3, 7)], 1)

    def mean(self, values: Floats, reach: int) -> Floats:
        """Over the blocks at most so far away, on the same page."""
        total = np.append(0, np.cumsum(values, dtype=np.float64))
        start, end = np.maximum(self.rows - reach, self.first), np.minimum(self.rows + reach + 1, self.last)
        mean: Floats = (total[end] - total[start]) / (end - start)
        return mean

    def _told(self) -> Floats:
        """The linear score, and its means over the other blocks that look alike and over those around."""
        return np.stack([self.told, *(self.others(self.told, group) for group in (self.alike, *self.near))], 1)

    def others(self, score: Floats, group: Ints) -> Floats:
        """The mean score of the other blocks of a block's group, by the root of their words; near 0 where few."""
        weight = np.sqrt(np.clip(self.units, 1, 100))
        total = np.bincount(group, weights=weight)[group] - weight
        mean: Floats = (np.bincount(group, weights=score * weight)[group] - score * weight) / (total + 5)
        return mean


@dataclass(frozen=True)
class _Text:
    shape: Floats  # [blocks, 5]: capital first; commas a word; digits, capitals, wide characters a character
    units: Floats
    chars: Floats
    ends: npt.NDArray[np.bool_]  # whether a sentence ends the block

    @classmethod
    def of(cls, texts: pl.Series) -> _Text:
        bounds, data = html_table.utf8(texts)
        size = np.diff(bounds)
        block = np.repeat(np.arange(len(texts)) * _CLASSES, size)
        counts = np.bincount(block + _byte_classes()[data], minlength=len(texts) * _CLASSES).reshape(-1, _CLASSES)
        chars = size - counts[:, _INSIDE]
        units = np.maximum(counts[:, _SPACE] + 1 + 0.6 * counts[:, _WIDE], chars / 12)
        first = texts.str.head(1)
        upper = (first.str.to_lowercase() != first).to_numpy()
        shares = [counts[:, _COMMA] / units, *(counts[:, [_DIGIT, _UPPER, _WIDE]].T / chars)]
        ends = texts.str.strip_chars_end(_CLOSERS).str.tail(1).is_in(_ENDS).to_numpy()
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
