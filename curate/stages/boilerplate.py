"""Stage boilerplate: of a crawled page, the article.

Navigation, teasers, comments, captions, tags, cookie notices and footers go; paragraphs, quotations, lists and
subheadings of the article stay, one a line. Every line of the page is scored by a model trained on pages whose article
is known (curate/models, its card says on which), on flattened text as on HTML; no rule names a site. What
the pages of a site have in common is counted first: a line that forty pages say is not the article of one.

After boilerpipe (Kohlschütter et al. 2010) and Web2Text (Vogels et al. 2018): lines are classified in their context.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field, computed_field, field_validator

from curate.document import LINE, drop, undecided
from curate.errors import InputError
from curate.langid import contrast
from curate.models import flattened, html, notices, templates, weights
from curate.models.pointers import are_pointers
from curate.repair import Repairs, repaired
from curate.repair.encoding import decode_html, plain
from curate.repair.wrapping import MAX_WIDTH, unwrap
from curate.section import Fraction, Section
from curate.tasks import END, Done, File, Rounds, Rows, batches, read
from curate.text import hash64, tokens

VERSION = 10

MAX_CHARS = 10_000_000
"""A page with more characters is no page of news; judging it would take memory without bounds."""
MAX_LINES = 200_000
"""The same for lines of flattened text: some 1 kB of features each."""
_WIDE = rf"[^\n]{{{MAX_WIDTH + 1}}}"  # finds, fast, almost every page that was not hard-wrapped
SURE, ENOUGH = 0.9, 60
"""What makes a flattened page an article: a line that scores so much, or so many words kept. On 978 pages of sites left
out of training this costs .0002 of Fb; of 158 pages whose article was cut out, 56% come out empty instead of 37%."""
SURE_HTML = 0.8
"""The same for HTML. On 326 pages of sites left out of training it costs nothing; of 179 pages whose article was cut
out, 14 more come out empty."""
PARTITION_DOCUMENTS = 50_000
"""Documents for each partition of the sites; some 100 MB."""

_OF_MARKUP = Repairs(entities=False, join_lines=False)  # the parser decodes entities; its lines are the markup's


class Config(Section):
    """Which lines of a page are its article."""

    min_score: Fraction = Field(default=0.5, description="Lines that score less go; 0 keeps every line.")
    repeats: Literal["keep", "drop"] = Field(
        default="drop",
        description="What becomes of the second where the article says a paragraph twice: a standfirst and its lead.",
    )
    weights: str | None = Field(
        default=None, description="Weights of your own for flattened text, from `python -m curate.models.train`."
    )

    @field_validator("weights")
    @classmethod
    def _can_be_loaded(cls, path: str | None) -> str | None:
        try:
            if path is not None:
                flattened.Model.load(path)
        except InputError as error:
            raise ValueError(str(error)) from error
        return path

    @computed_field  # type: ignore[prop-decorator]
    @property
    def weights_sha256(self) -> str | None:
        """Part of the stage's address: other weights under the same name run the stage again."""
        return weights.checksum(self.weights) if self.weights else None


def clean(texts: Sequence[str], *, sites: Sequence[str] | None = None) -> list[str]:
    """The article in each flattened page; empty where there is none. `sites`, one a text, bring in site templates.

    >>> from pathlib import Path
    >>> page = Path("data/raw/news/northgateecho.example/2024-03-12-bus-52.txt").read_text(encoding="utf-8")
    >>> [body] = clean([page])
    >>> 0 < len(body) < len(page)
    True
    """
    pages = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    if sites is not None:
        pages = pages.hstack(count_templates(pages.with_columns(site=pl.Series(sites, dtype=pl.String))))
    return _bodies(pages.with_columns(format=pl.lit("text")))


def extract(pages: Sequence[bytes], *, urls: Sequence[str] | None = None) -> list[str]:
    """The article in each HTML page; empty where there is none.

    >>> from pathlib import Path
    >>> [body] = extract([Path("data/raw/news/harrowdalepost.example/mill-museum.html").read_bytes()])
    >>> "<p>" in body
    False
    """
    texts = plain(pl.Series(pages, dtype=pl.Binary))
    special = texts.is_null().arg_true()
    texts = texts.scatter(special, [decode_html(pages[i]) or "" for i in special])
    return _bodies(pl.DataFrame({"text": texts}).with_columns(format=pl.lit("html")))


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Set `text` to the article, `html` to the source of an HTML page, `lines` to the page's lines as judged."""
    judged = _judge(batch, config)
    kept = judged.filter("kept").group_by("page", maintain_order=True).agg(pl.col("text").str.join("\n"))
    structs = judged.select("page", lines=pl.struct("text", "score", "kept"))
    lists = structs.group_by("page", maintain_order=True).agg("lines")
    found = (
        pl.DataFrame({"page": range(batch.height)}, schema={"page": pl.UInt32})
        .join(kept, on="page", how="left", maintain_order="left")
        .join(lists, on="page", how="left", maintain_order="left")
    )
    batch = batch.with_columns(
        html=pl.when(pl.col("format") == "html").then("text").otherwise(None),
        text=found["text"].fill_null(""),
        lines=found["lines"].fill_null(pl.lit([], pl.List(LINE))),
    )
    batch = batch.drop(*templates.COUNTED, strict=False)
    return drop(batch, pl.col("text") == "", "not an article", _why_empty(config))


def prepare(shards: Sequence[File], config: Config, rounds: Rounds) -> list[File]:
    """For each shard `line_repeats` and `site_pages`: on how many other pages of its site each line of a page stands.

    Sites are partitioned: the lines of a shard, then the sites of a partition, then a shard again.
    """
    documents = sum(shard.rows for shard in shards)
    whole = _Whole(shards=len(shards), partitions=-(-documents // PARTITION_DOCUMENTS) or 1)
    described = rounds.run("lines", describe, [[shard] for shard in shards], whole)
    groups = [_files(described, "site", number) for number in range(whole.partitions)]
    counted = rounds.run("templates", count, groups, whole)
    groups = [_files(counted, "shard", number) for number in range(whole.shards)]
    return [done.files["counts"] for done in rounds.run("counts", gather, groups, whole)]


class _Whole(Section):
    """The corpus, as a task must know it."""

    shards: int
    partitions: int


def describe(inputs: Sequence[File], config: _Whole) -> Rows:
    """Task: the lines of a shard's pages, partitioned by site."""
    row = 0
    for batch in batches(inputs[0], ["id", "site", "format", "text"]):
        pages = _described(batch).with_columns(row=pl.int_range(row, row + batch.height, dtype=pl.UInt32))
        part = pl.Series(hash64(batch["site"]) % np.uint64(config.partitions))
        for number in range(config.partitions):
            yield f"site-{number:05}", pages.filter(part == number)
        row += batch.height
    return {}


def count(inputs: Sequence[File], config: _Whole) -> Rows:
    """Task: the counts of the pages of some sites. Inputs: their lines from each shard, in order; a part a shard."""
    sampled = pl.DataFrame()
    for file in inputs:
        for pages in batches(file):
            sampled = templates.sample(pl.concat([sampled, pages], how="diagonal"))
    samples = templates.samples_of(sampled)
    for shard, file in enumerate(inputs):
        for pages in batches(file):
            yield f"shard-{shard:05}", pages.select("row").hstack(templates.count(pages, samples))
        yield f"shard-{shard:05}", END
    return {}


def gather(inputs: Sequence[File], config: _Whole) -> Rows:
    """Task: the counts of a shard's pages in their order. Inputs: its counts from each partition."""
    yield "counts", pl.concat(map(read, inputs)).sort("row").drop("row")
    return {}


def _files(done: Sequence[Done], part: str, number: int) -> list[File]:
    return [one.files[f"{part}-{number:05}"] for one in done]


def _described(batch: pl.DataFrame) -> pl.DataFrame:
    """What templates are counted from: `site`, `rank`, `keys`, `words` of each page."""
    lines = templates.describe(_flat(batch).to_list())
    return lines.with_columns(batch["site"], templates.rank(batch["id"]))


def count_templates(pages: pl.DataFrame) -> pl.DataFrame:
    """`prepare` for pages in memory."""
    pages = pages.with_columns(id=pl.int_range(pl.len()).cast(pl.String), format=pl.lit("text"))
    described = pl.concat(_described(pages[i : i + 500]) for i in range(0, max(pages.height, 1), 500))
    return templates.count(described, templates.samples_of(templates.sample(described)))


def _bodies(pages: pl.DataFrame) -> list[str]:
    return apply(undecided(pages), Config())["text"].to_list()


def _judge(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Every visible line: `page` (row in the batch), `text`, `score`, `kept`."""
    known = batch.select(*templates.COUNTED) if "line_repeats" in batch.columns else None
    flat = flattened.judge(_flat(batch).to_list(), known, config.weights)
    judged = [flat.with_columns(kept=_kept(flat, config, SURE)), _judge_html(batch, config)]
    lines = pl.concat(judged).sort("page", maintain_order=True)
    lines = lines.with_columns(kept=contrast.kept_lines(lines))
    if config.min_score > 0:
        lines = _without_pointers(lines)
        of_notices = pl.col("page").is_in(notices.pages(lines.filter("kept")).implode())
        lines = lines.with_columns(kept=pl.col("kept") & ~of_notices)
    return _once(lines) if config.repeats == "drop" else lines


def _kept(lines: pl.DataFrame, config: Config, sure: float) -> pl.Series:
    """Lines that score enough, but for those of pages that are no article."""
    kept = lines["score"] >= config.min_score
    if config.min_score == 0:
        return kept
    page = lines["page"].to_numpy()
    own = np.isin(page, page[lines["score"].to_numpy() >= sure])
    doubtful = np.flatnonzero(kept.to_numpy() & ~own)
    words = tokens(lines["text"].gather(doubtful).to_list()).counts
    total = np.bincount(page[doubtful], weights=words)
    return kept.scatter(doubtful[total[page[doubtful]] < ENOUGH], False)


def _without_pointers(lines: pl.DataFrame) -> pl.DataFrame:
    kept = lines["kept"].arg_true()
    pointers = kept.filter(are_pointers(lines["text"].gather(kept)))
    return lines.with_columns(kept=lines["kept"].scatter(pointers, False))


def _judge_html(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """The lines of the HTML pages; their text is repaired as `normalize` repairs flattened text."""
    is_html = batch["format"] == "html"
    judged = html.judge(_bounded(batch["text"].filter(is_html)).cast(pl.Binary).to_list())
    texts, _ = repaired(judged["text"], _OF_MARKUP, pl.int_range(judged.height, eager=True))
    kept = _kept(judged, config, SURE_HTML)
    return judged.with_columns(page=is_html.arg_true().gather(judged["page"]), text=texts, kept=kept)


def _once(judged: pl.DataFrame) -> pl.DataFrame:
    """Keep the first of two equal paragraphs. Short lines may come twice; what is said more often is a refrain."""
    paragraphs = judged.with_row_index("line").filter(pl.col("kept") & (pl.col("text").str.len_chars() >= 40))
    twice = paragraphs.filter(pl.len().over("page", "text") == 2)
    second = twice.filter(~pl.struct("page", "text").is_first_distinct())
    return judged.with_columns(kept=judged["kept"].scatter(second["line"], False))


def _flat(batch: pl.DataFrame) -> pl.Series:
    """The flattened pages, hard-wrapped ones unwrapped; an HTML page, and one of endless lines, as nothing."""
    nothing = pl.Series([""], dtype=pl.String)
    texts = _bounded(batch["text"].zip_with(batch["format"] != "html", nothing))
    texts = texts.zip_with(texts.str.count_matches("\n", literal=True) < MAX_LINES, nothing)
    narrow = ~texts.str.contains(_WIDE) & (texts != "")
    return pl.Series(
        [unwrap(page) if maybe else page for page, maybe in zip(texts, narrow, strict=True)], dtype=pl.String
    )


def _bounded(pages: pl.Series) -> pl.Series:
    """The pages, an endless one as nothing."""
    texts = pages.fill_null("")
    if (texts.str.len_bytes() <= MAX_CHARS).all():  # bytes are counted already
        return texts
    return texts.zip_with(texts.str.len_chars() <= MAX_CHARS, pl.Series([""], dtype=pl.String))


def _why_empty(config: Config) -> pl.Expr:
    """What is said of a page that comes out empty."""
    best = pl.col("lines").list.eval(pl.element().struct.field("score")).list.max()
    lines = pl.col("lines").list.len()
    said = pl.format("{} lines, the best scores {}", lines, best.round(2))
    return (
        pl.when(lines == 0)
        .then(pl.lit(f"no line to judge, or more than {MAX_CHARS:,} characters or {MAX_LINES:,} lines"))
        .when(best >= max(SURE, config.min_score))
        .then(pl.format("{}, but they speak of the site: consent, errors, signing in", said))
        .otherwise(said)
    )
