"""How long documents are: the columns `words` and, where the config names a tokenizer, `tokens`.

The stage `quality` adds them. They are always those of the text beside them: where a later stage changes a text, the
runner has it counted again.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from curate.document import beside
from curate.prose.words import Words, find_words
from curate.scoring.tokens import Tokenizer, count_tokens

UNITS = ("words", "tokens")
"""The columns of counts, which are summed in the statistics of every stage that has them."""


def counted(batch: pl.DataFrame, words: Words, tokenizer: Tokenizer | None) -> pl.DataFrame:
    """The batch with its counts; tokens are null where a document is dropped.

    `tokenizer` is there too, so that later stages can count in the same way.
    """
    batch = batch.with_columns(words=pl.Series(words.summed(words.real), dtype=pl.Int64))
    if tokenizer is None:
        return batch
    left = batch.filter(pl.col("drop_reason").is_null())["text"]
    tokens = pl.Series("tokens", count_tokens(left.to_list(), tokenizer), dtype=pl.Int64)
    return beside(batch, tokens).with_columns(tokenizer=pl.lit(tokenizer.model_dump_json()))


def recounted(batch: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """The batch with the counts of those texts brought up to date that are others than before."""
    changed = (batch["text"] != before["text"]).arg_true() if "words" in before.columns else pl.Series([])
    if changed.is_empty():
        return batch
    some = batch[changed.to_list()]
    tokenizer = _tokenizer(some["tokenizer"][0]) if "tokenizer" in some.columns else None
    fresh = counted(some, find_words(some["text"]), tokenizer)
    return batch.with_columns(batch[name].scatter(changed, fresh[name]) for name in UNITS if name in batch.columns)


@cache
def _tokenizer(given: str) -> Tokenizer:
    return Tokenizer.model_validate_json(given)
