"""The leak check: no text and no near-duplicates in two splits, among all finished texts.

Dedup's rounds run again on the shards that a reader gets, up to the pairs that it verified, for pairs of documents in
different splits. Where dedup compares a document with its representative alone, here every pair counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from curate.errors import ReleaseError
from curate.neardup.arrays import Ranks
from curate.neardup.files import Bounds, columns_of
from curate.neardup.similarity import Verified, similar
from curate.release.wording import counted
from curate.stages import dedup
from curate.tasks import File, Json, Rounds, Rows, batches, read

SHOWN = 3
"""Pairs that an error names."""
UNCHECKED = "near-duplicates across splits were not looked for: the config has no `dedup`"


class Places(Bounds):
    """The split of each shard, and from where on documents are near-duplicates."""

    splits: tuple[str, ...]


def refuse(shards: Sequence[tuple[str, File]], config: dedup.Config, rounds: Rounds) -> list[Json]:
    """What was checked on the finished shards, given with their splits.

    Raises ReleaseError, which names some of the pairs, where documents in two splits have the same text (the same
    tokens in the same order) or are near-duplicates by themselves, not by a third.
    """
    splits = tuple(split for split, _ in shards)
    sides = [sorted(set(splits)).index(split) for split in splits]
    files = [file for _, file in shards]
    found = dedup.compare(files, config.model_copy(update={"audit": 0}), rounds, sides=sides)
    places = Places(splits=splits, threshold=config.threshold, containment=config.containment)
    inputs = [*found.documents, *found.ranks, *found.alike]
    said = rounds.run("leaks", find_leaks, [inputs], places)[0].stats
    bounds = f"similarity {config.threshold}, containment {config.containment}"
    return [
        _check("no text in two splits", found.whole.documents, said["texts"]),
        _check(f"no near-duplicates in two splits ({bounds}), of the pairs verified", found.verified, said["pairs"]),
    ]


def find_leaks(inputs: Sequence[File], config: Places) -> Rows:
    """Task: the pairs of documents that are alike and in two splits.

    Inputs: the documents of each shard, the ranks of each, the verified pairs.
    """
    count = len(config.splits)
    documents, ranks, alike = inputs[:count], inputs[count : 2 * count], inputs[2 * count :]
    numbered = (read(file, ["rank", "original"]).with_columns(shard=pl.lit(n)) for n, file in enumerate(ranks))
    places = pl.concat(numbered).sort("rank")
    shard, original = places["shard"].to_numpy(), places["original"].to_numpy().astype(np.int64)
    split = np.unique(config.splits, return_inverse=True)[1][shard]
    copies = np.flatnonzero(split != split[original])
    texts = pl.DataFrame({"first": original[copies], "second": copies})
    yield "texts", texts
    pairs = pl.concat([texts[:0], *_crossing(alike, split, config)])
    yield "pairs", pairs
    return {
        name: {"broken": found.height, "examples": _named(found[:SHOWN], documents, ranks, config.splits)}
        for name, found in (("texts", texts), ("pairs", pairs))
    }


def _crossing(alike: Sequence[File], split: Ranks, config: Places) -> Iterator[pl.DataFrame]:
    """The pairs in two splits that reach the bounds by themselves."""
    for file in alike:
        for batch in batches(file, rows=65536):
            checked = Verified(*columns_of(batch))
            strict = similar(checked, config.threshold, config.containment)
            found = checked.take(strict & (split[checked.first] != split[checked.second]))
            yield pl.DataFrame({"first": found.first, "second": found.second})


def _named(
    pairs: pl.DataFrame, documents: Sequence[File], ranks: Sequence[File], splits: Sequence[str]
) -> list[list[str]]:
    """The pairs as a reader knows them: `id (split)` of both."""
    wanted = pl.concat([pairs["first"], pairs["second"]]).implode()
    names: dict[int, str] = {}
    for split, who, place in zip(splits, documents, ranks, strict=True) if pairs.height else ():
        rows = read(who, ["id"]).hstack(read(place, ["rank"])).filter(pl.col("rank").is_in(wanted))
        names |= {rank: f"{name} ({split})" for name, rank in rows.iter_rows()}
    return [[names[first], names[second]] for first, second in pairs.iter_rows()]


def _check(name: str, checked: int, found: Json) -> Json:
    if found["broken"]:
        shown = ", ".join(" and ".join(pair) for pair in found["examples"])
        raise ReleaseError(f"refused: {name}: {counted(found['broken'], 'pair')} broke this, such as {shown}")
    return {"check": name, "checked": checked, "broken": 0}
