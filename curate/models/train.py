"""Train the line model for flattened text: `python -m curate.models.train PAGES.parquet`.

The format of PAGES.parquet stands in labelled.py. Two models are trained, one upon the other: word weights, fitted so
that no page is scored by a fit that saw its site; then the network over lines, on pages as they are and in disguise.
All pages train the weights that are written; then a cross-validation over sites says in their card how good they are.
One thread and fixed seeds make a training repeatable on one machine with the same library versions.

Needs torch, which running the model does not: `pip install curate[train]`.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import numpy.typing as npt
import scipy.ndimage
import scipy.sparse

from curate.models import command, flattened, labelled, lines, marks, network, templates, weights, words
from curate.models.command import Say, fold_of
from curate.models.labelled import Page
from curate.models.lines import NAMES, Floats, Ints
from curate.models.scoring import bag_f1, count_segments, segment_f1

if TYPE_CHECKING:
    from curate.models.fit import Inputs

DISGUISED = 0.33
"""Share of pages that are shown in disguise too, each in four or five."""
_TOLD = len(NAMES)
_MISSING = [NAMES.index(name) for name in ("repeats", "occurrence", "blank_before", "blank_after", "indent")]
_MISSING += [NAMES.index(name) for name in marks.AROUND]
_SITE = list(range(_TOLD + 1, _TOLD + 1 + templates.FEATURES))

Mask = npt.NDArray[np.bool_]
Bodies = dict[int, str]
Table = dict[str, tuple[float, float, int]]
"""Fb without and with site templates, and the number of pages, by what the pages have in common."""
Tables = dict[str, Table]


@command.options(__doc__, steps=1000)
@click.option(
    "--resume", is_flag=True, help="Go on with the same pages and steps: weights in the folder are not trained again."
)
def main(pages: tuple[str, ...], out: str, steps: int, check: bool, sources: bool, resume: bool) -> None:
    """Train on labelled pages, write weights and card."""
    command.need_torch()
    say = command.clock()
    examples = Examples.of([page for path in pages for page in labelled.read(path)])
    say(f"{len(examples.pages)} pages with disguises, {len(examples.labels)} lines")
    command.need_several(examples.folds, "too few pages to learn from: label some ten at least")
    if sources:
        command.need_several(examples.sources, "--sources: all pages are of one source")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    training = Training(examples, steps, say, folder, resume)
    training.weights("text", np.ones(len(examples.pages), bool))
    several = len({fold_of(page.site) for page in examples.pages}) > 1
    groups = {"sites left out" if several else "pages left out": examples.folds} if check else {}
    if sources:
        groups["each source left out"] = examples.sources
    tables: Tables = {}
    _write_card(folder, examples, pages, steps, tables)
    for name, group in groups.items():
        tables[name] = validate(training, group)
        _write_card(folder, examples, pages, steps, tables)
    say(f"wrote {folder / 'CARD.md'}")


@dataclass(frozen=True)
class Examples:
    """All pages with their lines described. Page `i` is lines `bounds[i]` to `bounds[i + 1]`."""

    pages: list[Page]
    bounds: Ints
    texts: list[str]
    features: Floats
    tokens: Ints
    keys: lines.Hashes
    words: scipy.sparse.csr_matrix
    letters: npt.NDArray[np.str_]  # the label of each line as in the file
    site: Floats  # template features

    @classmethod
    def of(cls, pages: Sequence[Page]) -> Examples:
        """Describe pages and their disguises, as far as anything is left of them."""
        everything = [page for page in [*pages, *_disguised(pages)] if page.text.strip()]
        parts = [lines.read([page.text for page in everything[i : i + 64]]) for i in range(0, len(everything), 64)]
        page = np.concatenate([part.page + 64 * i for i, part in enumerate(parts)])
        number = np.concatenate([part.number for part in parts])
        offsets = np.cumsum([0, *map(len, parts)])
        keys, tokens = (np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "tokens"))
        bounds = np.searchsorted(page, np.arange(len(everything) + 1))
        return cls(
            pages=everything,
            bounds=bounds,
            texts=[text for part in parts for text in part.texts.to_list()],
            features=np.concatenate([part.features for part in parts]),
            tokens=tokens,
            keys=keys,
            words=words.matrix(
                np.concatenate([part.word_line + offset for part, offset in zip(parts, offsets[:-1], strict=True)]),
                np.concatenate([part.word_bucket for part in parts]),
                len(page),
            ),
            letters=np.array([everything[i].lines[j][1] for i, j in zip(page.tolist(), number.tolist(), strict=True)]),
            site=_site_features(everything, bounds, keys, tokens),
        )

    @cached_property
    def labels(self) -> Floats:
        """[lines]: 1 for those kept."""
        kept: Floats = (self.letters == "1").astype(np.float32)
        return kept

    @cached_property
    def weights(self) -> Floats:
        """What a line counts: the root of its words; pages count by the root of their sum."""
        units = np.expm1(self.features[:, NAMES.index("units")])
        weight = np.sqrt(np.clip(units, 1, 80)) * np.isin(self.letters, ["0", "1", "t"])
        total = np.add.reduceat(weight, self.bounds[:-1])
        weight /= np.sqrt(np.maximum(total, 1))[self.line_page]
        counted: Floats = (weight / weight.mean()).astype(np.float32)
        return counted

    @cached_property
    def line_page(self) -> Ints:
        """[lines]: the number of its page."""
        return np.repeat(np.arange(len(self.pages)), np.diff(self.bounds))

    @cached_property
    def folds(self) -> npt.NDArray[np.str_]:
        """The fold of each page, by its site; by its id where all sites fall into one."""
        sites = {fold_of(page.site) for page in self.pages}
        keys = [page.site if len(sites) > 1 else page.id for page in self.pages]
        return np.array([f"fold {fold_of(key) + 1}" for key in keys])

    @cached_property
    def sources(self) -> npt.NDArray[np.str_]:
        """[pages]: the data set it is of."""
        return np.array([page.source for page in self.pages])

    @cached_property
    def chosen(self) -> Mask:
        """Lines that word weights are fitted to: those near kept lines, and a fifth of the rest."""
        chosen: Mask = (self.near_kept | (self.keys % np.uint64(5) == 0)) & (self.weights > 0)
        return chosen

    @cached_property
    def near_kept(self) -> Mask:
        """Lines at most three away from a kept one."""
        near: Mask = scipy.ndimage.maximum_filter1d(self.labels, 7) > 0
        return near

    def word_weights(self, pages: Mask) -> tuple[Floats, float]:
        """Fitted to the lines of some pages."""
        rows = np.flatnonzero(self.chosen & pages[self.line_page])
        weight = np.minimum(self.weights * np.where(self.near_kept, 1, 5), 5).astype(np.float32)
        return words.fit(self.words[rows], self.labels[rows], weight[rows])

    def told(self, fitted: tuple[Floats, float]) -> Floats:
        """The word score of every line."""
        odds = self.words @ fitted[0] + fitted[1]
        return np.clip(odds, -words.LIMIT, words.LIMIT).astype(np.float32)


@dataclass(frozen=True)
class Training:
    """How weights are trained, and where they are written."""

    examples: Examples
    steps: int
    say: Say
    folder: Path
    resume: bool = False

    def weights(self, name: str, pages: Mask) -> weights.Arrays:
        """Trained on some of the pages and written; or read, where a run before has written them."""
        path = self.folder / f"{name}.npz"
        if not (self.resume and path.exists()):
            weights.save(path, flattened.KIND, train(self.examples, pages, self.steps, self.say))
            self.say(f"wrote {path} and {name}.json")
        return weights.load(path, flattened.KIND)


def train(examples: Examples, pages: Mask, steps: int, say: Say) -> weights.Arrays:
    """All weights, from some of the pages, in the precision they are kept in."""
    from curate.models import fit

    told, fitted = _told(examples, pages)
    mean, scale = _scale(examples, told, pages)
    given = _inputs(examples, told, mean, scale)
    for step, loss, trained in fit.train(given, np.flatnonzero(pages), steps, _MISSING, _SITE):
        if step % 300 == 0 or step == steps:
            say(f"step {step} of {steps}, loss {loss:.4f}")
        found = trained
    arrays = found.export() | {"words": fitted[0], "words.b": np.array([fitted[1]])}
    small = {name: array.astype(np.float16) for name, array in arrays.items()}
    return {**small, "mean": mean, "scale": scale}


def validate(training: Training, groups: npt.NDArray[np.str_]) -> Table:
    """Each figure without and with site templates, and its number of pages; Fb by source and language among them.

    Each group of pages is judged by a model trained on the others, which is written to the folder under its name.
    """
    examples = training.examples
    scores: dict[str, list[tuple[float, float]]] = defaultdict(list)
    segments = Counter[str](), Counter[str]()
    for group in np.unique(groups):
        out = groups == group
        model = training.weights(f"without-{group.replace(' ', '-')}", ~out)
        kept = [bodies(examples, model, np.flatnonzero(out), with_site) for with_site in (False, True)]
        for i in kept[0]:
            page, pair = examples.pages[i], (kept[0][i], kept[1][i])
            for key, figures in _figures(page, pair):
                scores[key].append(figures)
            for counts, body in zip(segments, pair, strict=True):
                counts += count_segments(body, page.wanted, page.unwanted)
        training.say(f"{group}: Fb {np.mean(scores['all'], 0).round(4)} so far, without and with site templates")
    table = {key: (*np.mean(pairs, 0).tolist(), len(pairs)) for key, pairs in sorted(scores.items())}
    part = len({i for i, page in enumerate(examples.pages) if page.wanted or page.unwanted})
    return table | {"segments of part pages (F1)": (*map(segment_f1, segments), part)}


def _figures(page: Page, bodies: tuple[str, str]) -> Iterator[tuple[str, tuple[float, float]]]:
    """What is measured of a page's bodies without and with site templates."""
    if page.gold is not None:
        alone, together = (bag_f1(body, page.gold) for body in bodies)
        for key in ("all", f"source {page.source}", f"language {page.lang}", f"flattener {page.flattener}"):
            yield key, (alone, together)
    elif page.disguised and all(label != "1" for _, label in page.lines):
        words = max(len(page.text.split()), 1)
        yield "pages without article: come out empty", (float(not bodies[0]), float(not bodies[1]))
        yield "pages without article: words kept", tuple(len(body.split()) / words for body in bodies)  # type: ignore[misc]


def bodies(examples: Examples, model: weights.Arrays, pages: Iterable[int], with_site: bool) -> Bodies:
    """What the model keeps of pages, by their number."""
    told = examples.told((model["words"], float(model["words.b"][0])))
    values = _inputs(examples, told, model["mean"], model["scale"]).values
    if not with_site:
        values[:, _SITE] = 0
    out = {}
    for i in pages:
        start, end = examples.bounds[i], examples.bounds[i + 1]
        odds = network.run(model, values[start:end], np.array([0, end - start]), examples.tokens[start:end])
        out[i] = "\n".join(examples.texts[start + j] for j in np.flatnonzero(odds > 0))
    return out


def _write_card(folder: Path, examples: Examples, files: Sequence[str], steps: int, tables: Tables) -> None:
    """CARD.md of the weights, with the tables so far."""
    scores = [
        f"| {name}: {key} | {count} | {alone:.4f} | {together:.4f} |"
        for name, table in tables.items()
        for key, (alone, together, count) in table.items()
    ]
    sources = (page.source for page in examples.pages if not page.disguised)
    said = command.provenance("curate.models.train", files, steps, sources)
    text = _CARD.format(**said, scores="\n".join(scores) or "| not cross-validated | | | |")
    (folder / "CARD.md").write_text(text, "utf-8")


_CARD = """\
# The line model for flattened text

Says of every line of a flattened web page whether it belongs to the article. `text.npz` holds the weights, `text.json`
their sha256; `flattened.py` runs them in numpy. Use: news and blog pages. Not for: pages that are all list, table or
code; the title, byline and date (they are dropped on purpose).

## Training

```
{command}
```

{versions}

```
{digests}
```

| pages from | flattened pages |
|---|---|
{sources}

The weights are statistics over these pages; no text of theirs is in this repository. Labels are the sources' own, with
their errors. Most pages are English, Chinese, Russian, Polish, German and Greek news.

## Cross-validation

Fb: F1 over bags of tokens against the gold text, mean over pages. No site is on both sides.

| left out: pages | flattened pages | Fb | Fb with site templates |
|---|---|---|---|
{scores}
"""


def _disguised(pages: Sequence[Page]) -> list[Page]:
    """A third of the pages in disguise; furniture comes from pages of the same fold, so that folds stay apart."""
    others = defaultdict(list)
    for page in pages:
        others[fold_of(page.site), page.source, page.flattener].append(page)
    out: list[Page] = []
    for page in pages:
        rng = random.Random(f"{page.flattener} {page.id}")  # noqa: S311
        if rng.random() < DISGUISED and page.gold:
            out += labelled.disguises(page, rng.choice(others[fold_of(page.site), page.source, page.flattener]))
    return out


def _site_features(pages: Sequence[Page], bounds: Ints, keys: lines.Hashes, tokens: Ints) -> Floats:
    repeats, looked = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, page in enumerate(pages):
        if not page.disguised:
            groups[page.site, page.flattener].append(i)
    for group in groups.values():
        spans = [slice(bounds[i], bounds[i + 1]) for i in group]
        sample = templates.Sample([(keys[span], tokens[span]) for span in spans[: templates.MAX_SAMPLE]])
        for span in spans:
            counts, count = sample.count(keys[span], tokens[span])
            if count:
                repeats[span], looked[span] = counts, count
    return templates.features(repeats, looked)


def _told(examples: Examples, pages: Mask) -> tuple[Floats, tuple[Floats, float]]:
    """Word scores of all lines, each from a fit that saw only `pages` and not its fold; and the fit to all `pages`."""
    told = np.zeros(len(examples.labels), np.float32)
    for fold in np.unique(examples.folds):
        inside = examples.folds == fold
        rows = inside[examples.line_page]
        told[rows] = examples.told(examples.word_weights(pages & ~inside))[rows]
    return told, examples.word_weights(pages)


def _scale(examples: Examples, told: Floats, pages: Mask) -> tuple[Floats, Floats]:
    rows = pages[examples.line_page] & (examples.weights > 0)
    values = np.column_stack([examples.features[rows], told[rows]])
    return values.mean(0).astype(np.float32), (values.std(0) + 1e-6).astype(np.float32)


def _inputs(examples: Examples, told: Floats, mean: Floats, scale: Floats) -> Inputs:
    from curate.models.fit import Inputs

    values = flattened.inputs(examples.features, told, mean, scale)
    place = network.positions(examples.bounds, examples.tokens)
    known = np.array([page.gold is not None or page.disguised for page in examples.pages], np.float32)
    every = np.concatenate([values, examples.site, place], 1)
    return Inputs(every, examples.bounds, examples.tokens, examples.labels, examples.weights, known)


if __name__ == "__main__":
    main()
