"""The local engine: same bytes from any number of workers; a killed worker costs its task, a killed run its workers."""

import multiprocessing
import os
import platform
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from curate import runner
from curate.engines.local import LARGE_MB, LocalEngine
from curate.errors import TaskError
from curate.runner import StageTask
from curate.section import Section
from curate.stages import Stage
from curate.stages import read as reading
from curate.store import execute, finished
from curate.tasks import File, Rows, Task, read


class Config(Section):
    number: int
    marker: str = ""


def square(inputs: list[File], config: Config) -> Rows:
    yield "rows", pl.DataFrame({"n": [config.number**2]})
    return {}


def threads(inputs: list[File], config: Config) -> Rows:
    yield "rows", pl.DataFrame({"threads": [pl.thread_pool_size()]})
    return {}


def grow(inputs: list[File], config: Config) -> Rows:
    """Hold as many MB as the task's number for a moment."""
    b"x" * (config.number << 20)
    yield "rows", pl.DataFrame({"n": [config.number]})
    return {}


def die_once(inputs: list[File], config: Config) -> Rows:
    """Kill the worker at the first try of task 3."""
    marker = Path(config.marker)
    if config.number == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    yield "rows", pl.DataFrame({"n": [config.number]})
    return {}


def always_die(inputs: list[File], config: Config) -> Rows:
    if config.number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    yield "rows", pl.DataFrame({"n": [config.number]})
    return {}


def fail(inputs: list[File], config: Config) -> Rows:
    if config.number == 2:
        raise ValueError("bad number")
    yield "rows", pl.DataFrame({"n": [config.number]})
    return {}


@dataclass(frozen=True)
class Killed(StageTask):
    """A stage task that kills its process where it meets one document."""

    def __call__(self, inputs: list[File], config: Section) -> Rows:
        stage = Stage(self.stage, 1, kill_at)
        runner.STAGES = (stage,)
        return (yield from super().__call__(inputs, config))


def kill_at(batch: pl.DataFrame, config: Section) -> pl.DataFrame:
    if "doc-1-7" in batch["id"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return batch


def documents(folder: Path, number: int) -> File:
    """A shard of 20 documents."""
    rows = [{"id": f"doc-{number}-{i}", "source": f"{number}.txt", "record": i, "text": "One."} for i in range(20)]
    path = folder / f"{number}.parquet"
    pl.DataFrame(rows).write_parquet(path)
    return File(str(path), str(number), 20)


def read_killed(inputs: list[File], config: Section) -> Rows:
    """`read`, with a reader that kills its process at one record."""
    whole = reading._read

    def killing(url: str, config: Section):
        for item in whole(url, config):
            if item.page == b"KILL":
                os.kill(os.getpid(), signal.SIGKILL)
            yield item

    reading._read = killing
    try:
        return (yield from reading.read_files(inputs, config))
    finally:
        reading._read = whole


def tasks(function, count=8, marker=""):
    return [
        Task("test", 1, function, (File(f"in-{i}", str(i)),), Config(number=i, marker=marker)) for i in range(count)
    ]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def run(workers, todo, root):
    engine = LocalEngine(workers)
    try:
        return dict(engine.run(todo, str(root)))
    finally:
        engine.close()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_task_runs_once_with_the_same_bytes(tmp_path, workers):
    results = run(workers, tasks(square), tmp_path)
    expected = [execute(task, str(tmp_path / "alone")).files["rows"].sha256 for task in tasks(square)]
    assert [results[i].files["rows"].sha256 for i in range(8)] == expected


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_workers_have_one_polars_thread(method, tmp_path, monkeypatch):
    """However they start: Windows can but spawn them."""
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: [method])
    results = run(2, tasks(threads, count=2), tmp_path)
    assert [read(done.files["rows"])["threads"][0] for done in results.values()] == [1, 1]


@pytest.mark.skipif(sys.platform == "win32", reason="the size of a process is not known there")
def test_a_large_worker_ends_with_its_round(tmp_path):
    engine = LocalEngine(2)
    rounds = []
    try:
        for megabytes in (1, 2, 2 * LARGE_MB, 3):
            todo = [Task("test", 1, grow, (File(f"in-{i}", str(i)),), Config(number=megabytes)) for i in range(2)]
            rounds.append([done.ran for _, done in engine.run(todo, str(tmp_path)) if done.ran])
    finally:
        engine.close()
    small, again, large, after = [{ran.process for ran in one} for one in rounds]
    assert small & again and again & large, "a small one goes on"
    assert not large & after
    assert max(ran.peak_mb for ran in rounds[2]) > LARGE_MB > max(ran.peak_mb for ran in rounds[3])


def test_a_killed_worker_costs_only_its_task(tmp_path):
    results = run(2, tasks(die_once, marker=str(tmp_path / "died")), tmp_path)
    assert sorted(results) == list(range(8))


def test_a_task_that_always_kills_its_worker_is_named(tmp_path):
    with pytest.raises(TaskError, match=r"a worker was killed 3 times.*in-3"):
        run(2, tasks(always_die), tmp_path)
    others = [task for i, task in enumerate(tasks(always_die)) if i < 3]
    assert all(finished(task, str(tmp_path)) for task in others), "a death costs no other task"


def test_a_record_that_kills_its_worker_is_named_and_set_aside(tmp_path):
    """The stage kills the process at one record, as a fault in a library would."""
    shards = [documents(tmp_path, number) for number in range(3)]
    engine = LocalEngine(2)
    todo = [Task("quality", 1, Killed("quality"), (shard,), Section()) for shard in shards]
    try:
        results = dict(engine.run(todo, str(tmp_path)))
    finally:
        engine.close()
    dropped = read(results[1].files["dropped"])
    assert dropped.select("id", "drop_reason", "drop_detail").rows() == [
        ("doc-1-7", "killed its worker", "2 times, alone")
    ]
    assert results[1].stats["reasons"] == {"killed its worker": 1}
    assert [results[i].stats["documents_kept"] for i in range(3)] == [20, 19, 20]
    assert not list(tmp_path.rglob("*.suspects.json"))


def test_a_record_that_kills_the_reader_ends_its_file(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in ("one", "KILL", "three")))
    (folder / "b.jsonl").write_text('{"text": "four"}\n')
    config = reading.Config(paths=[str(folder)])
    [group] = reading.discover(config)
    engine = LocalEngine(2)
    try:
        [(_, done)] = engine.run([Task("read", 1, read_killed, tuple(group), config)], str(tmp_path))
    finally:
        engine.close()
    assert read(done.files["kept"])["page"].to_list() == [b"one", b"four"]
    [(record, reason)] = read(done.files["dropped"]).select("record", "drop_reason").rows()
    assert (record, reason) == (1, "killed its worker")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failure_is_raised_and_finished_work_is_kept(tmp_path, workers):
    todo = tasks(fail, count=3)
    with pytest.raises(TaskError, match="test: in-2: ValueError: bad number"):
        run(workers, todo, tmp_path)
    assert finished(todo[0], str(tmp_path)) and finished(todo[1], str(tmp_path))
    assert finished(todo[2], str(tmp_path)) is None


def test_workers_end_with_a_killed_run(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys, time
            from curate.engines.local import LocalEngine
            if __name__ == "__main__":
                engine = LocalEngine(2)
                engine._start(2)
                print(*[worker.process.pid for worker in engine._idle], flush=True)
                time.sleep(60)
            """
        )
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    workers = [int(pid) for pid in process.stdout.readline().split()]
    process.kill()
    process.wait()
    process.stdout.close()
    assert workers
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "workers outlive the run"
        time.sleep(0.1)


def faults() -> int:
    """Pages that the kernel gives for some arrays at a time, again and again."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        [np.ones(1 << 21, np.uint8) for _ in range(12)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def count_faults(inputs: Sequence[File], config: Config) -> Rows:
    yield "kept", pl.DataFrame({"first": [faults()]})
    return {"faults": faults()}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
@pytest.mark.parametrize("workers", [1, 2])
def test_memory_of_arrays_is_taken_from_the_kernel_once(workers: int, tmp_path: Path) -> None:
    tasks = [Task("stage", 1, count_faults, (), Config(number=number)) for number in range(2)]
    engine = LocalEngine(workers)
    with closing(engine):
        found = [done.stats["faults"] for _, done in engine.run(tasks, str(tmp_path))]
    assert max(found) < 0.1 * 50 * 12 * (1 << 21) / resource.getpagesize()
