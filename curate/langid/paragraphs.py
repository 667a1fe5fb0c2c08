"""Documents in more than one language: the language of each paragraph, and the shares of the languages.

A detector sees one language a text. Here it is asked about every line long enough to tell, and believed where the
confidence is not low; shares are of the characters of these lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from curate.langid.confidence import confidence
from curate.langid.detectors import Answer
from curate.langid.languages import base
from curate.text import lines

MIN_CHARACTERS = 40
"""Characters of a line that tell its language; a character of a script without spaces counts three."""
MIN_CONFIDENCE = 0.3
"""Below, a paragraph counts for no language."""
MIN_SHARE = 0.1
"""Share of the second language from which on a document is mixed."""
MIN_MAIN = 0.5
"""Share of the document's language without which nothing in it is foreign."""

SHARES = pl.List(pl.Struct({"language": pl.String(), "share": pl.Float64()}))
FOREIGN = pl.List(pl.Struct({"text": pl.String(), "language": pl.String(), "confidence": pl.Float64()}))

_UNSPACED = r"[\x{e00}-\x{e7f}\x{3041}-\x{30ff}\x{3400}-\x{9fff}]"


def lines_of(texts: pl.Series) -> pl.DataFrame:
    """Columns row, line, text: every line of every text."""
    split = lines(texts).rename({"document": "row", "line": "text"})
    return split.with_columns(line=pl.int_range(pl.len()).over("row"))


def judge(split: pl.DataFrame, detect: Callable[[Sequence[str]], list[Answer]]) -> pl.DataFrame:
    """Lines with language, confidence and size; language is null where a line is short or nothing is likely."""
    size = pl.col("text").str.len_chars() + 2 * pl.col("text").str.count_matches(_UNSPACED)
    split = split.with_columns(size=size.cast(pl.Int64))
    asked = split.filter(pl.col("size") >= MIN_CHARACTERS)
    answers = detect(asked["text"].to_list())
    languages = pl.Series("language", [base(language) for language, _ in answers], pl.String)
    scores = pl.Series([score for _, score in answers], dtype=pl.Float64)
    sure = confidence(asked["text"], languages, scores).fill_null(0.0)
    asked = asked.select("row", "line", languages, sure).filter(pl.col("confidence") >= MIN_CONFIDENCE)
    return split.join(asked, on=["row", "line"], how="left", maintain_order="left")


def shares(judged: pl.DataFrame, rows: int) -> pl.Series:
    """For each of `rows` texts the languages of its long lines and their shares, largest first."""
    asked = judged.filter(pl.col("size") >= MIN_CHARACTERS)
    total = pl.col("size").sum().over("row")
    parts = (
        asked.with_columns(share=pl.col("size") / total)
        .filter(pl.col("language").is_not_null())
        .group_by("row", "language")
        .agg(share=pl.col("share").sum().round(4))
        .sort("row", -pl.col("share"), "language")
    )
    lists = parts.group_by("row", maintain_order=True).agg(shares=pl.struct("language", "share"))
    found = _rows(rows).join(lists, on="row", how="left", maintain_order="left")
    return found["shares"].fill_null(pl.lit([], SHARES)).cast(SHARES)


def is_mixed(shares: str) -> pl.Expr:
    """Whether the second language of a column of `shares` has at least MIN_SHARE."""
    return (pl.col(shares).list.get(1, null_on_oob=True).struct.field("share") >= MIN_SHARE).fill_null(False)


def without_foreign(judged: pl.DataFrame, languages: pl.Series) -> pl.DataFrame:
    """Columns text and foreign: each text without its lines in other languages than its own, and these lines."""
    own = pl.DataFrame({"own": languages.str.split("-").list.first()}).with_row_index("row")
    judged = judged.join(own, on="row", maintain_order="left")
    of_own = pl.when(pl.col("language") == pl.col("own")).then("size").otherwise(0)
    main = of_own.sum().over("row") >= MIN_MAIN * pl.col("size").sum().over("row")
    judged = judged.with_columns(foreign=main & (pl.col("language") != pl.col("own")).fill_null(False))
    kept = judged.filter(~pl.col("foreign")).group_by("row").agg(pl.col("text").str.join("\n"))
    lost = judged.filter("foreign").group_by("row", maintain_order=True)
    lists = lost.agg(foreign=pl.struct("text", "language", "confidence"))
    found = own.select("row").join(kept, on="row", how="left").join(lists, on="row", how="left").sort("row")
    gaps = pl.when(pl.col("foreign").is_not_null()).then(pl.col("text").str.replace_all(r"\n{3,}", "\n\n"))
    return found.select(
        text=gaps.otherwise("text").fill_null(""),
        foreign=pl.col("foreign").fill_null(pl.lit([], FOREIGN)).cast(FOREIGN),
    )


def _rows(count: int) -> pl.DataFrame:
    return pl.DataFrame({"row": range(count)}, schema={"row": pl.UInt32})
