"""Stratified shares: which part of each stratum's new documents goes to test and to validation.

A stratum is what has one value in a column, such as a language. Documents are placed by the first bits of a hash, their
bin. In each stratum test takes the lowest bins and validation the highest, as many as bring the stratum to its share,
counting what is held there already. What rounding takes from one stratum the next one gets, so that strata of a few
documents have their share together. A stratum is off by at most a document and a part in BINS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

Counts = np.ndarray[tuple[int], np.dtype[np.uint32]]

BINS = 1 << 12
SHIFT = 64 - 12
"""A place, a hash of 64 bits, without its first bits."""
CUTS = pl.DataFrame(schema={"stratum": pl.String, "test_below": pl.UInt64, "validation_from": pl.UInt64})
"""Where the places of a stratum's documents that go to test end, and where those of validation begin."""


@dataclass
class Share:
    """A split's share of all strata, and what rounding owes it so far."""

    share: float
    owed: float = 0.0

    def take(self, held: int, total: int, new: int, bins: Counts) -> int:
        """How many of the first `bins`, given by their numbers of documents, it takes of a stratum.

        The stratum has `total` documents, `new` of them new; `held` ones are in this split already.
        """
        self.owed += min(max(self.share * total - held, 0), new)
        sums = np.append(0, np.cumsum(bins))
        number = int(np.abs(sums - self.owed).argmin())
        self.owed -= int(sums[number])
        return number


def tally(documents: pl.DataFrame) -> pl.DataFrame:
    """Count documents with `stratum`, `place` and `held`, the split that they are in, null where they are new."""
    bins = pl.when(pl.col("held").is_null()).then(pl.col("place") // (1 << SHIFT)).cast(pl.UInt16)
    return (
        documents.select("stratum", "held", bin=bins).group_by("stratum", "held", "bin").len("documents").sort(pl.all())
    )


def cut(tallies: pl.DataFrame, test: float, validation: float) -> pl.DataFrame:
    """CUTS for the strata in `tallies`, which `tally` made, so that each has these shares."""
    total = tallies.group_by("stratum", "held", "bin").agg(pl.sum("documents")).sort("stratum", "bin", "held")
    shares = Share(test), Share(validation)
    rows = [(name, *_cut_one(of, *shares)) for (name,), of in total.group_by("stratum", maintain_order=True)]
    return pl.DataFrame(rows, CUTS.schema, orient="row")


def _cut_one(stratum: pl.DataFrame, test: Share, validation: Share) -> tuple[int, int]:
    new = stratum.filter(pl.col("held").is_null())
    held = dict(stratum.drop_nulls("held").select("held", "documents").iter_rows())
    starts, counts = new["bin"].to_list(), new["documents"].to_numpy()
    total = int(counts.sum()) + sum(held.values())
    low = test.take(held.get("test", 0), total, int(counts.sum()), counts)
    high = validation.take(held.get("validation", 0), total, int(counts.sum()), counts[low:][::-1])
    ends = [*(int(start) << SHIFT for start in starts), 2**64 - 1]
    return ends[low] if low else 0, ends[len(starts) - high]
