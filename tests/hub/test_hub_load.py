from __future__ import annotations

from pathlib import Path

import pytest

from curate.errors import HubError, ReleaseError, UsageError
from curate.release import manifest
from curate.release.build import Config
from tests.hub.client import client, compare, go_offline, load, load_plainly, push, spoil_cache, use_token
from tests.hub.server import READER, STRANGER, WRITER, Blob
from tests.support.releases import documents, release, shard, split_up

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


def test_a_stream_checks_each_shard_as_it_arrives(hub, pushed, releases):
    """The Hub says the right sha256 and its storage sends other bytes: what comes before that shard is given."""
    sizes = expected(releases, "v1.0.0")
    found = dict(shards(releases, "v1.0.0"))
    assert pushed(stream_until_it_fails, REPO, "v1.0.0", ("test",)) == (sizes["test"], "")
    sent = sum(one.sent for one in hub.requests if "/objects/" in one.path)
    assert sent == Path(found["test"].url).stat().st_size, "each shard once and no other"
    digest = found["test"].sha256
    sound = hub.stored[digest]
    for damaged in (sound[:-1] + bytes([sound[-1] ^ 1]), sound[:-1]):
        hub.stored[digest] = damaged
        count, fault = pushed(stream_until_it_fails, REPO, "v1.0.0", ("train", "validation", "test"))
        assert count == sizes["train"] + sizes["validation"]
        assert fault.startswith("ReleaseError: ")
        assert fault.endswith("test-00000-of-00001.parquet: what arrived is not what the manifest says")
    hub.fail("GET", "/objects/", "refused", 403, times=99, after=1)
    count, fault = pushed(stream_until_it_fails, REPO, "v1.0.0", ("train", "validation"))
    assert (count, fault) == (sizes["train"], "HubError: org/news: this token may not read there")


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
    pushed(use_token, None)
    with pytest.raises(HubError, match="does not exist, or it is private: run `hf auth login`"):
        pushed(load, REPO, "v1.0.0")


def test_private_and_gated_repositories(hub, pushed, releases, tmp_path):
    """Who is in the organisation reads both; others read what is gated once they were let in, and write neither."""
    repo = hub.repos[REPO]
    for private, gated, refusal in ((True, False, "does not exist, or this token"), (False, True, "is gated: ask for")):
        repo.private, repo.gated = private, gated
        pushed(use_token, READER)
        for streaming in (False, True):
            assert counts(pushed(load, REPO, "v1.1.0", streaming=streaming)) == expected(releases, "v1.1.0")
        with pytest.raises(HubError, match="may not write there"):
            pushed(push, releases / "v1.1.0", REPO)
        with client(hub.environment(tmp_path / f"stranger{gated}", STRANGER)) as stranger:
            with pytest.raises(HubError, match=refusal):
                stranger(load, REPO, "v1.0.0")
            repo.granted = {"sam"} if gated else set()
            if gated:
                assert counts(stranger(load, REPO, "v1.0.0")) == expected(releases, "v1.0.0")
            with pytest.raises(HubError, match="may not write there" if gated else refusal):
                stranger(push, releases / "v1.1.0", REPO)
    pushed(use_token, WRITER)
    for name in ("v1.0.0", "v1.1.0", "v1.1.1"):
        del repo.tags[name]
        assert pushed(push, releases / name, REPO).state == "published", "a member pushes to a gated repository"


def test_a_config_for_each_language(hub, call, tmp_path):
    """Beside the default: `datasets` finds them by the card, with counts that are true."""
    frame = split_up(documents(300))
    by_language = release(tmp_path, [shard(tmp_path, frame, "c")], "1.0.0", release=Config(configs="language"))
    call(push, by_language.path, REPO)
    for name, rows in (("default", frame), ("no", frame.filter(language="no"))):
        ids = {split: sorted(part["id"]) for (split,), part in rows.group_by("split")}
        for loaded in (call(load_plainly, REPO, "v1.0.0", name=name), call(load, REPO, "v1.0.0", config=name)):
            assert {split: sorted(found) for split, found in loaded.items()} == ids


def test_a_repository_that_is_no_release(hub, pushed):
    tree = {"README.md": Blob(b"# Mine", False)}
    hub.repos[REPO].commit("other", "By hand", "", tree)
    with pytest.raises(HubError, match=r"has no manifest\.json"):
        pushed(load, REPO, "other")


def test_diff_of_a_folder_and_a_revision_reads_no_texts(hub, pushed, releases):
    found = pushed(compare, str(releases / "v1.0.0"), f"{REPO}@v1.1.1")
    assert found == {"added": 40, "removed": 5}


def shards(releases: Path, version: str):
    return manifest.shards(releases / version, manifest.read(releases / version).files)


def stream_until_it_fails(repo: str, version: str, splits: tuple[str, ...]) -> tuple[int, str]:
    """Documents that come, and what stops them."""
    import curate

    count = 0
    try:
        for split in splits:
            for _ in curate.load(repo, version, split=split, streaming=True):
                count += 1
    except Exception as error:
        return count, f"{type(error).__name__}: {error}"
    return count, ""


def load_split(repo: str, version: str, split: str) -> int:
    import curate

    return curate.load(repo, version, split=split).num_rows
