"""Pages of HTML as tables of their elements and blocks, and sums along their trees, all pages at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]

_WORDS = r"[a-z]+|[A-Z][a-z]+|[A-Z]+|[^\W\d_]+"


@dataclass
class Table:
    """Elements and blocks of some pages. Element 0 of a page is its root; parents come before children."""

    pages: int
    parent: Ints  # [elements]; the root is its own
    end: Ints  # one past the last element below: elements stand in the order of the page
    depth: Ints
    look: Ints  # index into looks
    hidden: Ints
    element_page: Ints
    looks: pl.DataFrame  # tag, told: the values of its attributes
    texts: pl.Series  # of the blocks
    block_page: Ints
    element: Ints  # [blocks] the block element around it
    inline: Ints  # the element its text begins in
    link_chars: Ints
    links: Ints

    @cached_property
    def told(self) -> tuple[Ints, Ints, pl.Series]:
        """The words of the attributes of each look in order: look and word, a number; the words, in lower case."""
        words = self.looks["told"].str.extract_all(_WORDS)
        number, written = numbered(words.explode(empty_as_null=False))
        lower, names = numbered(written.str.to_lowercase())
        return np.repeat(np.arange(len(words)), words.list.len().to_numpy()), lower[number], names

    @cached_property
    def tag(self) -> Ints:
        """A number for the tag of each element, index into `tags`."""
        return self._tags[0][self.look]

    @property
    def tags(self) -> list[str]:
        """The names of all tags, each once."""
        return self._tags[1].to_list()

    def has_tag(self, names: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Of each element, whether its tag is one of these."""
        return np.isin(self.tags, names)[self.tag]

    def tags_of_looks(self, names: Sequence[str]) -> npt.NDArray[np.bool_]:
        """[looks, names]: whether its tag is this one."""
        same: npt.NDArray[np.bool_] = np.array(self.tags)[:, None] == np.array(names)
        return same[self._tags[0]]

    @cached_property
    def _tags(self) -> tuple[Ints, pl.Series]:
        return numbered(self.looks["tag"])

    def with_blocks(self, chosen: npt.NDArray[np.bool_]) -> Table:
        """The same pages with some of their blocks alone."""
        names = ("block_page", "element", "inline", "link_chars", "links")
        kept = {name: getattr(self, name)[chosen] for name in names}
        return replace(self, texts=self.texts.filter(chosen), **kept)


def numbered(strings: pl.Series) -> tuple[Ints, pl.Series]:
    """Numbers for equal strings, and the string of each number."""
    found = strings.to_arrow().dictionary_encode()
    number = pl.Series(pl.from_arrow(found.indices)).to_numpy()  # Arrow's to_numpy imports pandas
    return number.astype(np.int64), pl.Series(found.dictionary, dtype=pl.String)


def utf8(strings: pl.Series) -> tuple[Ints, npt.NDArray[np.uint8]]:
    """Strings as bytes, one after the other: where each begins and the last ends; the bytes."""
    array = strings.to_arrow().cast(pa.large_string())
    bounds, data = array.buffers()[1:]
    return np.frombuffer(bounds, np.int64, len(array) + 1), np.frombuffer(data or b"", np.uint8)


def near(table: Table) -> Ints:
    """[4, blocks]: the element of each block and the three around it."""
    around = [table.element]
    for _ in range(3):
        around.append(table.parent[around[-1]])
    return np.stack(around)


def levels(table: Table) -> list[Ints]:
    """The elements at each depth, from the roots down."""
    order = np.argsort(table.depth, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(table.depth[order])) + 1)


def down(table: Table, values: Floats) -> Floats:
    """Sums over each element and all around it."""
    out = values.copy()
    for level in levels(table)[1:]:
        out[level] += out[table.parent[level]]
    return out


def subtree(table: Table, values: Floats) -> Floats:
    """Sums over the blocks in each element. values: [blocks, columns], out: [elements, columns]."""
    out = np.zeros((len(table.parent), values.shape[1]))
    for i, column in enumerate(values.T):
        total = np.append(0, np.cumsum(np.bincount(table.element, weights=column, minlength=len(out))))
        out[:, i] = total[table.end] - total[:-1]
    return out


def argmax(table: Table, values: Floats | Ints) -> Ints:
    """Of each page, the first element with the highest value."""
    root = np.searchsorted(table.element_page, np.arange(table.pages))
    top = np.maximum.reduceat(values, root)[table.element_page]
    at = np.where(values == top, np.arange(len(values)), len(values))
    first: Ints = np.minimum.reduceat(at, root)
    return first
