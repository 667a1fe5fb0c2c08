"""The sample crawl comes out as its sources were written: bodies, metadata, drops. No page of it was trained on."""

import json
import re
from collections import Counter
from pathlib import Path
from statistics import fmean

import polars as pl
import pytest

from tests.end_to_end.conftest import ROOT, read

TRUTH = json.loads((ROOT / "tests/golden/sample_crawl.json").read_text("utf-8"))
TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


def bag_f1(text: str, gold: str) -> float:
    got, wanted = (Counter(TOKEN.findall(one.lower())) for one in (text, gold))
    return 2 * (got & wanted).total() / max(1, got.total() + wanted.total())


@pytest.fixture(scope="module")
def found(built: Path):
    """Rows after metadata by (source, URL), before languages and copies are dropped."""
    stages = json.loads((built / "data/build/news/run.json").read_text())["stages"]
    tasks = next(stage["tasks"] for stage in stages if stage["stage"] == "metadata")
    rows = pl.concat([read(task, "kept", built) for task in tasks])
    return {(row["source"].removeprefix("data/raw/"), row["url"]): row for row in rows.to_dicts()}


@pytest.fixture(scope="module")
def articles(found):
    """(row, truth) of every article page."""
    pages = [page for page in TRUTH if page["what"] == "article"]
    return [(found[page["source"], page.get("url")], page) for page in pages]


def test_bodies(articles):
    scores = [bag_f1(row["text"], "\n".join(page["body"])) for row, page in articles]
    assert fmean(scores) >= 0.975
    assert min(scores) >= 0.85


@pytest.mark.parametrize(("column", "floor"), [("title", 0.95), ("author", 0.85), ("published", 0.98)])
def test_metadata(articles, column, floor):
    known = [(row[column], page[column]) for row, page in articles if page.get(column)]
    assert sum(got == wanted for got, wanted in known) / len(known) >= floor


def test_what_is_no_page_is_dropped(found):
    assert not {page["what"] for page in TRUTH if (page["source"], page.get("url")) in found} & {"empty", "not text"}


def test_copies_count_once(built):
    released = pl.read_parquet(built / "data/releases/news/v0.1.0/data/*.parquet")
    clusters = {(page["source"], page.get("url")): page["cluster"] for page in TRUTH if page.get("cluster")}
    kept = Counter(
        clusters.get((source.removeprefix("data/raw/"), url)) for source, url in released.select("source", "url").rows()
    )
    del kept[None]
    assert kept and max(kept.values()) == 1
