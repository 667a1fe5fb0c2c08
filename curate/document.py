"""The document batch: a polars DataFrame, one row a document, the same columns in every stage.

    column        type     from        what
    id            String   read        stable: from the URL, else from source and record
    url           String?  read
    site          String?  read        host without `www.`, lower case, or as the input gives it
    source        String   read        the input file, as the config names it
    record        Int64    read        position in the source, from 0
    format        String   read        `text` (flattened) or `html`
    title, author String?  read, metadata
    published     String?  read, metadata   ISO 8601 date, `2019-11-22`
    metadata      String?  read        JSON object: whatever else came with the record
    page          Binary   read        the raw page; gone after normalize
    text          String   normalize   the decoded page; after boilerplate the article body
    repairs       Struct   normalize   how much each repair did, summed in the stage's statistics
    html          String?  boilerplate the decoded HTML source of an HTML page; gone after metadata
    lines         List[Struct[text: String, score: Float32, kept: Boolean]]   boilerplate   what the page's lines
                                       scored; gone after metadata
    private       Struct   privacy     how much personal data of each kind was masked, summed likewise
    language      String   language    ISO 639 code or `und`
    language_score Float64 language
    language_confidence Float64?  language   calibrated probability that the language is right
    words         Int64    quality     words with a letter or digit; kept up where a later stage changes the text
    tokens        Int64    quality     tokens of the tokenizer that the config names; `tokenizer` (JSON) says which
    classifier_score, perplexity Float64   quality   what the models say that the config names
    cut           Boolean  dedup, decontaminate   something was taken out of the text; gone after recompare
    cluster       String   dedup       id of the cluster's representative
    split         String   split       train, validation or test

A stage never deletes a row. Where it drops, it sets `drop_reason` (a short, countable phrase) and `drop_detail` (what
it measured); the runner moves those rows to the stage's dropped file, with the text the stage was given.
"""

from __future__ import annotations

import polars as pl

READ_SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "url": pl.String(),
    "site": pl.String(),
    "source": pl.String(),
    "record": pl.Int64(),
    "format": pl.String(),
    "title": pl.String(),
    "author": pl.String(),
    "published": pl.String(),
    "metadata": pl.String(),
    "page": pl.Binary(),
}
"""Columns of a batch as `read` yields it."""

DECISION: dict[str, pl.DataType] = {"drop_reason": pl.String(), "drop_detail": pl.String()}
"""The verdict of a stage: both null where the document is kept."""

SUMMED = ("repairs", "private")
"""Columns of counts, one field a kind: summed over kept documents in the statistics of the stage they are from."""

LINE = pl.Struct({"text": pl.String(), "score": pl.Float32(), "kept": pl.Boolean()})
"""One line of a page, as the boilerplate stage judged it."""


def undecided(batch: pl.DataFrame) -> pl.DataFrame:
    """The batch with an empty verdict, as a stage's `apply` receives it."""
    return batch.with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in DECISION.items())


def drop(batch: pl.DataFrame, where: pl.Expr, reason: str, detail: pl.Expr | None = None) -> pl.DataFrame:
    """Set the verdict to `reason` where `where` holds and no earlier rule dropped the document.

    >>> batch = undecided(pl.DataFrame({"words": [3, 80]}))
    >>> drop(batch, pl.col("words") < 50, "too short", pl.format("{} words", "words"))["drop_detail"].to_list()
    ['3 words', None]
    """
    hit = where.fill_null(False) & pl.col("drop_reason").is_null()
    said = pl.lit(None, dtype=pl.String()) if detail is None else detail
    return batch.with_columns(
        drop_reason=pl.when(hit).then(pl.lit(reason)).otherwise("drop_reason"),
        drop_detail=pl.when(hit).then(said).otherwise("drop_detail"),
    )


def language_of(batch: pl.DataFrame) -> pl.Series:
    """The language column; nulls where the stage has not run."""
    return batch["language"] if "language" in batch.columns else pl.Series([None] * batch.height, dtype=pl.String)


def beside(batch: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
    """The batch with a column of values of the documents that are not dropped, in order; null for the others."""
    kept = batch["drop_reason"].is_null()
    column = pl.repeat(None, batch.height, dtype=values.dtype, eager=True).alias(values.name)
    return batch.with_columns(column.scatter(kept.arg_true(), values))
