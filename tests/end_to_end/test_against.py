"""A monthly crawl against what was released before."""

import json

import polars as pl

from tests.end_to_end.conftest import curate
from tests.unit.test_neardup import prose

CONFIG = """
name: news
version: {version}
read:
  paths: [{month}.jsonl]
dedup:
  against: {against}
split:
  validation: 0
  test: 0
"""


def write(folder, month, texts):
    rows = [{"id": f"{month}-{i}", "text": text} for i, text in enumerate(texts)]
    (folder / f"{month}.jsonl").write_text("\n".join(map(json.dumps, rows)))


def run(folder, version, month, against, expect=0):
    (folder / "c.yaml").write_text(CONFIG.format(version=version, month=month, against=against))
    result = curate("run", "c.yaml", "--workers", "1", cwd=folder, expect=expect)
    if expect:
        return result.stderr
    shards = folder / f"data/releases/news/v{version}/data"
    return sorted(pl.concat(map(pl.read_parquet, shards.glob("*.parquet")))["id"])


def test_a_second_month_releases_only_what_is_new(tmp_path):
    stories = ["\n".join(prose(i)) for i in range(6)]
    write(tmp_path, "jan", stories[:4])
    assert run(tmp_path, "0.1.0", "jan", "release") == ["jan-0", "jan-1", "jan-2", "jan-3"]

    longer = "\n".join([*prose(3), *prose(99, 1)])
    write(tmp_path, "feb", [stories[0], longer, stories[4], stories[5], stories[5].upper()])
    assert run(tmp_path, "0.2.0", "feb", "release") == ["feb-2", "feb-3"]

    write(tmp_path, "mar", [stories[1], stories[4], "\n".join(prose(7))])
    assert run(tmp_path, "0.3.0", "mar", "release") == ["mar-2"], "against all releases, not the last alone"
    write(tmp_path, "apr", [stories[1], stories[5], "\n".join(prose(8))])
    assert run(tmp_path, "0.4.0", "apr", "[data/releases/news/v0.2.0, jan.jsonl]") == ["apr-2"]
    said = run(tmp_path, "0.5.0", "apr", "[nowhere.jsonl]", expect=1)
    assert "dedup.against: nowhere.jsonl: there is no such file" in said
