"""What commands print for people; their JSON and what they do is tested elsewhere."""

import json
import re

from tests.end_to_end.conftest import curate, release_bytes

NEWS = "configs/news.yaml"


def test_clean_says_what_goes_and_leaves_what_a_run_needs(copy):
    unused = copy / "data/build/news/quality/0123.kept.parquet"
    unused.write_bytes(b"x" * 2_000_000)
    before = release_bytes(copy)
    said = curate("clean", NEWS, "--dry-run", cwd=copy).stdout
    assert re.fullmatch(r"1 files, 2\.0 MB; [\d.]+ MB are left\n", said)
    assert unused.exists()
    assert curate("clean", NEWS, cwd=copy).stdout == said
    assert not unused.exists()
    assert {row["verdict"] for row in json.loads(curate("plan", NEWS, "--json", cwd=copy).stdout)} == {"keep"}
    gone = json.loads(curate("clean", NEWS, "--all", "--json", cwd=copy).stdout)
    assert gone["files"] > 30 and gone["left"] < 100_000
    assert release_bytes(copy) == before


def test_diff_in_words(copy):
    curate("run", NEWS, "--set", "version=0.2.0", "--set", "quality.min_words=240", cwd=copy)
    folders = [f"data/releases/news/v{version}" for version in ("0.1.0", "0.2.0")]
    said = curate("diff", *folders, cwd=copy).stdout
    first, *rest = [" ".join(line.split()) for line in said.splitlines()]
    assert first == "0.1.0 -> 0.2.0: 29 -> 24 documents; a PATCH: 5 documents removed"
    for line in ("source removed", "all 5", "removed because: too few words: 5"):
        assert line in rest
    assert "dropped by the stages: too few words: 0 -> 9" in rest
    assert sum(bool(re.match(r"removed: \w+ data/raw/news/", line)) for line in rest) == 5


def test_scores_in_words(built, tmp_path):
    page = {"id": "1", "site": "a.org", "text_page": "Home\nIt rained all day, and nobody came.", "labels_page": "01"}
    (tmp_path / "labels.jsonl").write_text(json.dumps(page | {"gold_text": "It rained all day, and nobody came."}))
    said = curate("score", NEWS, str(tmp_path / "labels.jsonl"), cwd=built).stdout
    assert [line.split()[0] for line in said.splitlines()] == ["site", "all", "a.org"]
