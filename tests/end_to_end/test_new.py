"""`curate new`: a config that fits the folder it looked at, and runs."""

import json

from curate import config
from tests.end_to_end.conftest import curate

BODY = "\n".join(
    f"In the {n} hours since the river rose, volunteers carried sand to the mill, and the council met twice."
    for n in ("six", "seven", "eight", "nine", "ten")
)


def write_jsonl(path, names, count=12):
    rows = ({name: value.format(i) for name, value in names.items()} for i in range(count))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_the_sample_crawl(project):
    said = curate("new", "mine", "data/raw/news", cwd=project).stdout
    assert "16 text, 11 html" in said and "configs/mine.yaml: written" in said
    made = config.load(project / "configs/mine.yaml")
    assert made.read.header == "date {published} {site}"
    assert made.language is not None and list(made.language.keep) == ["en"]
    curate("run", "configs/mine.yaml", "--workers", "1", cwd=project)
    assert "is there already" in curate("new", "mine", "data/raw/news", cwd=project, expect=2).stderr


def test_columns_under_other_names(tmp_path):
    names = {"link": "https://mill.example/{}", "headline": "Day {}", "body": BODY + " It was day {}.", "section": "x"}
    write_jsonl(tmp_path / "data/raw/mill/pages.jsonl", names)
    curate("new", "mill", cwd=tmp_path)
    made = config.load(tmp_path / "configs/mill.yaml")
    assert made.read.columns == {"text": "body", "url": "link", "title": "headline"}
    assert made.read.header is None


def test_no_column_of_text(tmp_path):
    write_jsonl(tmp_path / "data/raw/mill/pages.jsonl", {"prose": BODY})
    error = curate("new", "mill", cwd=tmp_path, expect=1).stderr
    assert "no column looks like the page" in error and "read.columns" in error
    assert "among `prose`" in error
    assert not (tmp_path / "configs").exists()


def test_nothing_there(tmp_path):
    assert "data/raw/mill" in curate("new", "mill", cwd=tmp_path, expect=1).stderr


def test_a_name_that_is_none(project):
    assert "name: " in curate("new", "../Mine", "data/raw/news", cwd=project, expect=2).stderr
