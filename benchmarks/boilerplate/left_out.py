"""Flattened text of sites that the weights have not seen: `python benchmarks/boilerplate/left_out.py PAGES.parquet`.

Judges the pages of one fold of sites, or of one source, with weights that were trained on the others
(`curate.models.train` writes them; those of fold 1 stand beside the quality gate), and prints tables: Fb as the pages
are and with their sites, by source and by language; what is lost when they are hard-wrapped, without blank lines, in
lower case, their menus joined by bars; what is left of pages whose article was cut out; and F1 over the segments of
partly labelled pages. PAGES.parquet is as in curate/models/labelled.py; several can be given.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from curate.document import undecided
from curate.models import labelled
from curate.models.command import fold_of
from curate.models.labelled import Labelled, Page
from curate.models.scoring import bag_f1, count_segments, segment_f1
from curate.stages.boilerplate import Config, apply, count_templates

WEIGHTS = Path(__file__).parents[2] / "tests/quality/without-fold-1.npz"

Change = Callable[[Labelled], Labelled]


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("pages", nargs="+")
    ask.add_argument("--weights", default=str(WEIGHTS))
    ask.add_argument("--fold", type=int, default=1, help="the fold that the weights have not seen")
    ask.add_argument("--source", help="the source that the weights have not seen, instead of a fold")
    ask.add_argument("--scores-only", action="store_true", help="the first table and the segments alone")
    args = ask.parse_args()
    pages = [page for path in args.pages for page in labelled.read(path)]
    pages = [page for page in pages if page.source == (args.source or page.source)]
    pages = [page for page in pages if args.source or fold_of(page.site) == args.fold - 1]
    whole = [page for page in pages if page.gold is not None]
    config = Config(weights=args.weights)
    partly = [page for page in pages if page.gold is None]
    if whole:
        print_scores(whole, config)
    if whole and not args.scores_only:
        print_losses(whole, config)
        print_fronts(whole, config)
    if partly:
        print_segments(partly, config)


def print_scores(pages: Sequence[Page], config: Config) -> None:
    """Fb alone and with sites, of all pages, by source and by language."""
    scores = pl.DataFrame(
        {
            "source": [page.source for page in pages],
            "language": [page.lang for page in pages],
            "alone": fb(pages, bodies(pages, config)),
            "with sites": fb(pages, bodies(pages, config, with_sites=True)),
        }
    )
    print("| pages | number | Fb | Fb with sites |\n|---|---|---|---|")
    print_row("all", scores)
    for name in ("source", "language"):
        for (value,), rows in sorted(scores.group_by(name), key=lambda group: str(group[0])):
            print_row(f"{name} {value}", rows)


def print_row(name: str, scores: pl.DataFrame) -> None:
    figures = " | ".join(f"{scores[column].mean():.4f}" for column in ("alone", "with sites"))
    print(f"| {name} | {scores.height} | {figures} |", flush=True)


def print_losses(pages: Sequence[Page], config: Config) -> None:
    """What Fb loses by other spellings of the same pages: mean, and the worst flattener."""
    before = pl.Series(fb(pages, bodies(pages, config)))
    flatteners = pl.Series([page.flattener for page in pages])
    print("\n| the same pages | Fb lost | worst flattener |\n|---|---|---|")
    for name, change in CHANGES.items():
        lost = before - pl.Series(fb(pages, bodies(pages, config, change)))
        worst = max(lost.filter(flatteners == flattener).mean() for flattener in flatteners.unique())  # type: ignore[type-var]
        print(f"| {name} | {lost.mean():.4f} | {worst:.4f} |", flush=True)


def print_fronts(pages: Sequence[Page], config: Config) -> None:
    """How much is left of pages when their article is cut out."""
    sizes = [len(" ".join(line for line, _ in without_article(page.lines)).split()) for page in pages]
    kept = [len(body.split()) for body in bodies(pages, config, without_article)]
    shares = pl.Series([words / max(size, 1) for words, size in zip(kept, sizes, strict=True)])
    print(f"\n{len(pages)} pages whose article was cut out: {(shares == 0).mean():.3f} come out empty,")
    print(f"{(shares <= 0.1).mean():.3f} with a tenth of their words or fewer; mean share kept {shares.mean():.3f}")


def print_segments(pages: Sequence[Page], config: Config) -> None:
    """F1 over the segments that must stay or go."""
    counts = Counter[str]()
    for page, body in zip(pages, bodies(pages, config), strict=True):
        counts += count_segments(body, page.wanted, page.unwanted)
    print(f"\n{len(pages)} partly labelled pages: F1 over segments {segment_f1(counts):.4f}")


def bodies(pages: Iterable[Page], config: Config, change: Change = list, with_sites: bool = False) -> list[str]:
    """What is kept of pages, changed. Sites are counted for each flattener apart."""
    texts = [(page.flattener, page.site, "\n".join(line for line, _ in change(page.lines))) for page in pages]
    frame = pl.DataFrame(texts, schema=["flattener", "site", "text"], orient="row").with_row_index("row")
    parts = []
    for _, group in frame.group_by("flattener"):
        batch = group.hstack(count_templates(group)) if with_sites else group
        batch = batch.with_columns(format=pl.lit("text"))
        parts += [
            apply(undecided(batch[i : i + 200]), config).select("row", "text") for i in range(0, batch.height, 200)
        ]
    return pl.concat(parts).sort("row")["text"].to_list()


def fb(pages: Iterable[Page], found: Iterable[str]) -> list[float]:
    return [bag_f1(body, page.gold or "") for page, body in zip(pages, found, strict=True)]


def unspaced(lines: Labelled) -> Labelled:
    return [(line, label) for line, label in lines if line.strip()]


def lowered(lines: Labelled) -> Labelled:
    return [(line.lower(), label) for line, label in lines]


def joined(lines: Labelled) -> Labelled:
    """Runs of three to twelve short lines that are no article become one, joined by bars."""
    out: Labelled = []
    run: list[str] = []
    for line, label in [*unspaced(lines), ("", "1")]:
        if label == "0" and len(line) < 40 and len(run) < 12:
            run.append(line)
            continue
        out += [(" | ".join(run), "0")] if len(run) > 2 else [(short, "0") for short in run]
        run = []
        out.append((line, label))
    return out[:-1]


def without_article(lines: Labelled) -> Labelled:
    return [(line, label) for line, label in lines if label != "1"]


CHANGES: dict[str, Change] = {
    "hard-wrapped at 72 columns": partial(labelled.wrapped, width=72),
    "without blank lines": unspaced,
    "hard-wrapped, without blank lines": lambda lines: unspaced(labelled.wrapped(lines, 72)),
    "in lower case": lowered,
    "menus joined by bars": joined,
}

if __name__ == "__main__":
    main()
