"""A starter config for a folder of pages: what `curate new` writes after it has looked at file names and some pages.

Guessed are the formats (by ending), which column holds the text and what else the columns are, the header line of
flattened pages, and the languages of the articles. A guess is written down where the user sees and changes it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import jinja2
import polars as pl
import yaml

from curate import store
from curate.config import parse
from curate.document import READ_SCHEMA
from curate.errors import InputError, UsageError
from curate.readers import header
from curate.readers.records import Column
from curate.runner import judge
from curate.section import Section
from curate.stages import STAGES, boilerplate, language, normalize, read
from curate.tasks import File

FILES = 24
"""Files that are looked into, spread evenly over all."""

PAGES = 8
"""Pages of each."""

MIN_HEADERS = 0.3
"""Share of flattened pages that carry the header line: a folder may hold several kinds."""

RECORDS = ("jsonl", "csv", "parquet")
"""Formats with named columns."""

OTHER_NAMES: dict[Column, tuple[str, ...]] = {
    "text": ("content", "body", "article", "raw_content", "maintext", "plain_text", "document", "raw_text"),
    "html": ("raw_html", "html_content", "page_html", "content_html"),
    "url": ("link", "uri", "source_url", "page_url", "canonical_url"),
    "id": ("doc_id", "document_id", "uuid", "guid"),
    "title": ("headline", "name"),
    "author": ("authors", "byline", "creator"),
    "published": ("date", "published_at", "date_published", "publish_date", "pub_date", "datetime", "timestamp"),
    "site": ("domain", "host", "hostname", "source_domain", "publisher"),
}
"""What crawlers call our columns, the likeliest first."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d\S*")
_URL = re.compile(r"https?://\S+")
_HOST = re.compile(r"[\w-]+(\.[\w-]+)+")


@dataclass(frozen=True)
class Look:
    """What was seen: files of each format, columns under other names, a header line, articles of each language."""

    formats: dict[str, int]
    columns: dict[Column, str]
    header: str | None
    pages: int
    languages: dict[str, int]


def new(name: str, paths: Sequence[str], out: Path) -> Look:
    """Look at the pages and write the config `out`.

    Raises UsageError where it is there already, InputError where nothing can be read, ConfigError for a bad name.
    """
    if out.exists():
        raise UsageError(f"{out}: is there already; choose another name, or remove it first")
    seen = look(paths)
    text = written(name, paths, seen)
    parse(text, str(out))
    with store.create(str(out)) as stream:
        stream.write(text.encode())
    return seen


def look(paths: Sequence[str]) -> Look:
    """What the paths hold. Raises InputError where nothing can be read."""
    given = read.Config(paths=list(paths))
    files = [file for group in read.discover(given) for file in group]
    formats = Counter(read.format_of(file.url, given) or "unknown" for file in files)
    tables = [next((file for file in files if read.format_of(file.url, given) == form), None) for form in RECORDS]
    columns = _columns([file for file in tables if file], given)
    pages = _sample(files, given.model_copy(update={"columns": columns}))
    if not pages.height:
        raise InputError(f"{', '.join(paths)}: none of the pages that were looked at can be read")
    languages = _languages(pages)
    return Look(dict(formats.most_common()), columns, _header(pages), pages.height, languages)


def written(name: str, paths: Sequence[str], seen: Look) -> str:
    """The config as text, with comments."""
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False).from_string(_TEMPLATE)  # noqa: S701 - YAML
    return template.render(name=name, paths=list(paths), seen=seen, yaml=_flow) + "\n"


def _flow(value: object) -> str:
    """A value as YAML in one line."""
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
    )


def _columns(tables: Sequence[File], config: read.Config) -> dict[Column, str]:
    """Which columns have another name than ours. Raises InputError where none looks like the page."""
    found: dict[Column, str] = {}
    for file in tables:
        page = next((mapping for mapping in _page_names() if _first(file, config, mapping).height), None)
        if page is None:
            raise InputError(
                f"no column looks like the page: {_fault(file, config)}; "
                "write a config with `read.columns: {text: ...}`"
            )
        names = _names(_first(file, config, page))
        rest = {ours: next((name for name in others if name in names), None) for ours, others in OTHER_NAMES.items()}
        found = {
            **{ours: name for ours, name in rest.items() if name and ours not in (*names, "text", "html")},
            **page,
            **found,
        }
    return found


def _page_names() -> Iterator[dict[Column, str]]:
    """Mappings to try, from none at all to the least likely."""
    yield {}
    for ours in ("text", "html"):
        yield from ({ours: name} for name in OTHER_NAMES[ours])


def _names(rows: pl.DataFrame) -> set[str]:
    """Names of the columns that rows came with, ours (where they are filled) and others."""
    carried = {key for text in rows["metadata"].drop_nulls() for key in json.loads(text)}
    return carried | {name for name in get_args(Column) if name in rows.columns and rows[name].count() and name != "id"}


def _first(file: File, config: read.Config, columns: dict[Column, str]) -> pl.DataFrame:
    """Some documents of a file."""
    batches = read.read_files([file], config.model_copy(update={"columns": columns}))
    part, rows = next(batches)
    batches.close()
    return rows.head(PAGES) if part == "kept" else rows.clear()


def _fault(file: File, config: read.Config) -> str:
    """Why a file gives no page: of a table, which columns it has."""
    batches = read.read_files([file], config)
    dropped = next((rows for part, rows in batches if part == "dropped" and rows.height), None)
    return f"{file.url} is empty" if dropped is None else str(dropped["drop_detail"][0])


def _sample(files: Sequence[File], config: read.Config) -> pl.DataFrame:
    """Some documents of files that are spread evenly over all."""
    chosen = [files[i * len(files) // min(FILES, len(files))] for i in range(min(FILES, len(files)))]
    return pl.concat([_first(file, config, config.columns).select(list(READ_SCHEMA)) for file in chosen])


def _header(pages: pl.DataFrame) -> str | None:
    """The template that the first lines of many flattened pages fit; None where there is none."""
    flat = pages.filter(pl.col("format") == "text")["page"].to_list()
    lines = [page.lstrip()[: header.MAX_BYTES].partition(b"\n")[0].decode("utf-8", "replace") for page in flat]
    templates = Counter(_template(line) for line in lines)
    template, count = max(templates.items(), key=lambda item: item[1], default=("", 0))
    return template if "{" in template and count >= MIN_HEADERS * len(lines) else None


def _template(line: str) -> str:
    """The line with a field for what looks like a date, an address or a site; of short lines only."""
    fields = {"published": _DATE, "url": _URL, "site": _HOST}
    words: list[str] = []
    for word in line.split()[:8]:
        name = next((name for name, pattern in fields.items() if pattern.fullmatch(word)), None)
        words.append(
            f"{{{name}}}" if name and f"{{{name}}}" not in words else word.replace("{", "{{").replace("}", "}}")
        )
    return " ".join(words)


def _languages(pages: pl.DataFrame) -> dict[str, int]:
    """Articles of each language among the pages, the most frequent first."""
    sections: dict[str, Section] = {
        "normalize": normalize.Config(),
        "boilerplate": boilerplate.Config(),
        "language": language.Config(),
    }
    for stage in STAGES:
        if stage.name in sections:
            pages, _ = judge(stage, pages, sections[stage.name])
    return dict(Counter(code for code in pages["language"] if code != "und").most_common())


_TEMPLATE = """\
# {{ seen.formats.items() | map("join", ": ") | join(", ") }} (files). Of {{ seen.pages }} pages that were looked at: \
{{ seen.languages.items() | map("join", " ") | join(", ") or "no article" }}.
# Cleaning and filtering stages run where their section is here, in this order; docs/config.md has every key.
# Look before the long run: `curate plan CONFIG --sample 200` shows what it would keep, `curate explain` one page.
name: {{ yaml(name) }}
version: 0.1.0

read:
  paths: {{ yaml(paths) }}
{% if seen.columns %}
  columns: {{ yaml(seen.columns) }}   # ours: the input's
{% endif %}
{% if seen.header %}
  header: {{ yaml(seen.header) }}   # first line of a flattened page, where there is one
{% endif %}

# Keeps the article of each page. Leave it out where the texts are clean already.
boilerplate: {}

language:
  keep: {{ yaml((seen.languages.keys() | list)[:1] or ["en"]) }}
  min_confidence: 0.8   # calibrated probability that the language is right

quality:
  min_words: 50
  max_duplicate_lines: 0.3   # share of lines seen before in the document (Gopher, Table A1)

# Near-duplicates: one of each cluster is kept, and no cluster crosses splits.
dedup:
  keep: longest

split:
  validation: 0.05
  test: 0.05

# Who may use the texts? Say it here.
release:
  license: other
  # repo: org/{{ name }}   # where `curate push` publishes them\
"""
