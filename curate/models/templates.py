"""Site templates: how many other pages of the same site say a line too. Navigation repeats, an article does not.

A line is counted against a sample of at most 32 pages of its site (those whose ids hash lowest, so the sample is the
same however the pages are spread over files). Pages that say nearly the same as the page at hand, copies of one
article, are left out first (Jaccard similarity of lines, weighted by words): they would turn the article into template.
The page itself is left out by the same rule. Copies of another article count as one page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from curate import text
from curate.models import lines
from curate.models.lines import Floats, Hashes, Ints

MAX_SAMPLE = 32
MAX_SIMILARITY = 0.7
"""Weighted Jaccard similarity above which two pages are copies."""
FEATURES = 5
"""Columns of `features`."""
COUNTED = {"line_repeats": pl.List(pl.UInt16), "site_pages": pl.UInt16()}
"""Of each page: on how many sampled pages each of its visible lines stands, and how many were looked at. Where nothing
is known of its site, no lines and 0."""

PageLines = tuple[Hashes, Ints]
"""Key and number of words of each visible line of a page."""


def describe(pages: Sequence[str]) -> pl.DataFrame:
    """What is compared of pages: `keys` and `words`, lists with an item a visible line."""
    page, keys, words = lines.read_keys(pages)
    frame = pl.DataFrame({"page": page, "keys": keys, "words": words}, schema_overrides={"words": pl.UInt32})
    lists = frame.group_by("page", maintain_order=True).agg("keys", "words")
    every = pl.DataFrame({"page": np.arange(len(pages))})
    empty = [pl.col(name).fill_null(pl.lit([], pl.List(frame[name].dtype))) for name in ("keys", "words")]
    return every.join(lists, on="page", how="left", maintain_order="left").select(empty)


def rank(ids: pl.Series) -> pl.Series:
    """The order in which pages are taken into the sample."""
    return pl.Series("rank", text.hash64(ids), pl.UInt64)


def sample(pages: pl.DataFrame) -> pl.DataFrame:
    """The pages to count against: of each site the 32 of lowest `rank`. Columns `site`, `rank`, `keys`, `words`."""
    known = pages.filter(pl.col("site").is_not_null())
    return known.sort("site", "rank", maintain_order=True).group_by("site", maintain_order=True).head(MAX_SAMPLE)


def count(pages: pl.DataFrame, samples: dict[str, Sample]) -> pl.DataFrame:
    """COUNTED of each page. Columns `site`, `keys`, `words`."""
    counts = [
        samples[site].count(*page) if site in samples else ([], 0)
        for site, page in zip(pages["site"], _page_lines(pages), strict=True)
    ]
    return pl.DataFrame(counts, schema=COUNTED, orient="row")


def samples_of(sampled: pl.DataFrame) -> dict[str, Sample]:
    """The sample of each site, as `count` takes them."""
    groups = sampled.group_by("site", maintain_order=True)
    return {str(site): Sample(list(_page_lines(rows))) for (site,), rows in groups}


class Sample:
    """Pages of a site, ready to be counted against. Pages that are copies of one another count once."""

    def __init__(self, pages: Sequence[PageLines]) -> None:
        distinct = [np.unique(keys, return_index=True) for keys, _ in pages]
        keys = np.concatenate([keys for keys, _ in distinct])
        counts = np.concatenate([words[at] for (_, at), (_, words) in zip(distinct, pages, strict=True)])
        self._keys, first, line = np.unique(keys, return_index=True, return_inverse=True)
        self._says = np.zeros((len(self._keys), len(pages)), np.uint8)
        self._says[line, np.repeat(np.arange(len(pages)), [len(keys) for keys, _ in distinct])] = 1
        self._words = counts[first] @ self._says
        alike = [self._copies(counts[first][said > 0], self._says[said > 0]) for said in self._says.T]
        self._original = np.argmax(np.array(alike) | np.eye(len(pages), dtype=bool), axis=1)

    def count(self, keys: Hashes, words: Ints) -> tuple[list[int], int]:
        """For each line of a page, on how many sampled pages that are no copies it stands; and how many those are."""
        distinct, first, line = np.unique(keys, return_index=True, return_inverse=True)
        said = self._said(distinct)
        others = np.flatnonzero(~self._copies(words[first], said))
        if not len(others):
            return [], 0
        originals, which = np.unique(self._original[others], return_inverse=True)
        by_original = said[:, others] @ np.eye(len(originals), dtype=np.int64)[which]
        repeats: Ints = (by_original > 0).sum(1)[line]
        return repeats.tolist(), len(originals)

    def _copies(self, words: Ints, said: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Which sampled pages are copies of a page. `words` of its lines, `said`: [lines, pages]."""
        common = words @ said
        either = np.maximum(words.sum() + self._words - common, 1)
        copies: npt.NDArray[np.bool_] = common > MAX_SIMILARITY * either
        return copies

    def _said(self, keys: Hashes) -> npt.NDArray[np.uint8]:
        """Whether each sampled page says each line: [lines, pages], 0 or 1."""
        if not len(self._keys):  # no sampled page has a line
            return np.zeros((len(keys), self._says.shape[1]), np.uint8)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        said: npt.NDArray[np.uint8] = self._says[at] * (self._keys[at] == keys)[:, None]
        return said


def features(repeats: Ints, pages: Ints) -> Floats:
    """What the network is told, [lines, 5]. `repeats` and `pages` of each line, 0 where nothing is known.

    Nothing of a line that no other page says: comments stand alone as articles do, and pass for them if that counts.
    """
    said = repeats > 0
    columns = [repeats / np.maximum(pages, 1), said, repeats > 1, said, said * np.log1p(pages) / 2]
    return np.stack([column.astype(np.float32) for column in columns], 1)


def _page_lines(pages: pl.DataFrame) -> Iterator[PageLines]:
    sizes = pages["keys"].list.len().to_numpy().astype(np.int64)
    items = [pages[name].explode(empty_as_null=False).to_numpy() for name in ("keys", "words")]
    keys, words = items[0], items[1].astype(np.int64)
    for end, size in zip(np.cumsum(sizes).tolist(), sizes.tolist(), strict=True):
        yield keys[end - size : end], words[end - size : end]
