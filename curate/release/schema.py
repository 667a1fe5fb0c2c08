"""What a released document is made of. A change here is a MAJOR version of every dataset.

Column order is the order in the files. Docs, card and Parquet schema are made from this table.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from curate.text import hash64

FIELDS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("id", pa.string(), "Stable id: the same document has it in every version."),
    ("text", pa.string(), "The article body: one paragraph a line."),
    ("title", pa.string(), "Headline, where one was found."),
    ("author", pa.string(), "As the page names them."),
    ("published", pa.string(), "Date of publication, `YYYY-MM-DD`."),
    ("url", pa.string(), "Address of the page, where it is known."),
    ("site", pa.string(), "Host without `www.`."),
    ("source", pa.string(), "Input file that the document came from."),
    ("record", pa.int64(), "Position in that file, from 0."),
    ("language", pa.string(), "ISO 639 code, or `und`."),
    ("language_score", pa.float64(), "What the language detector gave; no calibrated probability."),
    ("language_confidence", pa.float64(), "Calibrated probability that the language is right, where it is known."),
    ("tokens", pa.int64(), "Tokens of the text, by the tokenizer that the config names."),
    ("classifier_score", pa.float64(), "What the quality classifier gave that the config names."),
    ("perplexity", pa.float64(), "Under the language model that the config names."),
    ("cluster", pa.string(), "Id of the near-duplicate cluster. No cluster is in two splits."),
    ("text_hash", pa.string(), "xxh3 (64 bits, hex) of the text in UTF-8: equal texts have equal hashes."),
    ("metadata", pa.string(), "JSON object: whatever else came with the record."),
)
"""Name, type and meaning of each column."""

SCHEMA = pa.schema([(name, dtype) for name, dtype, _ in FIELDS])


def released(batch: pl.DataFrame) -> pl.DataFrame:
    """The columns of FIELDS for documents as the last stage left them; null where a stage did not run."""
    missing = [pl.lit(None).alias(name) for name in SCHEMA.names if name not in batch.columns]
    hashes = pl.Series("text_hash", [f"{value:016x}" for value in hash64(batch["text"]).tolist()], pl.String)
    columns = [pl.col(name).cast(_TYPES[str(dtype)]) for name, dtype, _ in FIELDS]
    return batch.with_columns(missing).with_columns(hashes).select(columns)


_TYPES = {"string": pl.String(), "int64": pl.Int64(), "double": pl.Float64()}
