"""Figures of a build: what is in it before and after, how scores lie about their thresholds, how large clusters are.

Counts of documents are those of the record where it has them; everything else is counted on a spread of documents
(samples.py) and scaled up, which the note of the chart says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from curate.prose.rules import RULES
from curate.report import samples
from curate.report.charts import Bars, Histogram, Series
from curate.report.samples import Spread
from curate.report.trail import PARTS, Trail, readable
from curate.stages import quality
from curate.text import hash64, tokens

LISTED = 12
"""Categories of a chart; the others are counted together."""
_COPIES = 1_000_000
"""Copies whose clusters are counted; of more, those of some clusters, chosen by hash."""
_TOKEN_TEXTS = 1_000
_MEASURED_TEXTS = 5_000
_STEPS = [digit * 10**power for power in range(6) for digit in (1, 2, 5)]
_NICE = [digit / 1_000 for digit in _STEPS] + [1_000]
_COUNTED = ("words", "sentences")
"""Measures that go over several powers of ten."""
_SIZES = (1, 2, 3, 4, 5, 9, 17, 33, 65, 129, 1_000_000_000)


def distributions(trail: Trail) -> list[Bars | Histogram]:
    """Languages, lengths, years and sites, before (where they are first known) and after the last stage."""
    last = len(trail.stages) - 1
    after = samples.spread(trail, last, ["language", "text", "published", "site"], ["kept"])
    found: list[Bars | Histogram] = []
    for title, head, name, stage in (
        ("Documents by language", "language", "language", "language"),
        ("Documents by year of publication", "year", "published", "metadata"),
        ("Documents by site", "site", "site", "metadata"),
    ):
        if stage in trail.stages:
            before = samples.spread(trail, trail.stages.index(stage), [name], PARTS)
            found.append(_categories(title, head, _values(before, name), _values(after, name)))
    if "normalize" in trail.stages:
        found.insert(1, _lengths(samples.spread(trail, trail.stages.index("normalize"), ["text"], ["kept"]), after))
    return found


def scores(trail: Trail) -> list[Histogram]:
    """Scores of lines, languages and near-duplicates, with the thresholds of the config."""
    return [*_line_scores(trail), *_language_scores(trail), *_similarities(trail)]


def measures(trail: Trail) -> list[tuple[Histogram, int]]:
    """What the rules of `quality` measure, with their thresholds, and how many documents each rule dropped; those that
    dropped most first."""
    if "quality" not in trail.stages:
        return []
    stage = trail.stages.index("quality")
    config = quality.Config.model_validate(trail.config("quality"))
    spread = samples.spread(trail, stage, ["text", "language"], PARTS, rows=_MEASURED_TEXTS)
    texts = spread.rows.with_columns(pl.col("text").cast(pl.String).fill_null(""), pl.col("language").cast(pl.String))
    measured = quality.measured(texts, config)
    dropped = trail.funnel[stage]["reasons"]
    found = []
    for name in measured.columns:
        rules = [rule for rule in (f"min_{name}", f"max_{name}") if getattr(config, rule, None) is not None]
        limits = [(rule, float(getattr(config, rule))) for rule in rules]
        count = sum(dropped.get(RULES[rule], 0) for rule in rules)
        found.append((_measure_histogram(name, measured[name].cast(pl.Float64), limits, spread), count))
    return sorted(found, key=lambda pair: -pair[1])


def clusters(trail: Trail) -> Bars | None:
    """Near-duplicate clusters by their number of documents; None where dedup did not run."""
    if "dedup" not in trail.stages:
        return None
    stage = trail.stages.index("dedup")
    copies = sum(file.rows for file in trail.files(stage, "dropped"))
    every = -(-copies // _COPIES) or 1
    sizes = _cluster_sizes(trail, stage, every)
    counts = np.histogram(sizes + 1, _SIZES)[0] * every
    counts[0] = max(sum(file.rows for file in trail.files(stage, "kept")) - counts.sum(), 0)
    labels = [f"{low}" if high == low + 1 else f"{low} to {high - 1}" for low, high in pairwise(_SIZES[:-1])]
    labels.append(f"{_SIZES[-2]} or more")
    shown = [(label, int(count)) for label, count in zip(labels, counts, strict=True) if count]
    note = f"Counted on one cluster in {every}, chosen by hash." if every > 1 else ""
    series = [Series("clusters", [count for _, count in shown])]
    return Bars("Clusters by number of documents", "clusters", [label for label, _ in shown], series, "documents", note)


def token_rates(trail: Trail) -> list[float | None]:
    """Tokens (curate/text.py) for each character kept by each stage, on some texts; None while there is no text."""
    rates: list[float | None] = []
    for stage in range(len(trail.stages)):
        texts = samples.spread(trail, stage, ["text"], ["kept"], rows=_TOKEN_TEXTS).rows["text"].cast(pl.String)
        chars = int(texts.str.len_chars().sum())
        rates.append(float(tokens(texts.fill_null("").to_list()).counts.sum()) / chars if chars else None)
    return rates


def _cluster_sizes(trail: Trail, stage: int, every: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The number of copies in each cluster that has one."""
    hashes = [np.empty(0, np.uint64)]
    for file in trail.files(stage, "dropped"):
        for batch in readable(file, ["cluster"]):
            found = hash64(batch["cluster"]) if "cluster" in batch.columns else hashes[0]
            hashes.append(found[found % np.uint64(every) == 0])
    return np.unique_counts(np.concatenate(hashes)).counts


def _values(spread: Spread, name: str) -> tuple[pl.Series, Spread]:
    values = spread.rows[name].cast(pl.String)
    return (values.str.head(4) if name == "published" else values).fill_null("unknown"), spread


def _categories(title: str, head: str, *counted: tuple[pl.Series, Spread]) -> Bars:
    """The most frequent categories, before and after; years in their order."""
    counts = [dict(values.value_counts().iter_rows()) for values, _ in counted]
    names = sorted(counts[0] | counts[1], key=lambda name: (-counts[0].get(name, 0), name))
    labels = sorted(names[:LISTED]) if head == "year" else names[:LISTED]
    series = []
    for kind, count, (_, spread) in zip(("before", "after"), counts, counted, strict=True):
        shown = [count.get(name, 0) for name in labels]
        rest = [sum(count.values()) - sum(shown)] if len(names) > LISTED else []
        series.append(Series(kind, [_scaled(n, spread) for n in shown + rest]))
    labels = [*labels, f"{len(names) - LISTED:,} more"] if len(names) > LISTED else labels
    return Bars(title, "documents", labels, series, head, _note([spread for _, spread in counted]))


def _lengths(before: Spread, after: Spread) -> Histogram:
    edges = [0, *(digit * 10**power for power in range(2, 6) for digit in (1, 2, 5)), 1_000_000]
    series = []
    for kind, spread in (("before, raw page", before), ("after, clean text", after)):
        chars = spread.rows["text"].cast(pl.String).str.len_chars().fill_null(0).to_numpy()
        series.append(
            Series(kind, [_scaled(n, spread) for n in np.histogram(chars, [*edges[:-1], np.inf])[0].tolist()])
        )
    title, scale = "Documents by length", "characters (bins widen)"
    return Histogram(title, scale, "documents", edges, series, side_by_side=True, note=_note([before, after]))


def _line_scores(trail: Trail) -> Iterator[Histogram]:
    if "boilerplate" not in trail.stages:
        return
    spread = samples.spread(trail, trail.stages.index("boilerplate"), ["lines"], PARTS)
    if spread.rows["lines"].dtype == pl.Null:
        return
    lines = spread.rows["lines"].explode(empty_as_null=False, keep_nulls=False).struct.unnest()
    limit = [("min_score", trail.config("boilerplate").get("min_score", 0.5))]
    kinds = {"lines dropped": ~lines["kept"], "lines kept": lines["kept"]}
    yield _unit_histogram("Scores of lines", "score", "lines", kinds, lines["score"], limit, spread)


def _language_scores(trail: Trail) -> Iterator[Histogram]:
    if "language" not in trail.stages:
        return
    config = trail.config("language")
    spread = samples.spread(trail, trail.stages.index("language"), ["language_confidence", "language_score"], PARTS)
    for name, key in (("language_confidence", "min_confidence"), ("language_score", "min_score")):
        values = spread.rows[name].cast(pl.Float64)
        if values.null_count() == len(values) or (name == "language_score" and not config.get(key)):
            continue
        kept = spread.rows["part"] == "kept"
        limit = [(key, config[key])] if config.get(key) else []
        kinds = {"documents dropped": ~kept, "documents kept": kept}
        title = name.replace("_", " ").capitalize()
        yield _unit_histogram(title, name, "documents", kinds, values, limit, spread)


def _similarities(trail: Trail) -> Iterator[Histogram]:
    if "dedup" not in trail.stages:
        return
    config = trail.config("dedup")
    spread = samples.spread(trail, trail.stages.index("dedup"), ["similarity", "containment"], ["dropped"])
    for name, key in (("similarity", "threshold"), ("containment", "containment")):
        values = spread.rows[name].cast(pl.Float64)
        if values.null_count() < len(values):
            kinds = {"near-duplicates": values.is_not_null()}
            title = f"{name.capitalize()} of near-duplicates to what is kept"
            yield _unit_histogram(title, name, "documents", kinds, values, [(key, config[key])], spread)


def _measure_histogram(name: str, values: pl.Series, limits: list[tuple[str, float]], spread: Spread) -> Histogram:
    """Counts in bins that widen, anything else in twenty equal bins that reach past thresholds and most documents."""
    values = values.fill_nan(None)
    most = max([1.25 * limit for _, limit in limits] + [values.quantile(0.99) or 0])
    end = next((nice for nice in _NICE if nice >= most), most)
    edges = [0.0, *_STEPS] if name in _COUNTED else np.linspace(0, end, 21).round(4).tolist()
    kept = spread.rows["part"] == "kept"
    series = [
        Series(kind, [_scaled(n, spread) for n in _binned(values.filter(which).clip(0, edges[-1]), np.array(edges))])
        for kind, which in (("documents dropped", ~kept), ("documents kept", kept))
    ]
    scale = name.replace("_", " ") + (" (bins widen)" if name in _COUNTED else "")
    title = f"Quality: {name.replace('_', ' ')}"
    return Histogram(title, scale, "documents", edges, series, limits, logarithmic=True, note=_note([spread]))


def _unit_histogram(
    title: str,
    scale: str,
    unit: str,
    kinds: dict[str, pl.Series],
    values: pl.Series,
    thresholds: Sequence[tuple[str, float]],
    spread: Spread,
) -> Histogram:
    """Values from 0 to 1 in twenty bins."""
    edges = np.linspace(0, 1, 21).round(2)
    series = [
        Series(name, [_scaled(n, spread) for n in _binned(values.filter(which.fill_null(False)), edges)])
        for name, which in kinds.items()
    ]
    return Histogram(title, scale, unit, edges.tolist(), series, thresholds, logarithmic=True, note=_note([spread]))


def _binned(values: pl.Series, edges: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[int]:
    counts: list[int] = np.histogram(values.drop_nulls().to_numpy(), edges)[0].tolist()
    return counts


def _scaled(count: int, spread: Spread) -> int:
    return round(count / spread.share) if spread.share else 0


def _note(spreads: Sequence[Spread]) -> str:
    """Says on how many documents a chart was counted."""
    if all(spread.share >= 1 for spread in spreads if spread.rows.height):
        return ""
    counted = " and ".join(f"{spread.rows.height:,}" for spread in spreads)
    return f"Estimated: counted on {counted} documents drawn at random."
