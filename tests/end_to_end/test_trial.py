"""`curate plan --sample` and `curate explain FILE`: the stages on pages that no run has seen."""

import gzip
import json
import random

import pytest

from tests.end_to_end.conftest import curate

NEWS = "configs/news.yaml"


def test_a_sample_of_everything_is_what_a_run_does(project):
    """All 86 records: the funnel up to dedup, but for what site templates change."""
    told = json.loads(curate("plan", NEWS, "--sample", "1000", "--json", cwd=project).stdout)
    assert told["sampled"] == told["documents"] == 86
    shares = {row["stage"]: row["share"] for row in told["funnels"][0]}
    assert (round(86 * shares["read"]), round(86 * shares["normalize"])) == (81, 78)
    assert 0 < shares["dedup"] < shares["quality"] <= shares["language"]
    assert all(row["low"] <= row["share"] <= row["high"] for row in told["funnels"][0])
    assert told["seconds"] > 0 and told["bytes"] > 0
    assert "A trial on 86 of 86 documents" in (project / "plan.html").read_text()
    assert not (project / "data/build").exists()


def test_two_settings_side_by_side(project):
    pair = ("--set", "boilerplate.min_score=0.2", "--set", "boilerplate.min_score=0.8; quality.min_words=400")
    told = json.loads(curate("plan", NEWS, "--sample", "16", *pair, "--json", cwd=project).stdout)
    assert len(told["funnels"]) == 2
    ends = [change["ends"] for change in told["changes"]]
    assert ["kept", "too few words"] in ends
    assert all(one != other for change in told["changes"] for _, one, other in change["lines"])
    assert any(change["lines"] for change in told["changes"])
    text = (project / "plan.html").read_text()
    assert "<code>boilerplate.min_score=0.2</code>" in text and "kept → too few words" in text
    said = curate("plan", NEWS, "--sample", "16", *pair, cwd=project).stdout
    first = told["changes"][0]
    assert f"{len(ends)} documents change" in said and "; all of them in " in said and first["id"] in said


def test_three_settings_are_refused(project):
    settings = [part for score in (0.1, 0.2, 0.3) for part in ("--set", f"boilerplate.min_score={score}")]
    assert "at most twice" in curate("plan", NEWS, "--sample", "9", *settings, cwd=project, expect=2).stderr


def test_explain_a_page_that_was_never_read(project):
    (project / "new.txt").write_text("\u202eGNP.exe\x07 and a line of a million characters\n" + "word " * 200_000)
    said = curate("explain", NEWS, "new.txt", cwd=project).stdout
    assert "its words " in said
    assert "Never in the input; the stages were tried on it alone." in said
    assert "\u202e" not in said and "\x07" not in said


@pytest.mark.parametrize("name", ["pages.jsonl", "pages.jsonl.gz"])
def test_the_size_of_one_large_file_is_told_from_its_beginning(tmp_path, name):
    """A fourth of the file is read."""
    words = random.Random(1).choices(
        ["river", "council", "Monday", "bridge", "vote", "rain", "said", "town"], k=400_000
    )
    rows = [json.dumps({"text": " ".join(words[50 * i : 50 * i + 50])}) + "\n" for i in range(8_000)]
    opened = gzip.open if name.endswith(".gz") else open
    with opened(tmp_path / name, "wt") as stream:
        stream.writelines(rows)
    config = f"name: one\nversion: 0.1.0\nread: {{paths: [{name}]}}\n"
    (tmp_path / "one.yaml").write_text(config)
    told = json.loads(curate("plan", "one.yaml", "--sample", "50", "--json", cwd=tmp_path).stdout)
    assert told["sampled"] == 50 and 6_000 < told["documents"] < 10_500
