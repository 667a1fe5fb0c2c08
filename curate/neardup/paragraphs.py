"""Tasks of the stage `dedup`: paragraphs that many of the kept documents have."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from pydantic import Field

from curate.neardup.files import Partitioned, numbered, texts_of
from curate.neardup.shingles import fingerprint
from curate.section import Count, Section
from curate.tasks import File, Rows, read
from curate.text import lines


class Paragraphs(Section):
    """Which paragraphs (lines) are cut from the kept documents. Within a document each is kept once."""

    min_count: int = Field(
        10, ge=2, description="Paragraphs that stand in this many kept documents are cut from all of them."
    )
    min_words: Count = Field(5, description="Tokens below which a paragraph is left alone.")


class Cutting(Partitioned, Paragraphs):
    """The same, with the number of parts that paragraphs are counted in."""


def list_paragraphs(inputs: Sequence[File], config: Cutting) -> Rows:
    """Task: the distinct paragraphs of each kept document of a shard. Inputs: shard, verdicts."""
    kept = read(inputs[1], ["copy"])["copy"].is_null()
    for texts in texts_of(inputs[0], []):
        found = _paragraphs(texts.filter(kept.gather(texts["row"])), config.min_words)
        found = found.filter(pl.struct("row", "hash").is_first_distinct())
        for number in range(config.partitions):
            hashes = found.filter(pl.col("hash") % config.partitions == number).select("hash")
            yield numbered("paragraphs", number), hashes
    return {}


def count_paragraphs(inputs: Sequence[File], config: Cutting) -> Rows:
    """Task: the paragraphs of a partition that stand in too many documents. Input: the partition from each shard."""
    counted = pl.concat(read(file) for file in inputs).group_by("hash").len()
    frequent = counted.filter(pl.col("len") >= config.min_count).select("hash").sort("hash")
    yield "frequent", frequent
    return {"frequent_paragraphs": frequent.height}


def mark_paragraphs(inputs: Sequence[File], config: Cutting) -> Rows:
    """Task: the verdicts on a shard with the lines to cut. Inputs: shard, verdicts, frequent paragraphs."""
    shard, judged, *parts = inputs
    verdicts, frequent = read(judged), pl.concat(read(file) for file in parts)["hash"]
    cut = 0
    for texts in texts_of(shard, []):
        found = _paragraphs(texts, config.min_words)
        again = ~pl.struct("row", "hash").is_first_distinct()
        found = found.filter(again | pl.col("hash").is_in(frequent.implode()))
        listed = found.group_by("row", maintain_order=True).agg(cut=pl.col("line"))
        rows = texts.select("row").join(listed, on="row", how="left", maintain_order="left")
        yield "verdicts", verdicts[texts["row"]].hstack(rows.select("cut"))
        cut += int(listed["cut"].list.len().sum())
    return {"cut_paragraphs": cut}


def _paragraphs(texts: pl.DataFrame, min_words: int) -> pl.DataFrame:
    """Row of its document, number and hash of each line of at least `min_words` tokens."""
    found = lines(texts["text"])
    hashes, sizes = fingerprint(found["line"].to_list())
    return found.select(
        row=texts["row"].gather(found["document"]),
        line=pl.int_range(pl.len(), dtype=pl.UInt32).over("document"),
        hash=pl.Series(hashes),
    ).filter(pl.Series(sizes >= min_words))


def without(batch: pl.DataFrame) -> pl.DataFrame:
    """The batch without the lines that `cut` lists; after that `cut` says of which documents some are gone."""
    rows = batch.select("cut").with_row_index("document")
    cut = rows.filter(pl.col("cut").is_not_null()).explode("cut", empty_as_null=False, keep_nulls=False)
    found = lines(batch["text"]).with_columns(cut=pl.int_range(pl.len(), dtype=pl.UInt32).over("document"))
    left = found.join(cut, on=["document", "cut"], how="anti", maintain_order="left")
    texts = left.group_by("document", maintain_order=True).agg(pl.col("line").str.join("\n"))
    left_over = rows.join(texts, on="document", how="left", maintain_order="left")["line"].fill_null("")
    was_cut = pl.col("cut").is_not_null()
    return batch.with_columns(text=pl.when(was_cut).then(left_over).otherwise("text"), cut=was_cut)
