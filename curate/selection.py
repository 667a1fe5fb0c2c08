"""The exact cut in an order of all documents, in flat memory: what the stage `select` is made of.

Documents stand in an order of 128 bits (two columns of the keys; the second is a hash that tells equals apart) and have
weights: 1, or their tokens. From the front are taken as many as fit a budget, group by group. As in a radix sort, a
round of tasks adds the weights up by the next 16 bits of those that still may stand at the cut; the bin in which a
budget ends is where the next round looks. Two or three rounds do, and eight at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from curate.section import Section
from curate.tasks import File, Rounds, Rows, batches, read

BITS = 16
DEPTHS = 128 // BITS
_BINS = 1 << BITS

Totals = Mapping[str, tuple[int, int]]
"""Documents and weight of each group."""


class Cut(NamedTuple):
    """Taken is what stands before this place in the order."""

    high: int
    low: int


ALL = Cut(1 << 64, 0)
"""Every document stands before it."""


class Counting(Section):
    """Which bits to count by: of `order`, at `depth`, for each group below the bins that were found before it."""

    order: str
    depth: int
    weighted: bool  # by group and weight; else all documents are one group, of weight 1
    found: dict[str, int] | None  # group -> the bits before those counted; None at first, where all groups are counted
    among: tuple[str, int, int] | None  # an order and its cut: only documents before it count


def find_cuts(
    keys: Sequence[File],
    order: str,
    budgets: Callable[[Totals], Mapping[str, int]],
    rounds: Rounds,
    *,
    weighted: bool,
    among: tuple[str, Cut] | None = None,
) -> dict[str, Cut]:
    """The cut of each group: what stands before it is all that fits the group's budget.

    `keys` have the columns `order`, `tie`, `group` and `weight`; documents without a group do not count. Where it is
    not `weighted`, all documents are in the group "" and weigh 1. `budgets` gets what each group holds.
    """
    earlier = (among[0], *among[1]) if among else None
    found: dict[str, int] | None = None
    left: dict[str, int] = {}
    cuts: dict[str, Cut] = {}
    for depth in range(DEPTHS):
        counting = Counting(order=order, depth=depth, weighted=weighted, found=found, among=earlier)
        bins = _count(keys, counting, rounds)
        if found is None:
            left = dict(budgets(_totals(bins)))
        found = {}
        for group, own in sorted(_by_group(bins).items()):
            place, before, rows = _bin(own, left[group])
            left[group] -= before
            prefix = (counting.found or {}).get(group, 0) << BITS | place
            if place == _BINS:
                cuts[group] = ALL
            elif rows == 1 or depth == DEPTHS - 1:
                cuts[group] = _cut(prefix, depth)
            else:
                found[group] = prefix
        if not found:
            break
    return cuts


def count_bins(inputs: Sequence[File], config: Counting) -> Rows:
    """Task: documents and weight of each group in each bin, of one file of keys. Part `bins`."""
    counted = [_counted(batch, config) for batch in batches(inputs[0], rows=1 << 16)]
    yield "bins", _added(counted)
    return {}


def merge_bins(inputs: Sequence[File], config: Section) -> Rows:
    """Task: the sums over all files. Part `bins`."""
    merged = read(inputs[0])
    for file in inputs[1:]:
        merged = _added([merged, read(file)])
    yield "bins", merged
    return {}


def before(keys: pl.DataFrame, order: str, cuts: Mapping[str, Cut]) -> pl.Series:
    """Which documents stand before the cut of their group; one in no group does not."""
    numbers = {group: number for number, group in enumerate(cuts)}
    which = keys["group"].replace_strict(numbers, default=len(numbers), return_dtype=pl.Int64).fill_null(len(numbers))
    ends = [*cuts.values(), Cut(0, 0)]
    high = np.array([min(end.high, (1 << 64) - 1) for end in ends], np.uint64)[which]
    low = np.array([end.low for end in ends], np.uint64)[which]
    every = np.array([end == ALL for end in ends])[which]
    first, second = keys[order].to_numpy(), keys["tie"].to_numpy()
    return pl.Series(every | (first < high) | ((first == high) & (second < low)), dtype=pl.Boolean)


def _count(keys: Sequence[File], config: Counting, rounds: Rounds) -> pl.DataFrame:
    label = f"{config.order}-{config.depth}"
    counted = rounds.run(f"count-{label}", count_bins, [[file] for file in keys], config)
    merged = rounds.run(f"sum-{label}", merge_bins, [[done.files["bins"] for done in counted]], Section())
    return read(merged[0].files["bins"])


def _counted(batch: pl.DataFrame, config: Counting) -> pl.DataFrame:
    """Sums of one batch."""
    whole = batch.with_columns(group=pl.lit(""))
    if config.among:
        order, *cut = config.among
        among = before(whole, order, {"": Cut(*cut)})
        batch, whole = batch.filter(among), whole.filter(among)
    batch = batch if config.weighted else whole.with_columns(weight=pl.lit(1, pl.Int64))
    if config.found is None:
        batch = batch.filter(pl.col("group").is_not_null())
    else:
        starts = {group: _cut(prefix, config.depth - 1) for group, prefix in config.found.items()}
        ends = {group: _cut(prefix + 1, config.depth - 1) for group, prefix in config.found.items()}
        batch = batch.filter(before(batch, config.order, ends) & ~before(batch, config.order, starts))
    counted = batch.select("group", "weight", bin=pl.Series(_digit(batch, config.order, config.depth)))
    return counted.group_by("group", "bin").agg(rows=pl.len().cast(pl.Int64), weight=pl.col("weight").sum())


def _digit(batch: pl.DataFrame, order: str, depth: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The `depth`-th 16 bits of each document's place."""
    per_column = 64 // BITS
    values = batch[order if depth < per_column else "tie"].to_numpy()
    return (values >> np.uint64(64 - BITS * (depth % per_column + 1))).astype(np.int64) & (_BINS - 1)


def _added(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).group_by("group", "bin").agg(pl.sum("rows", "weight")).sort("group", "bin")


def _totals(bins: pl.DataFrame) -> Totals:
    sums = bins.group_by("group").agg(pl.sum("rows", "weight"))
    return {group: (rows, weight) for group, rows, weight in sums.select("group", "rows", "weight").iter_rows()}


def _by_group(bins: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {str(name): part for (name,), part in bins.partition_by("group", as_dict=True, maintain_order=True).items()}


def _bin(bins: pl.DataFrame, budget: int) -> tuple[int, int, int]:
    """The bin in which a budget ends, the weight before it, and its documents; _BINS where all fit."""
    sums = bins["weight"].cum_sum()
    at = int((sums <= budget).sum())
    if at == bins.height:
        return _BINS, int(sums[-1]), 0
    return bins["bin"][at], int(sums[at] - bins["weight"][at]), bins["rows"][at]


def _cut(prefix: int, depth: int) -> Cut:
    place = prefix << BITS * (DEPTHS - 1 - depth)
    return Cut(place >> 64, place & ((1 << 64) - 1))
