"""Articles in another language than the page around them: a Finnish article inside an English site.

Menus, notices and comments are in the site's language. Where prose in another one stands among them, that is the
article, whatever the line model, which knows fewer pages of its language, says of it: an English notice kept beside it
is furniture, and a page of which nothing else is kept is not empty.

Most pages are in one language, which a sample of each tells; only the lines of the others are asked one by one.
"""

from __future__ import annotations

import polars as pl

from curate.langid import detectors, paragraphs
from curate.langid.languages import UNKNOWN, base

MIN_CHARACTERS = 60
"""Characters of a line of prose; shorter ones are menus, headings, and too short to tell their language."""
MIN_ALONE = 150
"""Characters of foreign prose that are an article where nothing else is kept."""
MIN_EVIDENCE = 0.25
"""Evidence for the foreign article, as a share of that for the page's own language, from which it is the article. The
best quotation in an article of the development pages has less, but for 3 of 3,693; 2 of 1,131 foreign articles do."""
SAMPLE_LINES, SAMPLE_CHARACTERS, MENU_CHARACTERS = 3, 250, 600
"""How many kept lines, how much of each, and how much of the menus tell whether a page is in one language."""
MAX_LINES = 5_000
"""Lines of a page from which on it is left as it is: no article has as many, and each would be asked for."""

_HANGUL = r"[\x{ac00}-\x{d7a3}]"


def kept_lines(judged: pl.DataFrame) -> pl.Series:
    """Which lines are kept, the languages considered. `judged` has the columns page, text, score, kept, in order."""
    lines = judged.with_columns(line=pl.int_range(pl.len()), evidence=_evidence())
    around = _around(lines)
    suspects = _suspects(lines, around)
    if not suspects.height:
        return judged["kept"]
    asked = lines.join(suspects, on="page", how="semi", maintain_order="left")
    asked = _with_languages(asked).join(around, on="page", how="left", maintain_order="left")
    asked = asked.with_columns(around=pl.coalesce("around", _surrounding()))
    decided = asked.join(_articles(asked), on="page", maintain_order="left").with_columns(kept=_corrected())
    return judged["kept"].scatter(decided["line"], decided["kept"])


def _evidence() -> pl.Expr:
    """Characters of a kept line times the log-odds that it is kept: no evidence for others and short ones."""
    odds = pl.col("score").cast(pl.Float64).clip(0.001, 0.999)
    size = pl.col("text").str.len_chars()
    counts = pl.col("kept") & (size >= MIN_CHARACTERS)
    return pl.when(counts).then(size * (odds / (1 - odds)).log().clip(0)).otherwise(0.0)


def _around(lines: pl.DataFrame) -> pl.DataFrame:
    """Columns page and around: the language of a page's menus, where they tell one."""
    short = lines.filter(~pl.col("kept") & (pl.col("text").str.len_chars() < MIN_CHARACTERS))
    menus = short.group_by("page", maintain_order=True).agg(pl.col("text").str.join("\n").str.head(MENU_CHARACTERS))
    return menus.select("page", around=_languages(menus["text"]))


def _suspects(lines: pl.DataFrame, around: pl.DataFrame) -> pl.DataFrame:
    """Pages of which nothing is kept, or whose menus and best lines are not in one language."""
    some = lines.lazy().filter(pl.col("evidence") > 0).sort("page", -pl.col("evidence"), "line")
    strong = some.group_by("page", maintain_order=True).head(SAMPLE_LINES).collect()
    told = strong.select("page", around=_languages(strong["text"].str.head(SAMPLE_CHARACTERS)))
    found = pl.concat([told, around]).lazy().drop_nulls()
    several = found.group_by("page").agg(pl.col("around").n_unique()).filter(pl.col("around") > 1)
    pages = lines.lazy().group_by("page").agg(pl.col("kept").any(), size=pl.len()).filter(pl.col("size") <= MAX_LINES)
    joined = pages.join(several, on="page", how="left")
    return joined.filter(~pl.col("kept") | pl.col("around").is_not_null()).collect()


def _with_languages(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines with size and language, which is null where a line is short or nothing is likely."""
    judged = paragraphs.judge(lines.select("line", "text", row="page"), detectors.langdetect)
    chinese = (pl.col("language") == "ko") & ~pl.col("text").str.contains(_HANGUL)  # langdetect's usual mistake
    long = pl.col("size") >= MIN_CHARACTERS
    language = pl.when(long & chinese).then(pl.lit("zh")).when(long).then("language")
    return lines.hstack(judged.select("size", language=language))


def _surrounding() -> pl.Expr:
    """The language in which a page both begins and ends."""
    told = pl.col("language").drop_nulls()
    return pl.when(told.first().over("page") == told.last().over("page")).then(told.first().over("page"))


def _articles(lines: pl.DataFrame) -> pl.DataFrame:
    """Columns page and article: the language of the article, on the pages where it is not the one around it."""
    sums = lines.drop_nulls("language").group_by("page", "around", "language").agg(pl.col("evidence", "size").sum())
    own = sums.filter(pl.col("language") == pl.col("around")).select("page", own="evidence")
    foreign = sums.filter(pl.col("language") != pl.col("around"))
    best = foreign.sort("page", -pl.col("evidence"), -pl.col("size"), "language").group_by("page", maintain_order=True)
    nothing = lines.group_by("page").agg(nothing=~pl.col("kept").any())
    found = best.first().join(own, on="page", how="left").join(nothing, on="page")
    stronger = (pl.col("evidence") > 0) & (pl.col("evidence") >= MIN_EVIDENCE * pl.col("own").fill_null(0.0))
    alone = pl.col("nothing") & (pl.col("size") >= MIN_ALONE)
    return found.filter(stronger | alone).select("page", "nothing", article="language")


def _corrected() -> pl.Expr:
    """Kept or not: prose of the article where nothing was kept; else nothing of the language around it.

    A short line goes with the prose before and after it: it stays where one of them is the article's.
    """
    is_article = pl.col("language") == pl.col("article")
    told = is_article | (pl.col("language") == pl.col("around"))
    article = pl.when(told).then(is_article)
    beside = article.forward_fill().over("page").fill_null(False) | article.backward_fill().over("page").fill_null(
        False
    )
    stays = pl.when(pl.col("language").is_null()).then(beside).otherwise(pl.col("language") != pl.col("around"))
    return pl.when("nothing").then(is_article.fill_null(False)).otherwise(pl.col("kept") & stays)


def _languages(texts: pl.Series) -> pl.Series:
    """Language of each text, without its script; null for none."""
    found = [base(language) for language, _ in detectors.langdetect(texts.to_list())]
    return pl.Series([None if language == UNKNOWN else language for language in found], dtype=pl.String)
