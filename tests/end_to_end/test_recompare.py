"""Documents that are told apart only by what is cut from them, through the command line: the release is made."""

import json
from collections import Counter

import polars as pl
import pytest

from tests.end_to_end.conftest import curate, read, release_bytes
from tests.unit.test_neardup import prose

CONFIG = """
name: cut
version: {version}
read:
  paths: [docs.jsonl]
dedup:
  {paragraphs}
decontaminate:
  against: [{{path: quiz.jsonl, column: question}}]
  cut: {cut}
split:
  validation: 0.3
  test: 0.3
release:
  remove: removed.txt
"""
FURNITURE = [prose(900 + i, 10) for i in range(2)]
RECORDS = [" ".join(prose(800 + i, 8)) for i in range(2)]


def story(number):
    return prose(number, 8)


def stood_on_two_sites():
    """Twenty stories, each with the lines of one site and once more, a sentence short, with those of another."""
    for i in range(20):
        yield {"id": f"a{i:02d}", "text": "\n".join([*story(i), *FURNITURE[0]])}
        yield {"id": f"b{i:02d}", "text": "\n".join([*FURNITURE[1], *story(i)[1:]])}


def with_records():
    """Ten stories, each around a record, and once more, word for word, around another."""
    for i in range(100, 110):
        for name, record in zip("cd", RECORDS, strict=True):
            yield {"id": f"{name}{i}", "text": "\n".join([" ".join(story(i)), record])}


def run(folder, *options, rows, version="1.0.0", paragraphs="paragraphs: {}", cut="true", removed="", expect=0):
    lines = {"docs": rows, "quiz": [{"question": record} for record in RECORDS]}
    for name, listed in lines.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, listed)))
    (folder / "removed.txt").write_text(removed)
    (folder / "config.yaml").write_text(CONFIG.format(version=version, paragraphs=paragraphs, cut=cut))
    return curate("run", "config.yaml", *options, cwd=folder, expect=expect)


def record(folder):
    stages = json.loads((folder / "data/build/cut/run.json").read_text())["stages"]
    return {entry["stage"]: entry for entry in stages}


def released(folder, version="1.0.0"):
    shards = (folder / f"data/releases/cut/v{version}/data").glob("*.parquet")
    return pl.concat(pl.read_parquet(path) for path in shards)


def dropped(folder):
    return pl.concat(read(task, "dropped", folder) for task in record(folder)["recompare"]["tasks"]).sort("id")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cut")
    run(folder, "--workers", "2", rows=[*stood_on_two_sites(), *with_records()])
    return folder


def test_the_release_is_made_and_the_copies_are_dropped(made):
    assert Counter(released(made)["id"].str.head(1)) == {"a": 20, "c": 10}, "of near copies the longer, else by id"
    found = dropped(made)
    assert found["id"].to_list() == [*(f"b{i:02d}" for i in range(20)), *(f"d{i}" for i in range(100, 110))]
    assert found["duplicate_of"].to_list() == [*(f"a{i:02d}" for i in range(20)), *(f"c{i}" for i in range(100, 110))]
    assert Counter(found["drop_reason"]) == {"near-duplicate": 20, "exact duplicate": 10}
    assert found["drop_detail"].str.ends_with(", once cut").all()
    assert found["drop_detail"][-1] == "same text as c109, once cut"
    texts = dict(found.select("id", "text").iter_rows())
    assert texts["b00"] == "\n".join(story(0)[1:]), "with the text that was compared"


def test_what_the_gate_checked_and_what_is_told(made):
    told = json.loads((made / "data/releases/cut/v1.0.0/manifest.json").read_text())
    rows = {row["stage"]: row for row in told["funnel"]}
    assert [row["documents_kept"] for row in told["funnel"]][-3:] == [60, 30, 30], "decontaminate, recompare, split"
    assert rows["recompare"]["reasons"] == {"near-duplicate": 20, "exact duplicate": 10}
    assert "no text in two splits" in {check["check"] for check in told["gate"]}
    said = curate("explain", "config.yaml", "b00", cwd=made).stdout
    assert "near-duplicate" in said and "of a00: similarity" in said and ", once cut" in said
    curate("report", "config.yaml", "--out", "report.html", cwd=made)
    shown = (made / "report.html").read_text()
    assert shown.count("Kept in its place: a") == 6 and "same text as c10" in shown
    curate("plan", "config.yaml", "--exit-code", cwd=made)
    kept = pl.concat(read(task, "kept", made) for task in record(made)["recompare"]["tasks"])
    assert "cut" not in kept.columns


def test_one_worker_makes_the_same_bytes(made, tmp_path):
    run(tmp_path, "--workers", "1", rows=[*stood_on_two_sites(), *with_records()])
    assert release_bytes(tmp_path) == release_bytes(made)


@pytest.mark.parametrize(("paragraphs", "cut", "gone"), [("paragraphs: {}", "false", "b"), ("audit: 0", "true", "d")])
def test_either_cut_alone(tmp_path, paragraphs, cut, gone):
    rows = stood_on_two_sites() if gone == "b" else with_records()
    run(tmp_path, "--workers", "1", rows=rows, paragraphs=paragraphs, cut=cut)
    assert set(dropped(tmp_path)["id"].str.head(1)) == {gone}


def test_a_run_without_cuts_does_nothing_more(tmp_path):
    plain = [row | {"text": "\n".join(story(i))} for i, row in enumerate(stood_on_two_sites())]
    run(tmp_path, "--workers", "1", rows=plain, paragraphs="audit: 0", cut="false")
    assert "recompare" not in record(tmp_path)
    run(tmp_path, "--workers", "1", rows=plain, version="1.0.1")  # the same content: no new version
    assert list(record(tmp_path)["recompare"]["rounds"]) == ["cut"], "cuts were asked for, and there was nothing to cut"


def test_a_released_copy_keeps_its_place_before_a_longer_one(tmp_path):
    rows = list(stood_on_two_sites())
    run(tmp_path, "--workers", "1", rows=[row for row in rows if row["id"] != "a00"])
    first = set(released(tmp_path)["id"])
    said = run(tmp_path, "--workers", "1", rows=rows, version="1.0.1").stdout
    assert "unchanged since v1.0.0" in said
    assert dropped(tmp_path)["id"].to_list() == ["a00", *(f"b{i:02d}" for i in range(1, 20))]
    assert "b00" in first and "a00" not in first


def test_a_removal_reaches_through_a_copy_of_a_copy(tmp_path):
    """`e` is a copy of b00 as it was crawled, and b00 of a00 once both are cut."""
    rows = list(stood_on_two_sites())
    copy = {"id": "e", "text": rows[1]["text"].upper()}
    run(tmp_path, "--workers", "1", rows=[*rows, copy], removed="e\n")
    assert set(released(tmp_path)["id"]) == {f"a{i:02d}" for i in range(1, 20)}
