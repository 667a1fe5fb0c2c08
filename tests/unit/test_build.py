"""A build folder: its timeline, what a clean removes, what is said of memory and disk before the work."""

import json
import logging

import polars as pl
import pytest

from curate import pipeline, space
from curate.build import Build, last_record
from curate.cleanup import clean
from curate.engines.local import LocalEngine
from curate.errors import StorageError
from curate.pipeline import loaded
from curate.section import Section
from curate.tasks import File, Rows


class Config(Section):
    number: int


def square(inputs: list[File], config: Config) -> Rows:
    yield "kept", pl.DataFrame({"n": [config.number**2]})
    return {}


def run(root, *numbers):
    with Build(str(root), LocalEngine(1)) as build:
        rounds = build.rounds("square", 1)
        tasks = rounds.tasks("", square, [[]] * len(numbers), [Config(number=number) for number in numbers])
        build.record("square", 1, Config(number=0), tasks, build.run(tasks))
        build.record_release({"version": "0.1.0", "path": "there"})


def test_the_timeline_has_a_bar_for_every_task_that_ran(tmp_path):
    run(tmp_path, 1, 2, 3)
    bars = [
        event for event in json.loads((tmp_path / "timeline.json").read_text())["traceEvents"] if event["ph"] == "X"
    ]
    assert [bar["name"] for bar in bars] == ["square"] * 4, "three tasks, and the round that they are in"
    (*tasks, whole) = bars
    assert all(whole["ts"] <= bar["ts"] and bar["ts"] + bar["dur"] <= whole["ts"] + whole["dur"] + 1 for bar in tasks)
    assert all(bar["args"]["rows"] == {"kept": 1} and bar["args"]["peak MB"] > 0 for bar in tasks)


def test_clean_removes_what_the_last_run_did_not_use(tmp_path):
    run(tmp_path, 1, 2)
    run(tmp_path, 2, 3)
    told = clean(str(tmp_path), dry_run=True)
    assert (told.files, len(list(tmp_path.rglob("*.parquet")))) == (2, 3), "an output and its ledger entry"
    assert clean(str(tmp_path)) == told
    assert len(list(tmp_path.rglob("*.parquet"))) == 2
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    run(tmp_path, 2, 3)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")} == before, "nothing ran again"
    assert clean(str(tmp_path)).files == 0
    assert clean(str(tmp_path), whole=True).files == 4
    assert last_record(str(tmp_path)).stages


def test_a_run_that_failed_takes_nothing_from_the_one_before(tmp_path):
    run(tmp_path, 1)
    with Build(str(tmp_path), LocalEngine(1)) as build:
        tasks = build.rounds("square", 1).tasks("", square, [[]], Config(number=2))
        build.record("square", 1, Config(number=0), tasks, build.run(tasks))
    assert clean(str(tmp_path)).files == 0


def test_clean_waits_for_no_run(tmp_path):
    with Build(str(tmp_path), LocalEngine(1)), pytest.raises(StorageError, match="another run is working here"):
        clean(str(tmp_path))


def test_more_workers_than_memory_are_fewer_and_it_is_said(monkeypatch, caplog):
    monkeypatch.setattr(pipeline, "free_memory", lambda: 2_000_000_000)
    monkeypatch.setattr(logging.getLogger("curate"), "propagate", True)
    assert pipeline._fitting(64) == 3
    assert "64 workers take up to 38.4 GB of memory, and 2.0 GB are free: going on with 3" in caplog.text
    assert pipeline._fitting(3) == 3
    monkeypatch.setattr(pipeline, "free_memory", lambda: 0)
    assert pipeline._fitting(2) == 1


def test_a_disk_that_will_not_do_is_told_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.txt").write_text("x" * 1_000_000)
    (tmp_path / "pages" / "b.jsonl.gz").write_bytes(b"x" * 250_000)
    text = f"name: a\nversion: 0.1.0\ndata: {tmp_path}/data\nread:\n  paths: [{tmp_path}/pages]\n"
    (tmp_path / "a.yaml").write_text(text)
    config = loaded(tmp_path / "a.yaml", {})
    needed = space.needed(config)
    assert (needed.build, needed.there, needed.release) == (5_000_000, 0, 1_000_000)
    assert needed.free and not needed.is_short
    monkeypatch.setattr(space, "free_disk", lambda url: 5_500_000)
    assert space.needed(config).is_short
    row = pipeline.plan(config)[-1]
    assert (row.stage, row.verdict) == ("disk", "lacks")
    assert row.why == "about 5 MB for the build, of which 0 MB are there, and 1 MB for the release; 6 MB are free"
