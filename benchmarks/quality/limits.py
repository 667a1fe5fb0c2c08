"""Limits by language: `python benchmarks/quality/limits.py [--texts JSONL_GZ] [--write]`.

Two of the ways that FineWeb-2 (Penedo et al. 2025) carries Gopher's limits over to other languages. Mean word length:
the limit for English times the median of the language over that of English (MedianRatio). Shares of words and of
n-grams: as many standard deviations from the mean as for English (MeanStd), where that is looser than the paper's, as
so little is repeated in short texts that a tighter limit would be chance. Measured are stretches of 50 words of prose
(SOURCES of stop_words.py). A limit is taken where no more than 1 in 100 stretches of other texts (declarations of
rights, bibles) break it; elsewhere the paper's stays. Printed are, for each language and rule, the limit and what of
the other texts breaks it and the paper's. With --write, writes curate/models/language_limits.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from stop_words import SOURCES, TEXTS, VARIANTS

from curate.document import undecided
from curate.prose.measures import gram_measures, word_measures
from curate.prose.words import find_words
from curate.stages.normalize import normalize_text

WRITTEN = Path(__file__).parents[2] / "curate/models/language_limits.json"
GOPHER = {
    "min_mean_word_length": 3.0,
    "max_mean_word_length": 10.0,
    "min_alphabetic_words": 0.8,
    "max_top_2_gram": 0.2,
    "max_top_3_gram": 0.18,
    "max_top_4_gram": 0.16,
}
WORDS = 50
"""In a stretch."""
FEWEST, FEWEST_OTHERS = 30, 8
"""Stretches of prose that a language needs, and of other texts."""
MOST_BROKEN = 0.01
DIGITS = 2


def stretches(texts: Sequence[str]) -> Iterator[str]:
    """WORDS words at a time, as they stand in the texts."""
    words = find_words(pl.Series("text", texts, dtype=pl.String))
    for first, behind in zip(words.offsets, words.offsets[1:], strict=False):
        for start in range(first, behind - WORDS + 1, WORDS):
            yield words.data[words.starts[start] : words.ends[start + WORDS - 1]].tobytes().decode()


def measured(texts: Sequence[str]) -> pl.DataFrame:
    """What the rules measure, a row a stretch."""
    batch = undecided(pl.DataFrame({"text": list(stretches(texts))}, schema={"text": pl.String}))
    words = find_words(batch["text"])
    wanted = {rule[4:] for rule in GOPHER}
    frames = [word_measures(batch, words, wanted), gram_measures(batch, words, wanted)]
    return pl.concat(frames, how="horizontal").select(sorted(wanted))


def broken(values: pl.Series, rule: str, limit: float) -> float:
    """The share of stretches that break a limit."""
    values = values.drop_nulls()
    return float(((values < limit) if rule.startswith("min_") else (values > limit)).mean() or 0)


def own_limit(rule: str, prose: pl.Series, english: pl.Series) -> float | None:
    """The limit of a language; None where nothing is measured, or where it would be tighter than need be."""
    paper = GOPHER[rule]
    if prose.null_count() == len(prose):
        return None
    if rule.endswith("mean_word_length"):
        return round(paper * prose.median() / english.median(), DIGITS)
    limit = round(prose.mean() + (paper - english.mean()) / english.std() * prose.std(), DIGITS)
    looser = limit < paper if rule.startswith("min_") else limit > paper
    return limit if looser else None


def main() -> None:
    """Measure, try, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, default=TEXTS)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    with gzip.open(arguments.texts, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["variant"] in VARIANTS]
    by_language: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_language.setdefault(row["lang"], []).append(row)
    found: dict[str, dict[str, float]] = {"en": GOPHER}
    parts = {
        name: [
            measured(normalize_text([row["text"] for row in own if (row["source"] in SOURCES) == prose]))
            for prose in (True, False)
        ]
        for name, own in sorted(by_language.items())
    }
    for name, (prose, others) in parts.items():
        if name == "en" or prose.height < FEWEST or others.height < FEWEST_OTHERS:
            continue
        limits = {}
        for rule, paper in GOPHER.items():
            limit = own_limit(rule, prose[rule[4:]], parts["en"][0][rule[4:]])
            if limit is None:
                continue
            own, papers = (broken(others[rule[4:]], rule, one) for one in (limit, paper))
            sizes = f"{prose.height:4} {others.height:4}"
            print(f"{name} {sizes} {rule} {limit} broken by {own:.3f}; the paper's {papers:.3f}")
            if own <= MOST_BROKEN:
                limits[rule] = limit
        found[name] = limits
    if arguments.write:
        table = [f" {json.dumps(name)}: {json.dumps(limits)}" for name, limits in sorted(found.items()) if limits]
        WRITTEN.write_text("{\n" + ",\n".join(table) + "\n}\n", encoding="utf-8")
    print(f"{sum(map(bool, found.values()))} languages")


if __name__ == "__main__":
    main()
