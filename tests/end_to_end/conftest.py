"""A project folder as a user has it: the configs and the sample crawl, run through the command line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}


def make_project(folder: Path) -> Path:
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "data" / "raw", folder / "data" / "raw")
    return folder


def curate(*args: str, cwd: Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line in `cwd`."""
    command = [sys.executable, "-m", "curate", *args]
    result = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert result.returncode == expect, f"{args}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def release_bytes(folder: Path) -> dict[str, bytes]:
    """Every file of every release below a project folder."""
    releases = folder / "data" / "releases"
    return {
        str(path.relative_to(releases)): path.read_bytes() for path in sorted(releases.rglob("*")) if path.is_file()
    }


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
