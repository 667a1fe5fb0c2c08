"""A build folder: its timeline, what a clean removes, what is said of memory and disk before the work."""

import json
import logging

import polars as pl
import pytest

from curate import pipeline, space
from curate.build import Build, Pending, last_record
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
    return {"squares": 1}


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


def test_the_record_says_what_a_run_did(tmp_path):
    given = File("pages/a.txt", "f" * 64)
    with Build(str(tmp_path), LocalEngine(1)) as build:
        rounds = build.rounds("square", 3)
        (alone,) = rounds.run("alone", square, [[given]], Config(number=2))
        rounds.run("two", square, [[], []], [Config(number=4), Config(number=5)])
        tasks = rounds.tasks("", square, [[given]], Config(number=6))
        (done,) = build.run(tasks)
        build.record("square", 3, Config(number=6), tasks, [done])
    record = last_record(str(tmp_path))
    assert record.stages == [
        {
            "stage": "square",
            "version": 3,
            "config": {"number": 6},
            "tasks": [
                {
                    "inputs": ["f" * 64],
                    "sources": ["pages/a.txt"],
                    "files": {"kept": {**vars(done.files["kept"])}},
                    "stats": {"squares": 1},
                }
            ],
            "rounds": {
                "alone": {"squares": 1, "reasons": {}, "sha256": {"kept": alone.files["kept"].sha256}},
                "two": {"squares": 2, "reasons": {}},
            },
        }
    ]
    assert (record.before, record.release, len(record.used)) == ([], None, 4)
    with Build(str(tmp_path), LocalEngine(1)) as build:
        build.record("other", 1, Config(number=0), [], build.run([]))
    after = last_record(str(tmp_path))
    assert [entry["stage"] for entry in after.stages + after.before] == ["other", "square"]
    assert (after.stages[0]["rounds"], after.used) == ({}, record.used)


def test_without_an_engine_nothing_runs_and_what_would_is_told(tmp_path):
    run(tmp_path, 1, 2)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    (tmp_path / "square" / "left.tmp").write_text("of a run that was killed")
    with Build(str(tmp_path)) as build:
        assert not list(tmp_path.rglob("*.tmp"))
        assert build.run([]) == []
        known, more = ([Config(number=number) for number in numbers] for numbers in ((2, 1), (2, 3, 4)))
        tasks = build.rounds("square", 1).tasks("", square, [[]] * 2, known)
        found = build.run(tasks)
        assert [done.key for done in found] == [task.key for task in tasks]
        build.record("square", 1, Config(number=0), tasks, found)
        tasks = build.rounds("square", 1).tasks("", square, [[]] * 3, more)
        with pytest.raises(Pending, match=r"^2 of 3 tasks to run$") as pending:
            build.run(tasks)
        assert (pending.value.tasks, pending.value.missing) == (tasks, 2)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == before, "no record, no timeline"


def test_a_stage_that_is_forced_runs_again_and_no_other(tmp_path):
    def written(**options):
        with Build(str(tmp_path), LocalEngine(1), **options) as build:
            for stage in ("square", "again"):
                rounds = build.rounds(stage, 1)
                rounds.run("before", square, [[]], Config(number=1))
                build.run(rounds.tasks("", square, [[]], Config(number=2)))
        return {path.relative_to(tmp_path): path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}

    first, second, forced = written(), written(), written(force="again")
    assert second == first
    assert {str(path.parent) for path, when in forced.items() if when != first[path]} == {"again", "again/before"}


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
