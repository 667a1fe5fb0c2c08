"""Stage decontaminate: documents that hold records of evaluation sets are dropped, or the passages are cut from them.

A model that has read the test gets a score that means nothing. A document holds a record if enough of the record's
n-grams of tokens are in it; a record with fewer tokens, if one of its lines is that record; and any record, if the
document is a near-duplicate of it by the bounds of dedup. Tokens are those of text.py: case, spaces, quotes and
punctuation make no difference, and in scripts without spaces a character is a token. How it is done is in
curate/contamination.

Sources: n-grams of 13, Brown et al. 2020, appendix C; the share of a record, Lambert et al. 2024 (Tülu 3), section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import polars as pl
from pydantic import BeforeValidator, Field

from curate.contamination.index import Indexing, build_index
from curate.contamination.matching import MATCHES, Matching, find_records
from curate.contamination.passages import without
from curate.contamination.sets import Evaluation
from curate.document import drop
from curate.errors import InputError
from curate.neardup.files import files_of
from curate.section import Count, Fraction, Section
from curate.stages import read
from curate.tasks import Done, File, Json, Rounds

VERSION = 3

SHOWN = 200
"""Characters of a matched passage in the detail."""


Against = Annotated[Evaluation, BeforeValidator(lambda given: {"path": given} if isinstance(given, str) else given)]


class Config(Section):
    """Which evaluation sets documents must not hold, and what counts as holding a record."""

    against: tuple[Against, ...] = Field(
        min_length=1,
        description="Evaluation sets: paths or Hub datasets, or `{path: org/name, config: main, split: test, column: "
        "question, name: ...}`.",
    )
    ngram: int = Field(13, ge=5, le=16, description="Tokens in an n-gram. GPT-3: 13; Tülu 3: 8.")
    min_overlap: Fraction = Field(
        0.5, gt=0, description="Least share of a record's n-grams in a document that holds it. Tülu 3: 0.5."
    )
    min_matches: Count = Field(
        3, description="Least number of them, or all where a record has fewer: a stock phrase is no record."
    )
    near_duplicates: bool = Field(True, description="Look for near-duplicates of records, too.")
    cut: bool = Field(False, description="Cut the passages and keep the rest, rather than drop the document.")


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Drop what `prepare` found, or cut it; the detail has the record and the passage."""
    hit = pl.col("evaluation_record").is_not_null()
    texts = batch.select("text", "evaluation_passages").rows()
    passages = [_passage(*row) for row in texts]
    said = pl.format(
        "record {}, {}: “{}”", "evaluation_record", "evaluation_found", pl.lit(pl.Series(passages, dtype=pl.String))
    )
    left = pl.Series("text", [_left(*row) for row in texts], dtype=pl.String)
    drops = hit & (pl.lit(left) == "") if config.cut else hit
    for name in sorted({one.name for one in config.against}):
        batch = drop(batch, drops & (pl.col("evaluation_set") == name), f"in evaluation set {name}", said)
    if config.cut:
        before = pl.col("cut") if "cut" in batch.columns else False
        batch = batch.with_columns(left, cut=hit | before)
    return batch.drop(*MATCHES)


def prepare(shards: Sequence[File], config: Config, rounds: Rounds) -> list[File]:
    """A file a shard with the columns MATCHES."""
    index = indexed(config, rounds).files
    inputs = [[shard, *(index[part] for part in ("records", "grams", "short", "sets"))] for shard in shards]
    matching = Matching(**config.model_dump(include=set(Matching.model_fields)))
    return files_of(rounds.run("matches", find_records, inputs, matching), "matches")


def indexed(config: Config, rounds: Rounds) -> Done:
    """The index of all evaluation sets, made once."""
    records = [(one.name, file) for one in config.against for file in read_set(one, rounds)]
    indexing = Indexing(sets=tuple(name for name, _ in records), ngram=config.ngram)
    return rounds.run("index", build_index, [[file for _, file in records]], indexing)[0]


def found(rounds: Json) -> Json:
    """What the record of the stage's rounds says: checksums of the index, n-grams in it, records and hits by set."""
    index, hits = rounds["index"], rounds.get("matches", {}).get("hits", {})
    sets = {name: {"records": size, "documents": hits.get(name, 0)} for name, size in index["sets"].items()}
    return {"index": index["sha256"], "grams": index["grams"], "sets": sets}


def read_set(one: Evaluation, rounds: Rounds) -> list[File]:
    """The records of an evaluation set.

    Raises InputError where the set is not there or has no record in the column that the config names.
    """
    try:
        reading = read.Config(paths=one.paths(), columns={"text": one.column})
        groups = read.discover(reading)
    except InputError as error:
        raise InputError(str(error).removeprefix("read.paths: ")) from None
    done = [shard for task in rounds.run("records", read.read_files, groups, reading) for shard in read.shards(task)]
    if not sum(shard.files["kept"].rows for shard in done):
        reasons = sorted({reason for shard in done for reason in shard.stats["reasons"]})
        raise InputError(f"{one.path}: no record with the column {one.column!r} ({', '.join(reasons)})")
    return files_of(done, "kept")


def _passage(text: str, spans: list[dict[str, int]] | None) -> str | None:
    if spans is None:
        return None
    found = " … ".join(text[span["start"] : span["end"]] for span in spans)
    return found if len(found) <= SHOWN else f"{found[:SHOWN]}…"


def _left(text: str, spans: list[dict[str, int]] | None) -> str:
    return text if spans is None else without(text, [(span["start"], span["end"]) for span in spans])
