"""A project folder as a user has it: the configs and the sample crawl, run through the command line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from curate import cli, tasks
from curate.tasks import File

ROOT = Path(__file__).parents[2]

ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}


def make_project(folder: Path) -> Path:
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "data" / "raw", folder / "data" / "raw")
    return folder


def curate(*args: str, cwd: Path, expect: int = 0) -> Result:
    """Run the command line in `cwd`, in this process: to start one takes longer than most commands."""
    with chdir(cwd):
        done = CliRunner(env={"COLUMNS": "200"}).invoke(cli.main, args, prog_name="curate", catch_exceptions=False)
    assert done.exit_code == expect, f"{args}: {done.exit_code}\n{done.output}"
    return done


def started(*args: str, cwd: Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line in `cwd`, as a user starts it."""
    command = [sys.executable, "-m", "curate", *args]
    environment = {**os.environ, **ENVIRONMENT}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == expect, f"{args}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def release_bytes(folder: Path) -> dict[str, bytes]:
    """Every file of every release below a project folder."""
    releases = folder / "data" / "releases"
    return {
        str(path.relative_to(releases)): path.read_bytes() for path in sorted(releases.rglob("*")) if path.is_file()
    }


def read(task: tasks.Json, part: str, folder: Path) -> pl.DataFrame:
    """The rows that a task of a stage kept or dropped, by the record of the run in `folder`."""
    found = File(**task["files"][part])
    texts = found.texts and str(folder / found.texts)
    return tasks.read(replace(found, url=str(folder / found.url), texts=texts))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh project in which nothing was run."""
    return make_project(tmp_path)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which configs/news.yaml was run once; not to be changed."""
    folder = make_project(tmp_path_factory.mktemp("built"))
    curate("run", "configs/news.yaml", "--workers", "2", cwd=folder)
    return folder


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    """The same, of the test's own."""
    return shutil.copytree(built, tmp_path / "copy")


@pytest.fixture(autouse=True)
def untouched(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that writes into the project of all is the one that fails, not one that runs after it."""
    if "built" not in request.fixturenames:
        yield
        return
    folder = request.getfixturevalue("built")
    before = _files(folder)
    yield
    assert _files(folder) == before, "the project of all tests was changed: use a copy"


def _files(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*") if path.is_file()}
