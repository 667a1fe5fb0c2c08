"""The Hub's own command line, `hf`, and releases."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from curate.release import manifest
from tests.hub.client import load, push

REPO = "org/news"
DATASET = ("--repo-type", "dataset")


@pytest.fixture
def hf(hub, tmp_path):
    """Runs `hf`; gives what it printed, read as JSON where it was asked for."""
    environment = {"PATH": "/usr/bin:/bin", **hub.environment(tmp_path / "cli")}

    def run(*arguments: object):
        command = [Path(sys.executable).with_name("hf"), *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    return run


def test_what_was_pushed_is_what_hf_shows_and_fetches(hub, call, releases, hf, tmp_path):
    for version in ("v1.0.0", "v1.1.0"):
        call(push, releases / version, REPO)
    tags = hf("repos", "tag", "list", REPO, *DATASET, "--json")
    assert {tag["name"]: tag["target_commit"] for tag in tags} == hub.repos[REPO].tags
    made = manifest.read(releases / "v1.0.0")
    told = hf("datasets", "info", REPO, "--revision", "v1.0.0", "--json")
    assert told["sha"] == hub.repos[REPO].tags["v1.0.0"]
    assert {file["path"] for file in made.files} < {file["rfilename"] for file in told["siblings"]}
    listed = {file["path"]: file.get("lfs") for file in hf("datasets", "list", REPO, "-R", "--json")}
    latest = manifest.read(releases / "v1.1.0").files
    assert all(listed[file["path"]]["sha256"] == file["sha256"] for file in latest if "rows" in file)
    hf("download", REPO, *DATASET, "--revision", "v1.0.0", "--local-dir", tmp_path / "download")
    assert manifest.verify(tmp_path / "download") == made


def test_a_release_that_hf_uploaded_loads_and_is_known_to_push(hub, call, releases, hf):
    hf("repos", "create", REPO, *DATASET, "--private")
    hf("upload", REPO, releases / "v1.0.0", ".", *DATASET)
    hf("repos", "tag", "create", REPO, "v1.0.0", *DATASET)
    hf("repos", "settings", REPO, "--gated", "manual", *DATASET)
    assert hub.repos[REPO].gated
    loaded = call(load, REPO, "v1.0.0")
    assert {split: len(ids) for split, ids in loaded.items()} == manifest.read(releases / "v1.0.0").splits
    assert call(push, releases / "v1.0.0", REPO).state == "unchanged"
