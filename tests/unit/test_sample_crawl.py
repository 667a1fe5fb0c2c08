"""The sample crawl in data/raw is what its sources make, and what its README says."""

import gzip
import html
import io
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from curate.document import undecided
from curate.stages import normalize, read
from curate.text import tokens
from tests.support import make_crawl

ROOT = Path(__file__).parents[2]
RAW = ROOT / "data/raw"


@pytest.fixture(scope="module")
def built():
    return make_crawl.build()


@pytest.fixture(scope="module")
def truth():
    return json.loads((ROOT / "tests/golden/sample_crawl.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def articles(truth):
    return [page for page in truth if page["what"] == "article"]


@pytest.fixture(scope="module")
def pages():
    """The crawl as read and normalized: one row a page."""
    config = read.Config(paths=[str(RAW / "news")], header="date {published} {site}")
    found = (item for group in read.discover(config) for item in read.read_files(group, config))
    frames = [rows for part, rows in found if part == "kept" and rows.width]
    return normalize.apply(undecided(pl.concat(frames)), normalize.Config())


def unpacked(data):
    """What a gzip file holds, up to where it breaks off."""
    stream = gzip.GzipFile(fileobj=io.BytesIO(data))
    found = b""
    try:
        while block := stream.read1(4096):
            found += block
    except EOFError:
        pass
    return found


def test_files_are_what_the_sources_make(built):
    files, _ = built
    there = {p.relative_to(RAW).as_posix(): p.read_bytes() for p in RAW.rglob("*") if p.is_file()}
    assert set(there) - {"README.md"} == set(files)
    for source, data in files.items():
        packed = source.endswith(".gz")
        assert (unpacked(data) if packed else data) == (unpacked(there[source]) if packed else there[source]), source


def test_truth_is_what_the_sources_make(built, truth):
    assert built[1] == truth


def test_size_and_variety(truth, articles):
    assert len(truth) == 86
    assert len({page["cluster"] for page in articles}) == 47
    assert len({page["site"] for page in articles}) == 14
    assert len({page["language"] for page in articles}) == 9
    assert sum(path.stat().st_size for path in RAW.rglob("*") if path.is_file()) < 1_500_000


def test_stories_run_on_several_sites(articles):
    sites = {page["cluster"]: set() for page in articles}
    for page in articles:
        sites[page["cluster"]].add(page["site"])
    assert sorted(map(len, sites.values()))[-6:] == [2, 2, 3, 4, 4, 5]


def test_bodies_are_long_enough(articles):
    assert tokens(["\n".join(page["body"]) for page in articles]).counts.min() >= 100


def test_names_are_reserved(truth):
    hosts = {page["url"].split("/")[2] for page in truth if "url" in page}
    assert all(host.endswith(".example") for host in hosts)


def test_every_article_is_read_with_its_paragraphs(pages, articles):
    flat = pages.filter(pl.col("format") == "text", pl.col("drop_reason").is_null())
    by_url = dict(flat.drop_nulls("url").select("url", "text").iter_rows())
    by_source = {Path(source).name: text for source, text in flat.select("source", "text").iter_rows()}
    checked = Counter()
    for page in articles:
        if page["source"].endswith((".html", ".warc.gz")):
            continue
        text = by_url[page["url"]] if "url" in page else by_source[Path(page["source"]).name]
        lines = set(text.split("\n"))
        assert [p for p in page["body"] if p not in lines] == [], page["source"]
        checked[Path(page["source"]).suffix] += 1
    assert checked == {".txt": 14, ".gz": 25}


def test_html_pages_are_read(pages, articles):
    found = pages.filter(pl.col("format") == "html", pl.col("drop_reason").is_null())
    text = html.unescape("\n".join(found["text"]))
    bodies = [page["body"] for page in articles if page["source"].endswith((".html", "2024-03.warc.gz"))]
    assert len(bodies) == 32
    assert [p for body in bodies for p in body if p not in text] == []


def test_header_line_is_metadata(pages):
    echo = pages.filter(pl.col("source").str.contains("northgateecho"), pl.col("drop_reason").is_null())
    assert set(echo["site"]) == {"NorthgateEcho.example"} or set(echo["site"]) == {"northgateecho.example"}
    assert not echo["text"].str.contains("^ ?date 2024").any()
