"""Title, author, published date and site of a document, where the input did not give them.

From HTML, what the page says of itself (curate/metadata/markup.py). From flattened text, the lines around the start of
the body: the title is the line that the page's first line (its <title>), its address and its body agree with most;
byline and date stand beside it (bylines.py and dates.py there). What the input gave stays, a date in ISO form; no
document is dropped. Figures and peers: docs/stages/metadata.md.
"""

from __future__ import annotations

from typing import Literal

import polars as pl
from pydantic import Field

from curate.metadata import bylines, dates, markup
from curate.section import Section

VERSION = 4

BEFORE, AFTER, TOP = 45, 15, 3
"""Lines looked at: so many before the body's first line, so many from it on, and the first ones of the page."""

_FILLED = ("title", "author", "published")
_SAID = {"doc": pl.UInt32} | dict.fromkeys(("title_said", "author_said", "published_said", "site_said"), pl.String)
_SEEN = {"doc": pl.UInt32} | dict.fromkeys(("title_seen", "author_seen", "published_seen"), pl.String)
_SENTENCE_END = r"[.!?。！？…]\W{0,3}$"
_SUFFIX = r"\s+(?:[|·•»«—–\-:]|::|//)\s+[^|·•»«—–]{1,40}$"
_RELATIVE = (
    r"(?i)\b\d+\s?(?:s|sec|seconds?|m|min|minutes?|h|hrs?|hours?|d|days?|weeks?|months?|years?)\.?\s(?:ago|read)\b"
)
_FURNITURE = (
    r"(?i)^(?:home|news|search|share|menu|log ?in|sign (?:in|up)|subscribe|newsletters?|contact(?: us)?|about(?: us)?|"
    r"skip to .*|read more|more|comments?|advertisement|sponsored|follow|facebook|twitter|print|email|photo|video|"
    r"(?:last )?updated.*|published.*|listen|save|close|table of contents|.*\b(?:min(?:ute)?s? read|ago))$"
)
_CAPTION = (
    r"(?i)(?:credit|getty|photo(?:graph)?(?:er)?s?:|image:|foto:|fotos?\b|bild:|©|\(c\)|copyright|illustration|"
    r"reuters/|ap photo)"
)
_PUBLISHED = r"(?i)(?:publi|posted|created|veröff|erstellt|stand|опубл|дата|yayın|发布|發佈|时间|時間|opubl|gepubl)"
_UPDATED = r"(?i)(?:updated?|modified|aktualisiert|mis à jour|обновлено|aktualizacja|actualizado|aggiornato|güncelle)"
_HALF_DAY = r"(?i)\d\s?[ap]\.?m\b"
_OF_OTHERS = r"(?i)(?:©|\(c\)|copyright|all rights|deadline|join(?:ed)?|since|register|established|event|expires)"


LONGEST = 400
"""Characters of the longest line that can be a title."""


class Config(Section):
    """What is looked for."""

    find: list[Literal["title", "author", "published"]] = Field(
        ["title", "author", "published"],
        description="Looked for on the page where the input does not give it. Bodies that come without their page have "
        "little to find: `[]` saves the search.",
    )


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """The batch with title, author, published and site filled where found; without `html` and `lines`."""
    batch = batch.with_row_index("doc").with_columns(_given("title"), _given("author"), _given("site"))
    batch = batch.with_columns(_days(batch["published"]))
    asked = pl.any_horizontal(pl.lit(False), *(pl.col(name).is_null() for name in config.find))
    both = batch.join(_said(batch), on="doc", how="left", maintain_order="left")
    both = both.join(_seen(batch.filter(asked)), on="doc", how="left", maintain_order="left")
    both = both.with_columns(published_said=_local(pl.col("published_said"), pl.col("published_seen")))
    found = [name for name in _FILLED if name in config.find]
    filled = [pl.coalesce(name, f"{name}_said", f"{name}_seen").alias(name) for name in found]
    site = pl.coalesce("site", _host(pl.col("url")), "site_said").alias("site")
    return both.with_columns(*filled, site).select(batch.columns).drop("doc", "html", "lines", strict=False)


def _given(name: str) -> pl.Expr:
    """What the input says, null where that is blank."""
    return pl.when(pl.col(name).str.strip_chars() != "").then(name).alias(name)


def _days(given: pl.Series) -> pl.Series:
    """Given dates in ISO form, null where one is none. Many documents have the same, so each is read once."""
    known = given.drop_nulls().unique()
    if known.is_empty():
        return given
    days = known.to_frame("date").select(pl.coalesce(dates.find(pl.col("date")), _of_seconds(pl.col("date"))))
    return given.replace_strict(known, days.to_series(), default=None)


def _of_seconds(text: pl.Expr) -> pl.Expr:
    """The day of a Unix time."""
    seconds = text.str.extract(r"^\s*(\d{9,10})(?:\.\d*)?\s*$").cast(pl.Int64)
    return pl.from_epoch(seconds).dt.date().dt.to_string("iso")


def _host(url: pl.Expr) -> pl.Expr:
    host = url.str.extract(r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@?#]*@)?([^/:?#]+)")
    return host.str.to_lowercase().str.strip_prefix("www.")


def _local(said: pl.Expr, seen: pl.Expr) -> pl.Expr:
    """A machine's date is often in UTC: where the date that readers see is a day off, that one."""
    apart = said.str.to_date(strict=False) - seen.str.to_date(strict=False)
    return pl.when(apart.dt.total_days().abs() == 1).then(seen).otherwise(said)


def _said(batch: pl.DataFrame) -> pl.DataFrame:
    """doc and what the source of an HTML page says: title_said, author_said, published_said, site_said."""
    pages = batch.select("doc", "html").drop_nulls() if "html" in batch.columns else batch.select("doc").clear()
    rows = [(doc, *markup.read(html)) for doc, html in pages.iter_rows()]
    said = pl.DataFrame(rows, schema=_SAID, orient="row")
    if not rows:
        return said
    return said.with_columns(published_said=dates.find(pl.col("published_said")), site_said=_host(pl.col("site_said")))


def _seen(batch: pl.DataFrame) -> pl.DataFrame:
    """doc and what a reader of the lines sees: title_seen, author_seen, published_seen."""
    if batch.is_empty():
        return pl.DataFrame(schema=_SEEN)
    lines = _lines(batch)
    lines = lines.join(_dated(lines), on=["doc", "i"], how="left", maintain_order="left")
    titles = _titles(lines, batch)
    lines = lines.join(titles, on="doc", how="left", maintain_order="left")
    lines = lines.with_columns(from_title=pl.col("i") - pl.coalesce("at", pl.col("first") - 8))
    seen = batch.select("doc", by_url=_url_date(pl.col("url")))
    for table in (titles, _dates(lines), bylines.find(lines)):
        seen = seen.join(table, on="doc", how="left", maintain_order="left")
    published = pl.coalesce("by_url", "published")
    return seen.select("doc", title_seen="title", author_seen="author", published_seen=published)


def _lines(batch: pl.DataFrame) -> pl.DataFrame:
    """The lines worth a look: doc, i (from 0, blank lines not counted), text, kept, words, first, after.

    first is the line where the body starts, after the distance from it.
    """
    lines = _judged(batch).with_columns(pl.col("text").str.replace_all("&nbsp;?", " ").str.strip_chars())
    lines = lines.filter(pl.col("text") != "").with_columns(i=pl.int_range(pl.len()).over("doc"))
    lines = lines.with_columns(words=_words(pl.col("text")))
    long = pl.col("kept") & (pl.col("words") >= 8)
    first = pl.coalesce(pl.col("i").filter(long).first(), pl.col("i").filter("kept").first(), pl.lit(0)).over("doc")
    lines = lines.with_columns(first=first).with_columns(after=pl.col("i") - pl.col("first"))
    return lines.filter(pl.col("after").is_between(-BEFORE, AFTER) | (pl.col("i") < TOP))


def _judged(batch: pl.DataFrame) -> pl.DataFrame:
    """doc, text, kept of each line; without a boilerplate stage, full sentences count as the body."""
    if "lines" in batch.columns:
        lines = batch.select("doc", "lines").explode("lines", empty_as_null=False, keep_nulls=False)
        return lines.unnest("lines").select("doc", "text", "kept")
    lines = batch.select("doc", pl.col("text").str.split("\n"))
    lines = lines.explode("text", empty_as_null=False, keep_nulls=False)
    return lines.with_columns(kept=(_words(pl.col("text")) >= 12) & pl.col("text").str.contains(_SENTENCE_END))


def _words(text: pl.Expr) -> pl.Expr:
    """Words of a line; in scripts without spaces two characters are one."""
    wide = text.str.count_matches(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff]") // 2
    return (text.str.count_matches(r"\s+") + 1 + wide).cast(pl.Int64)


def _plain(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.replace_all(r"[\W_]+", " ").str.strip_chars()


def _dated(lines: pl.DataFrame) -> pl.DataFrame:
    """doc, i, date of the lines that have one; the expressions for it are dear, and few lines have a year."""
    likely = lines.filter(pl.col("text").str.contains(dates.YEAR) & (pl.col("text").str.len_chars() < 400))
    date = dates.find(pl.col("text"), month_first=pl.col("text").str.contains(_HALF_DAY))
    return likely.select("doc", "i", date=date)


def _url_date(url: pl.Expr) -> pl.Expr:
    """A date that is part of the address: /2023/12/22/, /2023/dec/22/, -2023-12-22/, /20231222/."""
    path = url.str.extract(r"^[a-z]+://[^/]+(/[^?#]*)").str.to_lowercase().str.replace_all("/", "-")
    return dates.find(path.str.extract(r"((?:19|20)\d\d-?(?:[01]\d|[a-z]{3})-?[0-3]\d)(?:\D|$)"))


def _titles(lines: pl.DataFrame, batch: pl.DataFrame) -> pl.DataFrame:
    """doc, title, at: the best line up to the start of the body. `at` is null where that is the page's first line."""
    likely = (pl.col("after") <= 2) & (pl.col("text").str.len_chars() <= LONGEST)
    weighed = pl.col("kept") & pl.any_horizontal(likely & ~pl.col("kept")).any().over("doc")  # by the words of the body
    lines = lines.filter(likely | weighed | (pl.col("i") == 0)).with_columns(plain=_plain(pl.col("text")))
    lines = lines.join(_evidence(lines, batch), on="doc", how="left", maintain_order="left")
    lines = lines.filter(likely).with_columns(score=_title_score())
    best = lines.sort("doc", "score", "i", descending=[False, True, False]).group_by("doc", maintain_order=True).first()
    bare = pl.when(pl.col("i") == 0).then(pl.col("text").str.replace(_SUFFIX, "")).otherwise("text")
    return best.select("doc", title=bare.str.strip_chars_start("*+•#> "), at=pl.when(pl.col("i") > 0).then("i"))


def _evidence(lines: pl.DataFrame, batch: pl.DataFrame) -> pl.DataFrame:
    """doc and what a title agrees with: head (the page's first line), slug (words of the address), body (its words)."""
    head = lines.filter(pl.col("i") == 0).select("doc", head=pl.when(pl.col("words") >= 4).then("plain"))
    words = pl.col("plain").str.split(" ").explode().unique(maintain_order=True)
    body = lines.filter("kept").group_by("doc", maintain_order=True).agg(body=words)
    slug = _plain(pl.col("url").str.extract(r"://[^/]+/([^?#]*)")).str.split(" ")
    return batch.select("doc", slug=slug).join(head, on="doc", how="left").join(body, on="doc", how="left")


def _title_score() -> pl.Expr:
    """Weights set by hand on the development pages."""
    text, plain, words, after = pl.col("text"), pl.col("plain"), pl.col("words"), pl.col("after")
    own, head = plain.str.split(" "), pl.col("head").fill_null("")
    # a pattern for each line: only for those that can be a title, or a long one takes minutes
    fits = (pl.col("i") > 0) & words.is_between(2, 32) & (plain != "") & (plain.str.len_chars() <= head.str.len_chars())
    below_head = fits & head.str.contains(pl.when(fits).then(plain).otherwise(pl.lit("-")), literal=True)
    of_head = (plain.str.len_chars() / head.str.len_chars().clip(1)).clip(0, 1)
    repeat = pl.int_range(pl.len()).over("doc", "plain", pl.col("i") > 0) > 0
    no_title = pl.col("date").is_not_null() | pl.any_horizontal(
        text.str.contains(pattern) for pattern in (_RELATIVE, _FURNITURE, _CAPTION, bylines.BYLINE)
    )
    agrees = 1.5 * (pl.col("i") > 0) * _share(own, head.str.split(" ")) + 1.5 * _share(own, pl.col("slug"))
    return (
        3.0 * below_head * (0.3 + of_head)
        + (words >= 3) * agrees
        + 1.2 * ~pl.col("kept") * _share(own, pl.col("body"))
        + 0.5 * (plain.len().over("doc", "plain") > 1)
        + 0.08 * words.clip(0, 12)
        - 0.06 * after.abs().clip(0, 20)
        - 1.5 * (after > 0)
        - 0.8 * pl.col("kept")
        - 0.7 * repeat
        - 0.7 * text.str.contains(r"[.。]$")
        - 1.0 * text.str.contains(r"^[*+•]")
        - 3.0 * no_title
        - 2.0 * (words > 32)
        - 1.0 * (words < 3)
        - 0.3 * (pl.col("i") == 0)
    )


def _share(words: pl.Expr, of: pl.Expr) -> pl.Expr:
    """The share of a list of words that stands in another, 0 where there is none."""
    return (words.list.set_intersection(of).list.len() / words.list.len().clip(1)).fill_null(0)


def _dates(lines: pl.DataFrame) -> pl.DataFrame:
    """doc, published: the date nearest to the title and the start of the body; lines of the body last."""
    text = pl.col("text")
    score = (
        1.0 * text.str.contains(_PUBLISHED)
        - 0.5 * text.str.contains(_UPDATED)
        - 2.0 * text.str.contains(_OF_OTHERS)
        - 0.1 * pl.min_horizontal(pl.col("after").abs(), pl.col("from_title").abs())
        - 0.04 * pl.col("words").clip(0, 40)
        - 1.0 * pl.col("kept")
        - 0.5 * (pl.col("i") < TOP)
    )
    dated = lines.filter(pl.col("date").is_not_null()).with_columns(score=score)
    best = dated.sort("doc", "score", "i", descending=[False, True, False]).group_by("doc", maintain_order=True).first()
    return best.filter(pl.col("score") > -2.5).select("doc", published="date")
