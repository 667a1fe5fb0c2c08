"""Train the block model for HTML: `python -m curate.models.train_html PAGES.parquet`.

A row of PAGES.parquet is a page:

    id, site        String         folds of the cross-validation are by site
    html            Binary         the page
    gold_text       String?        its article body; or
    with, without   List[String]?  segments of it that must be kept, and that must go
    title           String?        blocks that repeat it count half
    source, lang    String?        the score is reported by these

Blocks are labelled from the gold text (align.py). Some pages are shown a second time without their article, and some
in another style (html_restyle.py). Models are trained one upon the other: weights of class words; upon these the
network over blocks, and trees; upon what the trees say, trees again. What is trained upon another sees it as it will be
on new pages: each page is scored by a fit that did not see its site (stacking, Wolpert 1992). The weights are written,
then cross-validation over sites says how good they are, and the card is written. One thread and fixed seeds: the same
data, machine and library versions give the same bytes. Needs the extra `train`: torch, catboost and rapidfuzz.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import compress, pairwise
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.ndimage
import scipy.sparse

from curate.models import (
    boost,
    command,
    html,
    html_features,
    html_restyle,
    html_tree,
    html_words,
    trees,
    weights,
    words,
)
from curate.models.command import Say, fold_of
from curate.models.html_features import Batch
from curate.models.html_table import Floats, Table
from curate.models.html_words import BUCKETS
from curate.models.scoring import bag_f1, count_segments, segment_f1
from curate.repair.encoding import decode_html

PARTIAL = 0.5
"""Weight of pages of which only some segments are known, and of those that are shown a second time."""
BARE, RESTYLED = "without article", "in another style"
COPIES = {BARE: 4, RESTYLED: 3}
"""One page in so many is learned from a second time: as a page that is no article, and in a style of nobody."""
CHANNELS = 40
"""Of the network. 56, as for text, are no better on sites left out."""
SMALL = 100
"""Sources with fewer whole pages are left out together."""
FIRST = SECOND = 300
"""Trees of the two looks."""

_SPACE = re.compile(r"\s+")
_NAMES = html_features.columns()
_CUES = range(len(html_features.TAGS), len(html_features.TAGS) + len(html_words.CUES))
_FROM_CLASSES = [i for i, name in enumerate(_NAMES) if name.startswith("told") or i in _CUES]

Mask = npt.NDArray[np.bool_]
Arrays = dict[str, npt.NDArray[Any]]
Figures = dict[str, tuple[float, int]]
T = TypeVar("T")


@command.options(__doc__, steps=1200)
def main(pages: tuple[str, ...], out: str, steps: int, check: bool, sources: bool) -> None:
    """Train on labelled pages, write weights and card."""
    command.need_torch()
    say = command.clock()
    examples = Examples.read(pages)
    say(f"{len(examples.pages)} pages, {len(examples.labels)} blocks")
    command.need_several(examples.folds, "too few sites to learn from: pages of some ten are needed")
    if sources:
        command.need_several(examples.sources, "--sources: all pages are of one source")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    weights.save(folder / "html.npz", html.KIND, train(examples, np.ones(len(examples.pages), bool), steps, say))
    say(f"wrote {folder / 'html.npz'} and html.json")
    groups = {"sites left out": examples.folds} if check else {}
    if sources:
        groups["each source left out"] = examples.sources
    tables = {name: validate(examples, group, steps, say, folder) for name, group in groups.items()}
    (folder / "HTML_CARD.md").write_text(card(examples, pages, steps, tables), "utf-8")
    say(f"wrote {folder / 'HTML_CARD.md'}")


@dataclass(frozen=True)
class Examples:
    """All pages with their blocks."""

    pages: list[dict[str, object]]  # the rows, without their HTML
    table: Table
    letters: str  # the label of each block: 1 keep, 0 drop, t title, ? not known
    words: scipy.sparse.csr_matrix  # [blocks, 3 * BUCKETS] class words around each block

    @classmethod
    def read(cls, paths: Sequence[str]) -> Examples:
        """Read files in the format above."""
        frame = pl.concat([pl.read_parquet(path) for path in paths], how="diagonal_relaxed")
        copies = [frame.filter(_chosen(frame, copy)).with_columns(copy=pl.lit(copy)) for copy in COPIES]
        frame = pl.concat([frame, *copies], how="diagonal_relaxed")
        table = html_tree.read([(decode_html(page) or "").encode("utf-8", "replace") for page in frame["html"]])
        pages = frame.drop("html").to_dicts()
        bounds = np.searchsorted(table.block_page, np.arange(len(pages) + 1)).tolist()
        spans = zip(pages, pairwise(bounds), strict=True)
        letters = "".join(_labels(page, table.texts[a:b].to_list()) for page, (a, b) in spans)
        copy = np.array([str(page["copy"]) for page in pages])
        there = (copy != BARE)[table.block_page] | (np.array(list(letters)) != "1")
        table = html_restyle.restyled(table.with_blocks(there), copy == RESTYLED)
        return cls(pages, table, "".join(compress(letters, there)), _matrix(table))

    @cached_property
    def labels(self) -> Floats:
        """[blocks]: 1 for those kept."""
        return np.array([letter == "1" for letter in self.letters], np.float32)

    @cached_property
    def weights(self) -> Floats:
        """What a block counts: the root of its words, half for a title; pages count by the root of their sum."""
        letters, page = np.array(list(self.letters)), self.table.block_page
        weight = np.sqrt(np.clip(html_features.units(self.table), 1, 80)) * (letters != "?")
        weight[letters == "t"] *= 0.5
        total = np.bincount(page, weights=weight, minlength=len(self.pages))
        weight = weight / np.sqrt(np.maximum(total, 1))[page] / weight.mean()
        counted: Floats = (weight * np.where(self.whole, 1, PARTIAL)[page]).astype(np.float32)
        return counted

    @cached_property
    def whole(self) -> Mask:
        """Pages whose gold is their whole body."""
        return np.array([bool(page.get("gold_text")) and not page["copy"] for page in self.pages])

    @cached_property
    def folds(self) -> npt.NDArray[np.str_]:
        """The fold of each page, by its site."""
        return np.array([f"fold {fold_of(str(page['site'])) + 1}" for page in self.pages])

    @cached_property
    def sources(self) -> npt.NDArray[np.str_]:
        """[pages]: the data set it is of; those with few whole pages are one."""
        names = np.array([str(page.get("source") or "?") for page in self.pages])
        found, at = np.unique(names, return_inverse=True)
        return np.where(np.bincount(at, weights=self.whole)[at] < SMALL, "smaller sources", found[at])

    @cached_property
    def near_kept(self) -> Mask:
        """Blocks at most three away from a kept one."""
        near: Mask = scipy.ndimage.maximum_filter1d(self.labels, 7) > 0
        return near

    @cached_property
    def taught(self) -> tuple[Mask, Floats]:
        """Blocks that fits over single blocks learn from: near articles and a fifth of the rest; what each counts."""
        fifth = np.arange(len(self.labels)) * 2654435761 % 2**32 < 2**32 // 5
        weight = np.minimum(self.weights * np.where(self.near_kept, 1, 5), 5).astype(np.float32)
        return (self.near_kept | fifth) & (self.weights > 0), weight

    def word_weights(self, pages: Mask) -> tuple[Floats, float]:
        """Weights of class words, fitted to the blocks of some pages."""
        chosen, weight = self.taught[0] & pages[self.table.block_page], self.taught[1]
        return words.fit(self.words[chosen], self.labels[chosen], weight[chosen])

    def trees(self, name: str, number: int, columns: Floats, pages: Mask) -> Arrays:
        """Trees, fitted to the blocks of some pages."""
        chosen, weight = self.taught[0] & pages[self.table.block_page], self.taught[1]
        return boost.train(name, number, columns[chosen], self.labels[chosen], weight[chosen])

    def by_words(self, fitted: tuple[Floats, float]) -> Floats:
        """Scores of all blocks by their class words."""
        return np.clip(self.words @ fitted[0] + fitted[1], -html_words.LIMIT, html_words.LIMIT).astype(np.float32)

    def out_of_fold(self, pages: Mask, fit: Callable[[Mask], T], score: Callable[[T], Floats]) -> tuple[Floats, T]:
        """Scores of all blocks, each from a fit that saw only `pages` and not its fold; and the fit to all `pages`."""
        fitted = fit(pages)
        scores = score(fitted).astype(np.float32)
        for fold in np.unique(self.folds[pages]):
            inside = (self.folds == fold)[self.table.block_page]
            scores[inside] = score(fit(pages & (self.folds != fold)))[inside]
        return scores, fitted


def _chosen(frame: pl.DataFrame, copy: str) -> list[bool]:
    """Of which pages there is such a copy."""
    rows = frame["id", "gold_text"].iter_rows()
    return [
        bool(gold or copy == RESTYLED) and crc32(f"{copy} {name}".encode()) % COPIES[copy] == 0 for name, gold in rows
    ]


def _labels(page: dict[str, object], texts: Sequence[str]) -> str:
    if page.get("gold_text"):
        from curate.models import align

        return align.labels(texts, str(page["gold_text"]), str(page.get("title") or ""))
    wanted, unwanted = (_segments(page.get(name)) for name in ("with", "without"))
    return "".join(_label(text, wanted, unwanted) for text in texts)


def _segments(value: object) -> list[str]:
    return [text for segment in value or [] if (text := _SPACE.sub(" ", segment).strip())]  # type: ignore[attr-defined]


def _label(text: str, wanted: Sequence[str], unwanted: Sequence[str]) -> str:
    keep, drop = (
        any(segment in text or (len(text) >= 15 and text in segment) for segment in segments)
        for segments in (wanted, unwanted)
    )
    return "?" if keep == drop else "1" if keep else "0"


def _matrix(table: Table) -> scipy.sparse.csr_matrix:
    """[blocks, 3 * BUCKETS], each class word of a block one over the root of their number."""
    block, weight = html_words.pairs(table)
    size = np.bincount(block, minlength=len(table.texts))
    values = (1 / np.sqrt(np.maximum(size, 1)))[block].astype(np.float32)
    return scipy.sparse.csr_matrix((values, (block, weight)), shape=(len(table.texts), 3 * BUCKETS))


def train(examples: Examples, pages: Mask, steps: int, say: Say) -> Arrays:
    """All weights, from some of the pages, in the precision they are kept in."""
    told, fitted = examples.out_of_fold(pages, examples.word_weights, examples.by_words)
    batch = Batch(examples.table, told)
    columns = batch.columns()
    arrays = {"words": fitted[0].astype(np.float16), "words.b": np.array([fitted[1]], np.float16)}
    arrays |= _trees(examples, batch, columns, pages)
    say("trees trained")
    return arrays | _network(examples, batch, columns, pages, steps, say)


def _trees(examples: Examples, batch: Batch, columns: Floats, pages: Mask) -> Arrays:
    """Trees of the first look, and of the second, which sees what the first says of pages it was not fitted to."""
    fit = partial(examples.trees, "first", FIRST, columns)
    first, fitted = examples.out_of_fold(pages, fit, lambda fitted: trees.run(_read_back(fitted), "first", columns))
    every = html.second_columns(batch, columns, first, batch.rows)
    return fitted | examples.trees("second", SECOND, every, pages)


def _network(examples: Examples, batch: Batch, columns: Floats, pages: Mask, steps: int, say: Say) -> Arrays:
    from curate.models import fit

    seen = columns[pages[examples.table.block_page]]
    mean, scale = seen.mean(0).astype(np.float32), (seen.std(0) + 1e-6).astype(np.float32)
    values, bounds, units = html.inputs(batch, columns, mean, scale)
    shown = examples.table.block_page[bounds[:-1]]
    whole = examples.whole[shown].astype(np.float32)
    given = fit.Inputs(values, bounds, units, examples.labels, examples.weights, whole)
    for step, loss, trained in fit.train(
        given, np.flatnonzero(pages[shown]), steps, _FROM_CLASSES, [], channels=CHANNELS
    ):
        if step % 300 == 0 or step == steps:
            say(f"step {step} of {steps}, loss {loss:.4f}")
        found = trained
    small = {name: array.astype(np.float16) for name, array in found.export().items()}
    return {**small, "mean": mean, "scale": scale}


def _read_back(arrays: Arrays) -> weights.Arrays:
    """As `weights.load` gives them."""
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def validate(examples: Examples, groups: npt.NDArray[np.str_], steps: int, say: Say, folder: Path) -> Figures:
    """Mean Fb and number of pages, of all pages with gold and by source and language; F1 over segments of the others.

    Each group of pages is judged by a model trained on the others, which is written to the folder under its name.
    """
    scores: dict[str, list[float]] = defaultdict(list)
    segments, parts = Counter[str](), 0
    for group in np.unique(groups):
        out = groups == group
        model = train(examples, ~out, steps, say)
        weights.save(folder / f"without-{group.replace(' ', '-')}.npz", html.KIND, model)
        for page, body in _bodies(examples, html.structure_odds(html.shaped(_read_back(model)), examples.table), out):
            if page["copy"] == RESTYLED:
                scores["pages in another style"] += [bag_f1(body, str(page["gold_text"]))] if page["gold_text"] else []
            elif page["copy"] == BARE:
                scores["pages without article: come out empty"].append(float(not body))
            elif page.get("gold_text"):
                _count(scores, str(group), page, bag_f1(body, str(page["gold_text"])))
            else:
                segments += count_segments(body, *(_segments(page.get(name)) for name in ("with", "without")))
                parts += 1
        say(f"{group}: Fb so far {np.mean(scores['all'] or [0]):.4f}")
    table = {key: (float(np.mean(values)), len(values)) for key, values in sorted(scores.items())}
    return table | {"segments of part pages (F1)": (segment_f1(segments), parts)}


def _count(scores: dict[str, list[float]], group: str, page: dict[str, object], score: float) -> None:
    """Add the Fb of a page to those it is a part of."""
    english = "English" if page.get("lang") == "en" else "not English"
    parts = ["all", english, f"source {page.get('source')}", f"language {page.get('lang')}", f"left out: {group}"]
    for part in parts:
        scores[part].append(score)
    if page.get("source") != "waddle":
        scores["all but waddle"].append(score)


def _bodies(examples: Examples, odds: Floats, pages: Mask) -> list[tuple[dict[str, object], str]]:
    """What is kept of some pages."""
    table, texts = examples.table, examples.table.texts.to_list()
    kept: dict[int, list[str]] = defaultdict(list)
    for i in np.flatnonzero((odds > 0) & pages[table.block_page]).tolist():
        kept[int(table.block_page[i])].append(texts[i])
    return [(examples.pages[i], "\n".join(kept[i])) for i in np.flatnonzero(pages).tolist()]


def card(examples: Examples, files: Sequence[str], steps: int, tables: dict[str, Figures]) -> str:
    """HTML_CARD.md of the weights."""
    scores = [
        f"| {name}: {key} | {count} | {score:.4f} |" for name, t in tables.items() for key, (score, count) in t.items()
    ]
    sources = [str(page.get("source") or "?") for page in examples.pages if not page["copy"]]
    said = command.provenance("curate.models.train_html", files, steps, sources)
    return _CARD.format(**said, scores="\n".join(scores) or "| not cross-validated | | |")


_CARD = """\
# The block model for HTML

Says of every block of an HTML page whether it belongs to the article. `html.npz` holds the weights, `html.json` their
sha256; `html.py` runs them in numpy. Use: news and blog pages. Not for: front pages, forums, shops.

## Training

```
{command}
```

{versions}

```
{digests}
```

| pages from | pages |
|---|---|
{sources}

The weights are statistics over these pages; no text of theirs is in this repository. Labels are the sources' own, with
their errors; those of the segments are partial.

## Cross-validation

Fb: F1 over bags of tokens against the gold text, mean over pages. What is judged was not trained on. This is of
network and trees alone: the third judge, the model for flattened text, was trained on the same pages.

| left out: pages | pages | Fb |
|---|---|---|
{scores}
"""


if __name__ == "__main__":
    main()
