"""Stage recompare: documents from which something was cut are compared with all others once more.

`dedup.paragraphs` and `decontaminate.cut` take passages out of documents that dedup compared whole. What went may have
been all that told two of them apart, and then the gate refuses them in two splits. So what was cut is compared again
with all documents that are left, by the bounds of dedup and its rule which copy is kept: what other datasets hold, what
was released in test, validation and train, then what `dedup.keep` prefers. The stage has no section of its own; it runs
where `dedup` is on and one of the two cuts, last before `select`, and only looks for pairs where something was cut.

`prepare` runs a round of its own and those of dedup:

    cut           a shard     the rows of the documents from which something was cut
    signatures .. clusters    see dedup; of the candidates only pairs with such a document
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from curate.neardup.files import files_of
from curate.section import Section
from curate.stages import dedup
from curate.tasks import File, Rounds, Rows, batches, columns_in, read

VERSION = 2

MOVED = pl.DataFrame(schema={"id": pl.String, "duplicate_of": pl.String})
"""What became a copy of what."""
_ROWS = 1 << 16
"""Rows that are looked at at a time."""


def apply(batch: pl.DataFrame, config: dedup.Config) -> pl.DataFrame:
    """Drop what `prepare` found to be a copy now."""
    if "copy" in batch.columns:
        batch = dedup.drop_copies(batch, config).with_columns(pl.col("drop_detail") + ", once cut")
    return batch.drop("cut")


def prepare(
    shards: Sequence[File],
    config: dedup.Config,
    rounds: Rounds,
    earlier: Sequence[File] = (),
    released: Sequence[tuple[int, File]] = (),
) -> list[File]:
    """The verdicts of `dedup.prepare`, which has the same arguments; no files where nothing was cut."""
    cut = files_of(rounds.run("cut", list_cut, [[shard] for shard in shards], Section()), "cut")
    if not any(file.rows for file in cut):
        return []
    found = dedup.compare(shards, config, rounds, earlier, released, changed=cut)
    return dedup.judge(found, config, rounds, len(earlier))[0]


def list_cut(inputs: Sequence[File], config: Section) -> Rows:
    """Task: the rows of a shard's documents from which something was cut."""
    start = 0
    for batch in batches(inputs[0], ["cut"], rows=_ROWS):
        yield "cut", batch.with_row_index("row", start).filter("cut").select("row")
        start += batch.height
    return {}


def list_moved(inputs: Sequence[File], config: Section) -> Rows:
    """Task: what became a copy of what. Inputs: what the stage dropped."""
    yield "moved", MOVED
    for file in inputs:
        if set(MOVED.columns) <= set(columns_in(file)):
            yield "moved", read(file, MOVED.columns).drop_nulls()
    return {}
