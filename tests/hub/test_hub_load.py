from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from curate.errors import HubError, ReleaseError, UsageError
from curate.release import manifest
from tests.hub.client import client, compare, go_offline, load, load_plainly, push, spoil_cache, use_token
from tests.hub.server import STRANGER, Blob

REPO = "org/news"
VERSIONS = ("v1.0.0", "v1.1.0", "v1.1.1")


@pytest.fixture
def pushed(hub, call, releases, tmp_path):
    """A client with a fresh cache, of a Hub that has three versions."""
    for version in VERSIONS:
        call(push, releases / version, REPO)
    hub.requests = []
    with client(hub.environment(tmp_path / "reader")) as process:
        yield process


def counts(loaded: dict[str, list[str]]) -> dict[str, int]:
    return {split: len(ids) for split, ids in loaded.items()}


def expected(releases: Path, version: str) -> dict[str, int]:
    return manifest.read(releases / version).splits


@pytest.mark.parametrize("streaming", [False, True])
def test_every_version_by_tag_branch_and_commit(hub, pushed, releases, streaming):
    for version in VERSIONS:
        commit = hub.repos[REPO].tags[version]
        for name in (version, version.removeprefix("v"), commit):
            assert counts(pushed(load, REPO, name, streaming=streaming)) == expected(releases, version)
        plain = pushed(load_plainly, REPO, version, streaming=streaming)
        assert plain == pushed(load, REPO, version, streaming=streaming)
    for last in (None, "main"):
        assert counts(pushed(load, REPO, last, streaming=streaming)) == expected(releases, "v1.1.1")


def test_one_split_fetches_its_shards_alone(hub, pushed, releases):
    loaded = pushed(load_split, REPO, "v1.0.0", "test")
    assert loaded == expected(releases, "v1.0.0")["test"]
    digests = {file.sha256 for split, file in shards(releases, "v1.0.0") if split != "test"}
    assert not [one for one in hub.requests if one.path.rsplit("/", 1)[-1] in digests]


def test_a_warm_cache_moves_no_shard_again(hub, pushed, releases):
    pushed(load, REPO, "v1.1.0")
    hub.requests = []
    pushed(load, REPO, "v1.1.0")
    assert sum(one.sent for one in hub.requests) < 5_000
    assert len(hub.requests) <= 3


def test_offline_with_just_this_version_in_the_cache(pushed, releases):
    pushed(load, REPO, "v1.0.0")
    pushed(go_offline, True)
    assert counts(pushed(load, REPO, "v1.0.0")) == expected(releases, "v1.0.0")


def test_offline_with_another_version_in_the_cache(pushed, releases):
    """The trap: `load_dataset` hands out v1.0.0 under the name v1.1.0."""
    pushed(load, REPO, "v1.0.0")
    pushed(load_plainly, REPO, "v1.0.0")
    pushed(go_offline, True)
    assert counts(pushed(load_plainly, REPO, "v1.1.0")) == expected(releases, "v1.0.0")
    with pytest.raises(HubError, match="offline"):
        pushed(load, REPO, "v1.1.0")


@pytest.mark.parametrize("status", [503, 401])
def test_a_hub_that_does_not_answer_hands_out_no_other_version(hub, pushed, releases, status):
    pushed(load, REPO, "v1.0.0")
    hub.fail("*", ".", "refused", status, times=999)
    with pytest.raises(HubError):
        pushed(load, REPO, "v1.1.0")


@pytest.mark.parametrize("streaming", [False, True])
def test_a_shard_that_was_changed_on_the_hub(hub, pushed, releases, streaming):
    tree = dict(hub.repos[REPO].find("main").tree)
    tree["data/test-00000-of-00001.parquet"] = Blob(
        (releases / "v1.0.0/data/test-00000-of-00001.parquet").read_bytes(), True
    )
    hub.repos[REPO].commit("main", "By hand", "", tree)
    with pytest.raises(ReleaseError, match="test-00000-of-00001"):
        pushed(load, REPO, streaming=streaming)
    assert counts(pushed(load, REPO, "v1.1.1", streaming=streaming)) == expected(releases, "v1.1.1")


def test_a_shard_that_was_spoiled_in_the_cache(pushed, releases):
    pushed(load, REPO, "v1.0.0")
    digest = next(file.sha256 for split, file in shards(releases, "v1.0.0") if split == "test")
    assert pushed(spoil_cache, digest) == 1
    with pytest.raises(ReleaseError, match="test-00000-of-00001"):
        pushed(load, REPO, "v1.0.0")


def test_a_tag_that_says_another_version(hub, pushed):
    hub.repos[REPO].tags["v9.0.0"] = hub.repos[REPO].tags["v1.0.0"]
    with pytest.raises(ReleaseError, match=r"tagged v9\.0\.0 says of itself that it is v1\.0\.0"):
        pushed(load, REPO, "v9.0.0")


def test_words_for_what_is_not_there(hub, pushed):
    with pytest.raises(HubError, match=r"has no revision v7\.0\.0"):
        pushed(load, REPO, "v7.0.0")
    with pytest.raises(HubError, match="does not exist, or this token cannot see it"):
        pushed(load, "org/nothing", "v1.0.0")
    with pytest.raises(UsageError, match="no release"):
        pushed(load, "no/such/folder")
    pushed(use_token, STRANGER)
    with pytest.raises(HubError, match="does not exist, or this token cannot see it"):
        pushed(load, REPO, "v1.0.0")


def test_a_gated_repository(hub, pushed):
    hub.repos[REPO].private, hub.repos[REPO].gated = False, True
    pushed(use_token, STRANGER)
    with pytest.raises(HubError, match="is gated: ask for access"):
        pushed(load, REPO, "v1.0.0")


def test_a_repository_that_is_no_release(hub, pushed):
    tree = {"README.md": Blob(b"# Mine", False)}
    hub.repos[REPO].commit("other", "By hand", "", tree)
    with pytest.raises(HubError, match=r"has no manifest\.json"):
        pushed(load, REPO, "other")


def test_diff_of_a_folder_and_a_revision_reads_no_texts(hub, pushed, releases):
    found = pushed(compare, str(releases / "v1.0.0"), f"{REPO}@v1.1.1")
    assert found == {"added": 40, "removed": 5}


def test_the_hubs_own_command_line(hub, pushed, releases, tmp_path):
    tool = Path(sys.executable).with_name("hf")
    target = tmp_path / "download"
    command = [tool, "download", REPO, "--repo-type", "dataset", "--revision", "v1.1.0", "--local-dir", target]
    environment = {"PATH": "/usr/bin:/bin", **hub.environment(tmp_path / "cli")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert manifest.verify(target) == manifest.read(releases / "v1.1.0")


def shards(releases: Path, version: str):
    return manifest.shards(releases / version, manifest.read(releases / version).files)


def load_split(repo: str, version: str, split: str) -> int:
    import curate

    return curate.load(repo, version, split=split).num_rows
