"""Stage dedup: of documents with the same text, or nearly the same, one is kept.

News is syndicated: one wire story stands on forty sites with another headline, cut, reordered, wrapped in furniture.
Copies make a model learn by heart, and a copy in test of what is in train makes a score a lie ("Deduplicating Training
Data Makes Language Models Better", Lee et al. 2022). How near-duplicates are found is in curate/neardup.

`prepare` runs rounds of file tasks. A task holds the tokens or the keys of a part of the corpus, and numbers about all:

    signatures   a shard              id, size, exact hash and hashed tokens of each document; the text is read once
    keys         a shard              sampled shingles, partitioned by hash
    runs         a shard              its documents in order of preference
    sorted       some of that order   the documents of all shards that stand there
    order        all documents        rank of each document, the preferred ones first; exact copies found
    candidates   a partition          pairs of documents that share sampled shingles
    capped       all partitions       how many sampled shingles of each document are too frequent to tell anything
    pairs        a partition          the pairs worth verifying, each once
    shingles     a shard              all shingles of the documents in those pairs
    verified     a partition          the pairs that are near-duplicates, with their similarity
    clusters     all verified pairs   for each shard, row by row, what each document is a copy of
    sample, search, audit             a sample of documents against all others: the share of pairs found
    paragraphs, frequent, cuts        where the config asks for it: paragraphs that many of the kept documents have

Ranks are the only numbers of documents that leave a shard, and ties in rank go by id: the result depends neither on the
order of the input nor on shards and workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from curate import sorting
from curate.document import drop
from curate.neardup import audit, judging, ordering, pairing, paragraphs, signing
from curate.neardup.files import Bounds, Partitioned, Whole, files_of, numbered
from curate.neardup.paragraphs import Paragraphs
from curate.neardup.shingles import MAX_SHINGLE
from curate.readers.urls import hub_dataset
from curate.section import CountOrZero, Section
from curate.tasks import File, Rounds

VERSION = 6

NEAR_DUPLICATE = "near-duplicate"
"""The reason of a drop that has a document kept in its place to be compared with."""

PARTITION_DOCUMENTS = 25_000
"""Documents of the corpus for each partition of its keys and pairs; some 300 MB."""
PARTITIONS = 8
"""Partitions that a smaller corpus has, so that there is work for several workers, ..."""
LEAST_DOCUMENTS = 2_500
"""... where each still has as many documents as this: a file more for each shard is some 3 ms."""


class Config(Section):
    """What counts as a copy, and which copy is kept."""

    threshold: float = Field(
        0.55,
        gt=0,
        le=1,
        description="Documents this similar are near-duplicates: Jaccard similarity of their shingles.",
    )
    containment: float = Field(
        0.8,
        gt=0,
        le=1,
        description="So are documents of which the smaller has this share of its shingles in the larger.",
    )
    shingle: int = Field(3, ge=1, le=MAX_SHINGLE, description="Tokens in a shingle.")
    keep: ordering.Keep = Field(
        "longest",
        description="Which document of a cluster is kept: that with most tokens, the earliest published, or the first "
        "by source and record; ties go by id. What was released before comes first.",
    )
    audit: CountOrZero = Field(
        500,
        description="Documents compared with all others exactly, to estimate the share of copies found; 0 for none.",
    )
    against: Literal["release"] | list[Annotated[str, Field(min_length=1)]] | None = Field(
        None,
        description="Documents that are copies of what stands elsewhere are dropped too: `release` for all earlier "
        "releases of this config, or a list of files, folders, patterns and Hub ids (`org/name`). Of a folder and of a "
        "Hub dataset the Parquet files are read.",
    )
    paragraphs: Paragraphs | None = Field(
        None, description="Cut paragraphs that many documents have. Runs where given."
    )


def sources(against: Sequence[str]) -> list[str]:
    """What `read` is to read of other datasets: of a folder and of a Hub dataset the Parquet files."""
    return [_parquet(path) for path in against]


def _parquet(path: str) -> str:
    if Path(path).is_dir():
        return f"{path.rstrip('/')}/**/*.parquet"
    if hub_dataset(path) and not Path(path).exists():
        return f"hf://datasets/{path}/**/*.parquet"
    return path


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Drop what `prepare` found to be a copy, cut paragraphs; `cluster` is the id of the document that is kept."""
    batch = drop_copies(batch.with_columns(cluster=pl.coalesce("duplicate_of", "id")), config)
    if "cut" in batch.columns:
        batch = paragraphs.without(batch)
        batch = drop(batch, pl.col("text").str.strip_chars() == "", "nothing but repeated paragraphs")
    return batch


def drop_copies(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Drop the copies in a batch with the columns that `prepare` found; these go."""
    shares = [(100 * pl.col(name)).floor().cast(pl.Int64) for name in ("similarity", "containment")]
    elsewhere = "released before" if config.against == "release" else "in another dataset"
    where = pl.when("earlier").then(pl.lit(f", {elsewhere}")).otherwise(pl.lit(""))
    namesake = pl.when("earlier").then(pl.lit(elsewhere)).otherwise(pl.lit("kept"))
    exact = pl.format("same text as {}{}", "duplicate_of", where)
    near = pl.format("of {}{}: similarity {}%, containment {}%", "duplicate_of", where, *shares)
    same_id = pl.format("another document with this id is {}", namesake)
    conflict = pl.format("near {}, which is kept in the split that it was released in", "duplicate_of")
    batch = drop(batch, pl.col("copy") == "id", "duplicate id", same_id)
    batch = drop(batch, pl.col("conflict"), "split conflict", conflict)
    batch = drop(batch, pl.col("copy") == "exact", "exact duplicate", exact)
    batch = drop(batch, pl.col("copy") == "near", NEAR_DUPLICATE, near)
    return batch.drop("copy", "duplicate_of", "earlier", "conflict", "similarity", "containment")


def prepare(
    shards: Sequence[File],
    config: Config,
    rounds: Rounds,
    earlier: Sequence[File] = (),
    released: Sequence[tuple[int, File]] = (),
) -> list[File]:
    """A file a shard with, for copies, `copy` (id, exact or near), `duplicate_of` and similarities.

    The documents of `earlier` files, of other datasets, come before all others: what is near one of them is its copy,
    and `earlier` is true for it. Then come those whose ids stand in `released` shards, what has the highest number
    first: they keep their places before `config.keep` is asked. `conflict`: both were released, with other numbers.
    """
    if not shards:
        return []
    found = compare(shards, config, rounds, earlier, released)
    verdicts, kept = judge(found, config, rounds, len(earlier))
    if config.audit:
        places = list(zip(found.tokens, found.ranks, strict=True))
        _audit(places, found.sample, kept, config, rounds)
    if config.paragraphs:
        verdicts = _cut(shards, verdicts, config.paragraphs, found.whole.partitions, rounds)
    return verdicts


@dataclass(frozen=True)
class Compared:
    """The documents of all shards, and which of them are alike. Lists of files are by shard, `alike` by partition."""

    whole: Whole
    documents: list[File]  # who they are
    tokens: list[File]
    ranks: list[File]  # and the rank of the first with the same text
    sample: File  # ranks for the audit
    alike: list[File]  # the pairs that are near-duplicates, or may be so by a third, with their similarity
    verified: int  # pairs that were verified: all candidates


def compare(
    shards: Sequence[File],
    config: Config,
    rounds: Rounds,
    earlier: Sequence[File] = (),
    released: Sequence[tuple[int, File]] = (),
    sides: Sequence[int] = (),
    changed: Sequence[File] = (),
) -> Compared:
    """Find all pairs of documents that are alike; `earlier` and `released` as in `prepare`.

    With `sides`, a number for each shard, only the pairs of documents on different sides. With `changed`, the rows of
    some documents of each shard, only the pairs with one of these.
    """
    signed = rounds.run("signatures", signing.sign, [[file] for file in [*earlier, *shards]], signing.Signing())
    found, tokens = files_of(signed, "documents"), files_of(signed, "tokens")
    documents = sum(file.rows for file in found)
    partitions = range(_partitions(documents))
    whole = Whole(documents=documents, shards=len(found), partitions=len(partitions))

    parted = Partitioned(partitions=len(partitions))
    sampled = rounds.run("keys", signing.list_keys, [[file] for file in tokens], parted)
    standing = tuple(number for number, _ in released)
    which = ordering.Ordering(**whole.model_dump(), audit=config.audit, earlier=len(earlier), standing=standing)
    everything = [
        *preferred(found, config.keep, rounds),
        *files_of(sampled, "sampled"),
        *(file for _, file in released),
    ]
    ordered = rounds.run("order", ordering.order, [everything], which)[0].files
    ranks = [ordered[numbered("ranks", number)] for number in range(len(found))]

    known = [*ranks, *changed]
    keys = [[ordered["sketches"], *files_of(sampled, numbered("keys", number)), *known] for number in partitions]
    paired = rounds.run("candidates", pairing.pair_up, keys, pairing.Pairing(**whole.model_dump(), sides=tuple(sides)))
    capped = rounds.run("capped", pairing.sum_capped, [files_of(paired, "capped")], whole)[0].files["capped"]
    candidates = [[ordered["sizes"], capped, *files_of(paired, numbered("pairs", number))] for number in partitions]
    pairs = files_of(rounds.run("pairs", pairing.choose_pairs, candidates, whole), "pairs")

    shingling = pairing.Shingling(**whole.model_dump(), shingle=config.shingle)
    places = zip(tokens, ranks, strict=True)
    sets = rounds.run("shingles", pairing.list_shingles, [[*place, *pairs] for place in places], shingling)
    checks = [[pairs[number], *files_of(sets, numbered("sets", number))] for number in partitions]
    bounds = Bounds(threshold=config.threshold, containment=config.containment)
    alike = files_of(rounds.run("verified", pairing.verify, checks, bounds), "alike")
    return Compared(whole, found, tokens, ranks, ordered["sample"], alike, sum(file.rows for file in pairs))


def judge(found: Compared, config: Config, rounds: Rounds, earlier: int) -> tuple[list[File], File]:
    """The verdicts on each shard, without those of the `earlier` files; what is kept for each document, by rank."""
    bounds = {"threshold": config.threshold, "containment": config.containment}
    judging_all = judging.Judging(**found.whole.model_dump(), **bounds, earlier=earlier)
    inputs = [*found.documents, *found.ranks, *found.alike]
    judged = rounds.run("clusters", judging.judge, [inputs], judging_all)[0].files
    verdicts = [judged[numbered("verdicts", number)] for number in range(earlier, found.whole.shards)]
    return verdicts, judged["kept"]


def _partitions(documents: int) -> int:
    """How many parts keys and pairs are cut into. No result depends on it."""
    return max(-(-documents // PARTITION_DOCUMENTS), min(PARTITIONS, documents // LEAST_DOCUMENTS), 1)


def preferred(documents: Sequence[File], keep: ordering.Keep, rounds: Rounds) -> list[File]:
    """The documents of all shards, the preferred ones first."""
    starts = accumulate((file.rows for file in documents[:-1]), initial=0)
    configs = [ordering.Preference(keep=keep, start=start) for start in starts]
    runs = rounds.run("runs", ordering.sort_run, [[file] for file in documents], configs)
    ranges, parts = zip(*sorting.ranges(runs, ordering.RANGE_ROWS), strict=True)
    return files_of(rounds.run("sorted", ordering.merge, parts, ranges), "sorted")


def _audit(places: Sequence[tuple[File, File]], sample: File, kept: File, config: Config, rounds: Rounds) -> None:
    """Compare a sample of documents with all others. The result is in the statistics of the last round."""
    documents = sum(ranks.rows for _, ranks in places)
    shingling = pairing.Shingling(documents=documents, shards=len(places), partitions=1, shingle=config.shingle)
    sets = rounds.run("sample", pairing.list_shingles, [[*place, sample] for place in places], shingling)
    searching = audit.Searching(threshold=config.threshold, containment=config.containment, shingle=config.shingle)
    sampled = files_of(sets, numbered("sets", 0))
    found = rounds.run("search", audit.search, [[*place, *sampled] for place in places], searching)
    rounds.run("audit", audit.audit, [[kept, *files_of(found, "similar")]], Section())


def _cut(
    shards: Sequence[File], verdicts: Sequence[File], config: Paragraphs, partitions: int, rounds: Rounds
) -> list[File]:
    """The verdicts with the column `cut`: the numbers of the lines that go."""
    cutting = paragraphs.Cutting(partitions=partitions, **config.model_dump())
    pairs = list(zip(shards, verdicts, strict=True))
    listed = rounds.run("paragraphs", paragraphs.list_paragraphs, pairs, cutting)
    parts = [files_of(listed, numbered("paragraphs", number)) for number in range(partitions)]
    frequent = files_of(rounds.run("frequent", paragraphs.count_paragraphs, parts, cutting), "frequent")
    return files_of(
        rounds.run("cuts", paragraphs.mark_paragraphs, [[*pair, *frequent] for pair in pairs], cutting), "verdicts"
    )
