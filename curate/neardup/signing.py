"""Tasks of the stage `dedup`: signatures of the documents.

A signature holds the tokens of a document as 32-bit hashes: all that later rounds read of it. It depends on the
document alone, so those of a file that did not change, such as an earlier release, are not made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from curate.neardup import shingles
from curate.neardup.files import (
    PLACE,
    WRITE_NUMBERS,
    Partitioned,
    lists_of,
    numbered,
    texts_of,
    tokens_of,
)
from curate.section import Section
from curate.tasks import File, Rows

_NO_KEYS = pl.DataFrame(schema={"key": pl.UInt64, "row": pl.UInt32, "low": pl.Boolean})


class Signing(Section):
    """Which signatures these are: those of another version do not compare, and are made anew."""

    version: int = shingles.VERSION


def sign(inputs: Sequence[File], config: Signing) -> Rows:
    """Task: the signatures of the documents of a shard, or of a file of another dataset."""
    for texts in texts_of(inputs[0], PLACE):
        tokens = shingles.tokens(texts["text"].to_list())
        about = {"exact": pl.Series(shingles.whole(tokens)), "size": pl.Series(tokens.lengths)}
        yield "documents", texts.drop("text").with_columns(**about)
        yield "tokens", lists_of(tokens, pl.UInt32)
    return {}


def list_keys(inputs: Sequence[File], config: Partitioned) -> Rows:
    """Task: the sampled shingles of the documents of a shard, by partition. Input: their tokens."""
    waiting = [_NO_KEYS]
    row = 0
    for tokens in tokens_of(inputs[0]):
        signed = shingles.sign(tokens)
        sketches = shingles.sketch(signed.keys)
        yield "sampled", pl.DataFrame({"keys": signed.keys.lengths, "rate": signed.rates, "sketch": sketches})
        rows = (row + signed.keys.owners).astype(np.uint32)
        waiting.append(pl.DataFrame({"key": signed.keys.values, "row": rows, "low": shingles.lowest(signed.keys)}))
        row += len(signed.sizes)
        if sum(frame.height for frame in waiting) > WRITE_NUMBERS:
            yield from _scatter(pl.concat(waiting), config.partitions)
            waiting = waiting[:1]
    yield from _scatter(pl.concat(waiting), config.partitions)
    return {}


def _scatter(keys: pl.DataFrame, partitions: int) -> Iterator[tuple[str, pl.DataFrame]]:
    """Keys by partition. A part is written in large pieces, not in one for each batch of texts."""
    for number in range(partitions):
        yield numbered("keys", number), keys.filter(pl.col("key") % partitions == number)
