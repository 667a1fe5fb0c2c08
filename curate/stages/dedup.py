"""Stage dedup: of documents with the same text, or nearly the same, one is kept.

News is syndicated: one wire story stands on forty sites with another headline, cut, reordered, wrapped in furniture.
Copies make a model learn by heart, and a copy in test of what is in train makes a score a lie ("Deduplicating Training
Data Makes Language Models Better", Lee et al. 2022). How near-duplicates are found is in curate/neardup.

`prepare` runs rounds of file tasks. A task holds the texts or the keys of a part of the corpus, and numbers about all:

    signatures   a shard              id, size and exact hash of each document; sampled shingles, partitioned by hash
    order        all documents        rank of each document, the preferred ones first; exact copies found
    candidates   a partition          pairs of documents that share sampled shingles
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
from typing import Literal

import polars as pl
from pydantic import Field

from curate.document import drop
from curate.neardup import audit, judging, pairing, paragraphs, signing
from curate.neardup.files import Bounds, Partitioned, Whole, files_of, numbered
from curate.neardup.paragraphs import Paragraphs
from curate.neardup.shingles import MAX_SHINGLE
from curate.section import CountOrZero, Section
from curate.tasks import File, Rounds

VERSION = 2

PARTITION_DOCUMENTS = 25_000
"""Documents of the corpus for each partition of its keys and pairs; some 300 MB."""


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
    keep: Literal["longest", "earliest", "first"] = Field(
        "longest",
        description="Which document of a cluster is kept: that with most tokens, the earliest published, or the first "
        "by source and record; ties go by id.",
    )
    audit: CountOrZero = Field(
        500,
        description="Documents compared with all others exactly, to estimate the share of copies found; 0 for none.",
    )
    paragraphs: Paragraphs | None = Field(
        None, description="Cut paragraphs that many documents have. Runs where given."
    )


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Drop what `prepare` found to be a copy; `cluster` is the id of the document that is kept."""
    shares = [(100 * pl.col(name)).floor().cast(pl.Int64) for name in ("similarity", "containment")]
    near = pl.format("of {}: similarity {}%, containment {}%", "duplicate_of", *shares)
    batch = drop(batch, pl.col("copy") == "id", "duplicate id", pl.lit("another document with this id is kept"))
    batch = drop(batch, pl.col("copy") == "exact", "exact duplicate", pl.format("same text as {}", "duplicate_of"))
    batch = drop(batch, pl.col("copy") == "near", "near-duplicate", near)
    if "cut" in batch.columns:
        batch = paragraphs.without(batch)
        batch = drop(batch, pl.col("text").str.strip_chars() == "", "nothing but repeated paragraphs")
    return batch.drop("copy", "duplicate_of", "similarity", "containment")


def prepare(shards: Sequence[File], config: Config, rounds: Rounds) -> list[File]:
    """A file a shard with `cluster` and, for copies, `copy` (id, exact or near), `duplicate_of` and similarities."""
    if not shards:
        return []
    documents = sum(shard.rows for shard in shards)
    partitions = range(-(-documents // PARTITION_DOCUMENTS) or 1)
    whole = {"documents": documents, "shards": len(shards), "partitions": len(partitions)}
    plain = Whole(**whole)

    parted = Partitioned(partitions=len(partitions))
    signed = rounds.run("signatures", signing.sign, [[shard] for shard in shards], parted)
    found = files_of(signed, "documents")
    ordering = signing.Ordering(**whole, keep=config.keep, audit=config.audit)
    ordered = rounds.run("order", signing.order, [found], ordering)[0].files
    ranks = [ordered[numbered("ranks", number)] for number in range(len(shards))]

    keys = [[*files_of(signed, numbered("keys", number)), *ranks] for number in partitions]
    paired = rounds.run("candidates", pairing.pair_up, keys, plain)
    candidates = [[ordered["sizes"], *files_of(paired, numbered("pairs", number))] for number in partitions]
    pairs = files_of(rounds.run("pairs", pairing.choose_pairs, candidates, plain), "pairs")

    wanted = [[shard, place, *pairs] for shard, place in zip(shards, ranks, strict=True)]
    sets = rounds.run("shingles", pairing.list_shingles, wanted, pairing.Shingling(**whole, shingle=config.shingle))
    checks = [[pairs[number], *files_of(sets, numbered("sets", number))] for number in partitions]
    bounds = {"threshold": config.threshold, "containment": config.containment}
    alike = files_of(rounds.run("verified", pairing.verify, checks, Bounds(**bounds)), "alike")

    judging_all = judging.Judging(**whole, **bounds)
    judged = rounds.run("clusters", judging.judge, [[*found, *ranks, *alike]], judging_all)[0].files
    verdicts = [judged[numbered("verdicts", number)] for number in range(len(shards))]
    if config.audit:
        _audit(list(zip(shards, ranks, strict=True)), ordered["sample"], judged["kept"], config, rounds)
    if config.paragraphs:
        verdicts = _cut(shards, verdicts, config.paragraphs, len(partitions), rounds)
    return verdicts


def _audit(shards: Sequence[tuple[File, File]], sample: File, kept: File, config: Config, rounds: Rounds) -> None:
    """Compare a sample of documents with all others. The result is in the statistics of the last round."""
    documents = sum(shard.rows for shard, _ in shards)
    shingling = pairing.Shingling(documents=documents, shards=len(shards), partitions=1, shingle=config.shingle)
    sets = rounds.run("sample", pairing.list_shingles, [[*shard, sample] for shard in shards], shingling)
    searching = audit.Searching(threshold=config.threshold, containment=config.containment, shingle=config.shingle)
    sampled = files_of(sets, numbered("sets", 0))
    found = rounds.run("search", audit.search, [[*shard, *sampled] for shard in shards], searching)
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
