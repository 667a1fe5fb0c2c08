"""`curate report` and `curate explain` on the sample crawl, and on builds that are not whole."""

import html
import json
import re
import shutil

import polars as pl
import pytest

from curate.report import figures
from curate.report.trail import Trail
from tests.end_to_end.conftest import curate

NEWS = "configs/news.yaml"


@pytest.fixture(scope="module")
def text(built, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "report.html"
    curate("report", NEWS, "--out", str(out), cwd=built)
    return out.read_text()


def test_one_file_that_loads_nothing(text):
    assert len(text.encode()) < 5_000_000
    assert re.search(r"default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'", html.unescape(text))
    assert not re.search(r"<(?:img|link|iframe|object)|(?:src|href)=\"(?!#)|url\(|@import| style=", text)


def test_it_shows_every_stage_and_reason(text, built):
    for stage in json.loads((built / "data/build/news/run.json").read_text())["stages"]:
        assert f"<th>{stage['stage']}</th>" in text
        for task in stage["tasks"]:
            for reason in task["stats"].get("reasons", {}):
                assert f'data-why="{reason}"' in text


def test_lines_say_what_weighed_on_them(text):
    assert re.search(r'<li class="keep" title="kept, score [\d.]+: its sentences \+', text)
    uncertain = re.findall(r'data-why="least certain lines".*?</details>', text, re.DOTALL)
    assert any(": the lines around it" in page for page in uncertain)
    assert any(re.search(r"score [\d.]+: .*its class names [+-]", page) for page in uncertain)  # of HTML alone


def test_measures_of_quality_stand_beside_their_thresholds(copy, monkeypatch):
    """What quality drops is below the threshold, and the measure that dropped most comes first."""
    curate("run", NEWS, "--set", "quality.min_finished_lines=0.8", "--set", "version=0.2.0", cwd=copy)
    monkeypatch.chdir(copy)
    found = figures.measures(Trail.of("data/build/news"))
    first, dropped = found[0]
    assert (first.scale, first.thresholds, dropped) == ("finished lines", [("min_finished_lines", 0.8)], 5)
    counts = {one.name: one.counts for one in first.series}
    below = next(i for i, edge in enumerate(first.edges) if edge >= 0.8)
    assert sum(counts["documents dropped"][:below]) == sum(counts["documents dropped"]) == 5
    assert sum(counts["documents kept"][below:]) == sum(counts["documents kept"]) == 48
    assert len({chart.title for chart, _ in found}) == len(found) > 15


def test_same_bytes_again(text, built, tmp_path):
    curate("report", NEWS, "--out", str(tmp_path / "again.html"), cwd=built)
    assert (tmp_path / "again.html").read_text() == text


def record(folder, change):
    path = folder / "data/build/news/run.json"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def test_a_run_that_was_interrupted_is_reported_as_far_as_it_went(copy):
    def cut(told):
        told["stages"], told["release"] = told["stages"][:5], None

    record(copy, cut)
    curate("report", NEWS, cwd=copy)
    text = (copy / "report.html").read_text()
    assert "The last run made no release: it ended after language. This report goes as far as that." in text
    assert "The stage dedup did not run." in text


def test_a_build_without_drops_and_with_capped_buckets(copy):
    def forget(told):
        for stage in told["stages"]:
            for task in stage["tasks"]:
                task["stats"]["reasons"] = {}
                dropped = pl.read_parquet(copy / task["files"]["dropped"]["url"]).clear()
                dropped.write_parquet(copy / task["files"]["dropped"]["url"])
                task["files"]["dropped"]["rows"] = 0
        dedup = next(stage for stage in told["stages"] if stage["stage"] == "dedup")
        dedup["rounds"]["candidates"]["capped_buckets"] = 1234

    record(copy, forget)
    curate("report", NEWS, cwd=copy)
    text = (copy / "report.html").read_text()
    assert "Capped: 1,234 sampled shingles stand in more than 128 documents each" in text
    assert 'data-verdict="kept"' in text and 'data-verdict="dropped"' not in text


def test_files_that_are_gone_are_named(copy):
    shutil.rmtree(copy / "data/build/news/language")
    assert "is gone; `curate run` makes it again" in curate("report", NEWS, cwd=copy, expect=1).stderr


def test_nothing_was_run(project):
    assert "nothing was run here yet" in curate("report", NEWS, cwd=project, expect=1).stderr


def test_explain_suggests_near_documents(built):
    said = curate(
        "explain", NEWS, "data/raw/news/northgateecho.example/2024-03-12-bus-5.txt", cwd=built, expect=1
    ).stderr
    assert "data/raw/news/northgateecho.example/2024-03-12-bus-52.txt" in said
