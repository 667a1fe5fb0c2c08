"""The page this project was asked for: nine paragraphs survive, and nothing else."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.end_to_end.conftest import ROOT, curate

PAGE = ROOT.parent / "shared" / "cases" / "urdupoint-2019-11-22.txt"

CONFIG = """\
name: case
version: 0.1.0
read:
  paths: [pages]
  header: "date {published} {site}"
boilerplate: {}
language:
  keep: [en]
quality: {}
dedup: {}
split:
  validation: 0
  test: 0
"""


@pytest.mark.skipif(not PAGE.exists(), reason=f"needs ../shared/cases/{PAGE.name}")
def test_urdupoint(tmp_path: Path):
    (tmp_path / "pages").mkdir()
    shutil.copy(PAGE, tmp_path / "pages")
    (tmp_path / "case.yaml").write_text(CONFIG)
    curate("run", "case.yaml", "--workers", "1", cwd=tmp_path)
    [article] = pl.read_parquet(tmp_path / "data/releases/case/v0.1.0/data/*.parquet").to_dicts()
    paragraphs = [line for line in article["text"].splitlines() if line]
    assert len(paragraphs) == 9
    assert paragraphs[0].startswith("Russia sincerely wants to resolve")
    assert paragraphs[1].startswith("NAGOYA (UrduPoint News / Sputnik")
    assert paragraphs[-1].endswith("long-pending peace treaty.")
    assert article["title"].lower().startswith("russia sincerely wants to resolve all issues with japan")
    assert article["title"].endswith("- Lavrov")
    assert (article["author"], article["published"], article["site"], article["language"]) == (
        "Muhammad Irfan",
        "2019-11-22",
        "urdupoint.com",
        "en",
    )
    [said] = json.loads(curate("explain", "case.yaml", article["id"], "--json", cwd=tmp_path).stdout)
    assert sum(line["verdict"] == "keep" for line in said["lines"]) == 9
