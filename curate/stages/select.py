"""Stage select: of the documents that all other stages leave, the best by a score, or a sample, or a mix.

It carries out `quality.keep_top` and `quality.sample`, last before the split, so that shares, budgets and proportions
hold for what is released: copies are gone by then. First the top share, then the sample of it. The order of a sample is
a hash of the document's id and the seed: a larger budget contains a smaller one, and a document stays where it is in
that order when the corpus grows. Equal scores are told apart by hash, so the cut is exact to the document and the same
from any number of shards and workers; curate/selection.py finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction as Ratio
from functools import partial
from math import ceil, floor
from typing import Annotated, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from curate.document import drop
from curate.errors import InputError
from curate.section import Count, CountOrZero, Fraction, Section
from curate.selection import ALL, Cut, Totals, before, find_cuts
from curate.tasks import File, Rounds, Rows, batches, columns_in
from curate.text import Hashes, hash64, mix

VERSION = 1

_ROWS = 1 << 16
"""Rows of keys that are looked at at a time."""

Score = Literal["classifier_score", "perplexity"]
Unit = Literal["words", "tokens"]


class Sample(Section):
    """How much of the documents is kept, and in which proportions."""

    share: Fraction | None = Field(None, gt=0, description="Share of the documents, each by its own hash.")
    tokens: Count | None = Field(None, description="Most tokens in all; needs `tokenizer`.")
    words: Count | None = Field(None, description="Most words in all.")
    seed: CountOrZero = Field(0, description="Another seed, another sample.")
    by: str | None = Field(
        None,
        pattern=r"^(language|site|source|format|metadata\.\S+)$",
        description="The column that is mixed by: `language`, `site`, `source`, `format`, or `metadata.NAME` for a "
        "column of the input.",
    )
    mix: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None = Field(
        None,
        min_length=1,
        description="Proportions, in tokens (without `tokenizer` in words), by the values of that column: `{en: 0.7, "
        "ur: 0.3}`. Documents with other values are dropped. The scarcest value limits the whole; `share` is of that.",
    )

    @model_validator(mode="after")
    def _says_how_much(self) -> Self:
        given = [name for name in ("share", "tokens", "words") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: one of them decides")
        if (self.by is None) != (self.mix is None):
            raise ValueError("by and mix: need each other")
        if not given and self.mix is None:
            raise ValueError("needs share, tokens, words or mix")
        return self

    def budgets(self, totals: Totals) -> dict[str, int]:
        """The most of each group, given what there is. Raises InputError where a value of the mix has no document."""
        budget = self.tokens or self.words
        if self.mix is None:
            assert budget
            return dict.fromkeys(totals, budget)
        if missing := sorted(self.mix.keys() - totals.keys()):
            raise InputError(f"quality.sample.mix: no document has the {self.by} {missing[0]!r}")
        scale = sum(map(_exact, self.mix.values()))
        shares = {name: _exact(part) / scale for name, part in self.mix.items()}
        largest = min(totals[name][1] / share for name, share in shares.items())
        whole = min(largest, Ratio(budget)) if budget else largest * _exact(self.share or 1.0)
        return {name: floor(whole * share) for name, share in shares.items()}


class Config(Section):
    """What is kept of all documents."""

    keep_top: Fraction | None
    rank_by: Score | None
    sample: Sample | None
    unit: Unit


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Drop what `prepare` did not choose."""
    out = pl.col("left_out")
    if config.rank_by:
        batch = drop(batch, out == "top", "not in the top share", pl.format(f"{config.rank_by} {{}}", config.rank_by))
    batch = drop(batch, out == "mix", "not in the mix", pl.col("sampled_as"))
    batch = drop(batch, out == "sample", "not in the sample", pl.col("sampled_as"))
    return batch.drop("left_out", "sampled_as")


def prepare(shards: Sequence[File], config: Config, rounds: Rounds) -> list[File]:
    """A file a shard with `left_out`: null, or which choice a document falls to; `sampled_as`: its value in the mix."""
    if not shards:
        return []
    keys = [done.files["keys"] for done in rounds.run("keys", list_keys, [[shard] for shard in shards], config)]
    top = ALL
    if config.keep_top is not None:
        budget = partial(_top, _exact(config.keep_top))
        top = find_cuts(keys, "rank", budget, rounds, weighted=False).get("", ALL)
    sample = {"": ALL}
    if config.sample and config.sample.share is not None and config.sample.mix is None:
        sample = {"": Cut(floor(_exact(config.sample.share) * 2**64), 0)}
    elif config.sample:
        sample = find_cuts(keys, "place", config.sample.budgets, rounds, weighted=True, among=("rank", top))
    choosing = Choosing(top=top, sample=sample)
    return [done.files["chosen"] for done in rounds.run("chosen", choose, [[file] for file in keys], choosing)]


class Choosing(Section):
    """The cuts."""

    top: tuple[int, int]
    sample: dict[str, tuple[int, int]]


def list_keys(inputs: Sequence[File], config: Config) -> Rows:
    """Task: of each document of a shard its group in the mix, weight, and places in the orders. Part `keys`."""
    sample = config.sample
    by = (sample.by or "").partition(".")[0] if sample else ""
    wanted = {"id", "source", "record", by, config.rank_by, _unit(config)}
    for batch in batches(inputs[0], [name for name in columns_in(inputs[0]) if name in wanted], rows=_ROWS):
        yield "keys", _keys(batch, config)
    return {}


def choose(inputs: Sequence[File], config: Choosing) -> Rows:
    """Task: which documents of a shard are not chosen. Input: its keys. Part `chosen`."""
    cuts = {group: Cut(*cut) for group, cut in config.sample.items()}
    for batch in batches(inputs[0], rows=_ROWS):
        top = before(batch.with_columns(group=pl.lit("")), "rank", {"": Cut(*config.top)})
        sampled = before(batch, "place", cuts)
        why = pl.when(~top).then(pl.lit("top")).when(pl.col("group").is_null()).then(pl.lit("mix"))
        left_out = why.when(~sampled).then(pl.lit("sample")).otherwise(pl.lit(None, pl.String))
        yield "chosen", batch.select(left_out=left_out, sampled_as="sampled_as")
    return {}


def _keys(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    sample = config.sample or Sample(share=1)
    value = _value(batch, sample.by) if sample.by else pl.repeat("", batch.height, eager=True)
    known = value.is_in(list(sample.mix)) if sample.mix else pl.repeat(True, batch.height, eager=True)
    ids = hash64(batch["id"])
    where = hash64(batch.select(pl.format("{}:{}", "record", "source")).to_series())
    return pl.DataFrame(
        {
            "group": value.set(~known.fill_null(False), None),
            "sampled_as": pl.repeat(None, batch.height, dtype=pl.String, eager=True) if not sample.by else value,
            "weight": batch[_unit(config)] if config.sample else pl.repeat(1, batch.height, dtype=pl.Int64, eager=True),
            "rank": _rank(batch, config.rank_by),
            "place": mix(ids + mix(np.full(1, sample.seed, np.uint64) + np.uint64(1))),
            "tie": mix(ids ^ mix(where)),
        }
    )


def _unit(config: Config) -> Unit:
    """What documents weigh in."""
    sample = config.sample
    return "tokens" if sample and sample.tokens else "words" if sample and sample.words else config.unit


def _value(batch: pl.DataFrame, column: str) -> pl.Series:
    if not column.startswith("metadata."):
        return batch[column] if column in batch.columns else pl.repeat(None, batch.height, dtype=pl.String, eager=True)
    path = f"$.{column.removeprefix('metadata.')}"
    return batch["metadata"].str.json_path_match(path)


def _rank(batch: pl.DataFrame, score: Score | None) -> Hashes:
    """An integer for each score, the smaller the better: high scores and low perplexities come first."""
    if score is None:
        return np.zeros(batch.height, np.uint64)
    worst = np.inf if score == "perplexity" else -np.inf
    bits = (batch[score].fill_null(worst).to_numpy() + 0.0).view(np.uint64)
    sign = np.uint64(1 << 63)
    ascending = np.where(bits & sign, ~bits, bits | sign)
    return ascending if score == "perplexity" else ~ascending


def _top(share: Ratio, totals: Totals) -> dict[str, int]:
    return {group: ceil(share * documents) for group, (documents, _) in totals.items()}


def _exact(share: float) -> Ratio:
    """As it is written: 0.3 is three tenths."""
    return Ratio(repr(share))
