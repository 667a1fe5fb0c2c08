"""Killed at any moment, a run loses nothing and does nothing twice but what was in flight.

CURATE_KILLS=25 (`make kills`) kills 25 runs and 25 workers; the suite, a few.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ENVIRONMENT, make_project, release_bytes

KILLS = int(os.environ.get("CURATE_KILLS", "3"))
WORKERS = 2
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def started(folder):
    command = [sys.executable, "-m", "curate", "run", "configs/news.yaml", "--workers", str(WORKERS)]
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=said, stderr=said, start_new_session=True)


def finished(folder):
    """The ledger: when each task was done."""
    entries = [path for path in folder.glob("data/build/news/*/**/*.json") if ".suspects" not in path.name]
    return {path: path.stat().st_mtime_ns for path in entries}


def in_flight(folder):
    """Tasks of which a part is half-written."""
    return {path.name[:32] for path in folder.glob("data/build/news/*/**/*.tmp")}


def moments(built, count):
    """Random moments: after so many tasks, no two after as many, and so many seconds more."""
    seeded = random.Random(7)
    tasks = len(finished(built))
    return [(done, seeded.uniform(0, 0.3)) for done in sorted(seeded.sample(range(tasks + 1), count))]


def reached(process, folder, moment):
    """Wait for a moment; whether the run still works then."""
    tasks, seconds = moment
    while process.poll() is None and len(finished(folder)) < tasks:
        time.sleep(0.01)
    time.sleep(seconds)
    return process.poll() is None


def workers(pid):
    """The worker processes of a run: the children of its fork server."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    children = {child for child, parent in parents.items() if parent == pid}
    return sorted(child for child, parent in parents.items() if parent in children)


def unchanged(before, folder):
    now = finished(folder)
    assert {path: now.get(path) for path in before} == before, "a finished task ran again"


def test_a_run_killed_at_random_moments(built, tmp_path):
    folder = make_project(tmp_path)
    done = {}
    for moment in moments(built, KILLS):
        process = started(folder)
        reached(process, folder, moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert len(in_flight(folder)) <= WORKERS
        unchanged(done, folder)
        done = finished(folder)
    assert started(folder).wait() == 0, (folder / "said").read_text()
    unchanged(done, folder)
    assert release_bytes(folder) == release_bytes(built)


def test_a_worker_killed_at_random_moments(built, tmp_path):
    seeded, killed = random.Random(7), 0
    for number in range(KILLS):  # runs: one has few tasks, and many moments come when nobody works
        killed += killing(built, make_project(tmp_path / str(number)), KILLS - killed, seeded)
        if killed == KILLS:
            return
    pytest.fail(f"only {killed} workers could be killed")


def killing(built, folder, most, seeded):
    """A run of which workers are killed at up to `most` moments; how many were."""
    process = started(folder)
    killed, done = 0, {}
    for tasks, seconds in moments(built, most):
        tasks = max(tasks, len(done) + 1)  # a task that is hit three times ends the run
        if reached(process, folder, (tasks, seconds)) and (victims := workers(process.pid)):
            os.kill(seeded.choice(victims), signal.SIGKILL)
            killed += 1
        unchanged(done, folder)
        done = finished(folder)
    assert process.wait() == 0, (folder / "said").read_text()
    unchanged(done, folder)
    assert release_bytes(folder) == release_bytes(built)
    return killed
