"""The wheel and the source distribution hold what they must, and the wheel installs where there is no compiler.

The installation takes minutes, so it runs where CURATE_PYTHONS names interpreters: `make installs`.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHONS = os.environ.get("CURATE_PYTHONS", "").split()

LOAD = "import curate; print(sum(len(rows) for rows in curate.load('data/releases/mine').values()))"


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    return folder


def tracked(*paths):
    listed = subprocess.run(["git", "ls-files", "-z", *paths], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return set(listed.stdout.split("\0")) - {""}


def test_wheel_has_the_package(dist):
    [wheel] = dist.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == tracked("curate")


def test_source_distribution_has_all_that_is_tracked(dist):
    [archive] = dist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {member.name.partition("/")[2] for member in tar.getmembers() if member.isfile()}
    assert names - {"PKG-INFO"} == tracked()


@pytest.mark.parametrize("python", PYTHONS or [pytest.param("", marks=pytest.mark.skip("CURATE_PYTHONS names none"))])
def test_wheel_installs_and_runs_without_compiler(dist, python, tmp_path):
    [wheel] = dist.glob("*.whl")
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    environment = {**os.environ, "PATH": str(scripts), "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}

    def run(program, *arguments):
        command = [str(scripts / program), *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel)
    shutil.copytree(ROOT / "data" / "raw" / "news", tmp_path / "pages")
    run("curate", "new", "mine", "pages")
    run("curate", "run", "configs/mine.yaml")
    assert int(run("python", "-c", LOAD)) > 0
