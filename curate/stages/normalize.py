"""Stage normalize: the bytes of a page become text that can be judged.

Decode, repair, one spelling (`curate.repair`). Lines stay lines: the boilerplate stage reads them. Of an HTML page only
the encoding is settled here: its white space means what the markup says, and its text is repaired once it is out of it.
"""

from __future__ import annotations

import polars as pl

from curate.document import drop
from curate.repair import Repairs, normalize_text, repaired
from curate.repair.encoding import decode_html, decode_text, file_type, plain

VERSION = 4


class Config(Repairs):
    """Encoding and text repair. Decoding and one spelling are not a choice."""


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Replace column `page` by `text`, add `repairs`; drop pages that are not text, and empty ones.

    `repairs` is a struct of counts, one field a repair, for the ledger.
    """
    flat = batch["format"] != "html"
    texts, what = _decoded(batch["page"], flat)
    texts, counts = repaired(texts, config, flat.arg_true())
    batch = batch.drop("page").with_columns(
        *(_one_line(batch[name]) for name in ("title", "author")),
        texts,
        counts.to_struct("repairs"),
        what,
    )
    batch = drop(batch, pl.col("what").is_not_null(), "not text", pl.col("what"))
    return drop(batch, pl.col("text").str.strip_chars() == "", "empty page").drop("what")


def _decoded(pages: pl.Series, flat: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The texts of pages, empty where there is none; and `what` a page is that is no text."""
    texts = plain(pages).alias("text")
    what = pl.repeat(None, len(pages), dtype=pl.String, eager=True).alias("what")
    special = texts.is_null().arg_true()
    decoded = [
        (decode_text if is_flat else decode_html)(page)
        for page, is_flat in zip(pages[special], flat[special], strict=True)
    ]
    said = [_what(page) if text is None else None for page, text in zip(pages[special], decoded, strict=True)]
    return texts.scatter(special, [text or "" for text in decoded]), what.scatter(special, said)


def _what(page: bytes) -> str:
    return file_type(page) or f"{len(page)} bytes in no known encoding"


def _one_line(values: pl.Series) -> pl.Series:
    """Metadata as text in one line; null where nothing is left."""
    clean = normalize_text([value or "" for value in values])
    return pl.Series(values.name, [" ".join(text.split()) or None for text in clean], pl.String)
