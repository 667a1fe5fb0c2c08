"""Tasks of the stage `dedup`: a sample of documents against all others, to tell what was missed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from curate.neardup import shingles, similarity
from curate.neardup.files import Bounds, frame_of, read_sets, tokens_of
from curate.section import Section
from curate.tasks import File, Rows, read


class Searching(Bounds):
    """What a sampled document is compared by."""

    shingle: int


def search(inputs: Sequence[File], config: Searching) -> Rows:
    """Task: the documents of a shard that are near-duplicates of a sampled one. Inputs: tokens, ranks, sampled sets."""
    sampled, sets = read_sets(inputs[2:])
    sample = similarity.index(sets)
    places = read(inputs[1])
    original = (places["original"] == places["rank"]).to_numpy()
    row = 0
    for tokens in tokens_of(inputs[0]):
        rows = np.flatnonzero(original[row : row + len(tokens.lengths)])
        ranks = places["rank"].gather(row + rows).to_numpy().astype(np.int64)
        row += len(tokens.lengths)
        found = similarity.search(shingles.sets(tokens.take(rows), config.shingle), sample)
        found = found._replace(first=ranks[found.first], second=sampled[found.second])
        alike = similarity.similar(found, config.threshold, config.containment) & (found.first != found.second)
        yield "similar", frame_of(found.take(alike))
    return {}


def audit(inputs: Sequence[File], config: Section) -> Rows:
    """Task: the share of similar pairs that ended in one cluster. Inputs: what is kept by rank, similar pairs."""
    kept = read(inputs[0])["kept"]
    pairs = pl.concat(read(file) for file in inputs[1:])
    pairs = pairs.with_columns(together=kept.gather(pairs["first"]) == kept.gather(pairs["second"]))
    yield "pairs", pairs
    found, trials = int(pairs["together"].sum()), pairs["second"].n_unique()
    recall = found / pairs.height if pairs.height else 1.0
    low, high = wilson(recall, trials)
    said = {"recall": round(recall, 4), "recall_low": round(low, 4), "recall_high": round(high, 4)}
    return {"similar_pairs": pairs.height, "found_pairs": found, "with_copies": trials, **said}


def wilson(share: float, trials: int) -> tuple[float, float]:
    """95% confidence interval of a share (Wilson 1927). A document's pairs, found together, are one trial.

    >>> [round(bound, 3) for bound in wilson(0.9, 100)]
    [0.826, 0.945]
    >>> wilson(0.0, 20)[0]
    0.0
    """
    if not trials:
        return 0.0, 1.0
    z = 1.96
    middle, spread = share + z * z / (2 * trials), z * (share * (1 - share) / trials + (z / (2 * trials)) ** 2) ** 0.5
    low, high = (middle - spread) / (1 + z * z / trials), (middle + spread) / (1 + z * z / trials)
    return max(low, 0.0), min(high, 1.0)
