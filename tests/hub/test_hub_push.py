from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from curate.errors import HubError, ReleaseError, StorageError
from curate.release import manifest
from tests.hub.client import client, fill_disk, go_offline, push, slept, use_token
from tests.hub.server import READER, STRANGER, WRITER, Hub, Repo
from tests.support.releases import documents, release, shard, split_up

REPO = "org/news"
FAULTS = ("refused", "cut", "lost")


def tree(folder: Path) -> dict[str, str]:
    """What the Hub must hold of a release: path -> sha256."""
    return {str(path.relative_to(folder)): manifest.sha256(path) for path in folder.rglob("*.*") if path.is_file()}


def holds(repo: Repo, tag: str, folder: Path) -> bool:
    files = repo.files(tag)
    files.pop(".gitattributes")
    return files == tree(folder)


def titles(repo: Repo) -> list[str]:
    return [commit.title for commit in repo.log("main")]


def test_three_versions(hub, call, releases):
    for version in ("v1.0.0", "v1.1.0", "v1.1.1"):
        pushed = call(push, releases / version, REPO)
        assert (pushed.state, pushed.tag) == ("published", version)
        assert pushed.commit == hub.repos[REPO].tags[version]
    repo = hub.repos[REPO]
    assert all(holds(repo, version, releases / version) for version in ("v1.0.0", "v1.1.0", "v1.1.1"))
    assert titles(repo) == ["Release v1.1.1", "Release v1.1.0", "Release v1.0.0", "initial commit"]
    content = manifest.read(releases / "v1.1.1").content_sha256
    assert repo.find("main").text == f"content {content}"
    assert repo.private


def test_a_public_repository_when_asked_for(hub, call, releases):
    call(push, releases / "v1.0.0", REPO, private=False)
    assert not hub.repos[REPO].private


def test_numbers_of_requests_and_bytes(hub, call, releases):
    """What a push costs: 8 requests, 4 a shard that is new, and no byte that the Hub has."""
    first = releases / "v1.0.0"
    pushed = call(push, first, REPO)
    shards = len(list((first / "data").iterdir()))
    assert len(hub.requests) == 12 + 4 * shards
    total = sum(path.stat().st_size for path in first.rglob("*.*"))
    assert hub.uploaded() == pushed.bytes == total
    hub.requests = []
    again = call(push, first, REPO)
    assert (again.state, again.bytes) == ("unchanged", 0)
    assert len(hub.requests) == 6
    assert hub.uploaded() == 0
    hub.requests = []
    third = releases / "v1.1.1"
    pushed = call(push, third, REPO)
    new = set(tree(third).values()) - set(tree(first).values())
    assert hub.uploaded() == pushed.bytes
    assert len(pushed.uploads) == len(new)


def test_files_of_the_last_release_go(hub, call, releases, tmp_path):
    long = split_up(documents(900)).with_columns(text=_padded(900))
    wide = tmp_path / "wide"
    release(wide, [shard(wide, long, "wide")], "0.1.0", release=_shards_of(1))
    call(push, wide / "news/v0.1.0", REPO)
    hub.repos[REPO].commit("main", "By hand", "", {**hub.repos[REPO].find("main").tree, "LICENSE": _blob(b"Mine.")})
    narrow = release(wide, [shard(wide, long[1:], "narrow")], "0.1.1", release=_shards_of(256)).path
    pushed = call(push, narrow, REPO)
    assert set(pushed.deletes) == {path for path in tree(wide / "news/v0.1.0") if path.startswith("data/")} - set(
        tree(narrow)
    )
    assert set(hub.repos[REPO].files("v0.1.1")) == {*tree(narrow), ".gitattributes", "LICENSE"}


def test_a_release_that_knows_nothing_of_the_last_one_is_refused_and_told_how_to(hub, call, releases, tmp_path):
    """On another machine, without the releases before: its documents could stand in other splits."""
    call(push, releases / "v1.0.0", REPO)
    again = shard(tmp_path, split_up(documents(440)), "again")
    folder = release(tmp_path, [again], "1.1.0").path
    for dry_run in (True, False):
        with pytest.raises(
            ReleaseError, match=r"was not built after v1\.0\.0, the last release of org/news"
        ) as refusal:
            call(push, folder, REPO, dry_run=dry_run)
    assert list(hub.repos[REPO].tags) == ["v1.0.0"]
    shutil.rmtree(folder)
    fetch = str(refusal.value).splitlines()[-1].split()
    environment = {**os.environ, **hub.environment(tmp_path / "home")}
    subprocess.run([Path(sys.executable).parent / fetch[0], *fetch[1:]], env=environment, check=True)
    call(push, release(tmp_path, [again], "1.1.0").path, REPO)
    assert list(hub.repos[REPO].tags) == ["v1.0.0", "v1.1.0"]


def test_a_last_release_with_other_content_is_none_that_is_known(hub, call, releases, tmp_path):
    call(push, releases / "v1.0.0", REPO)
    release(tmp_path, [shard(tmp_path, split_up(documents(300)), "less")], "1.0.0")
    folder = release(tmp_path, [shard(tmp_path, split_up(documents(440)), "more")], "1.1.0").path
    with pytest.raises(ReleaseError, match=r"was not built after v1\.0\.0"):
        call(push, folder, REPO)


def test_tags_of_others_are_no_releases(hub, call, releases):
    call(push, releases / "v1.0.0", REPO)
    theirs = hub.repos[REPO].commit("main", "By hand", "", {"README.md": _blob(b"Mine.")})
    hub.repos[REPO].tags = {"v0.9.0": theirs.oid, "v2": theirs.oid}
    assert call(push, releases / "v1.0.0", REPO).state == "published"


def test_a_dry_run_changes_nothing_and_says_what_would_go_up(hub, call, releases):
    planned = call(push, releases / "v1.0.0", REPO, dry_run=True)
    assert (planned.state, planned.tag, planned.commit) == ("planned", "v1.0.0", None)
    assert not hub.repos
    call(push, releases / "v1.0.0", REPO)
    before = hub.repos[REPO].branches.copy()
    planned = call(push, releases / "v1.1.0", REPO, dry_run=True)
    assert hub.repos[REPO].branches == before
    assert all(request.method in ("GET", "HEAD") or "validate" in request.path for request in hub.requests[-7:])
    hub.requests = []
    pushed = call(push, releases / "v1.1.0", REPO)
    assert (planned.uploads, planned.deletes, planned.bytes) == (pushed.uploads, pushed.deletes, pushed.bytes)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("pushed", [("v1.0.0",), ("v1.0.0", "v1.1.1")])
def test_interrupted_at_any_request_a_second_push_ends_the_same(hub, call, releases, kind, pushed):
    """Refused for good (403), cut off, or done and the answer lost: no tag on a partial tree, no second commit. Of a
    first version, whose repository is made, and of a later one, which deletes shards of the first."""
    *before, version = pushed
    folder = releases / version
    for earlier in before:
        call(push, releases / earlier, REPO)
    stored, base = dict(hub.stored), hub.repos.get(REPO)
    hub.requests = []
    _there(hub, "org/probe", base)
    call(push, folder, "org/probe")
    for number in range(len(hub.requests)):
        name = f"org/{kind}{number}"
        hub.stored = dict(stored)
        _there(hub, name, base)
        hub.fail("*", ".", kind, status=403, times=99 if kind != "lost" else 1, after=number)
        with pytest.raises(HubError) if kind != "lost" else _nothing():
            call(push, folder, name)
        hub.faults.clear()
        half = hub.repos.get(name)
        assert half is None or version not in half.tags or holds(half, version, folder)
        call(push, folder, name)
        assert holds(hub.repos[name], version, folder), number
        assert titles(hub.repos[name]) == [*(f"Release {one}" for one in reversed(pushed)), "initial commit"], number
        assert sorted(hub.repos[name].tags) == sorted(pushed)


def _there(hub: Hub, name: str, base: Repo | None) -> None:
    """A repository of this name as another one is now."""
    if base:
        hub.repos[name] = replace(
            base, name=name, commits=dict(base.commits), branches=dict(base.branches), tags=dict(base.tags)
        )


def test_a_tag_with_other_content_is_refused_and_names_the_bump(hub, call, releases, tmp_path):
    call(push, releases / "v1.0.0", REPO)
    more = split_up(documents(330))
    release(tmp_path, [shard(tmp_path, more, "more")], "1.0.0")
    before = hub.repos[REPO].tags.copy()
    with pytest.raises(ReleaseError, match=r"has a v1\.0\.0 with other content, .* MINOR: .*Set `version` to 1\.1\.0"):
        call(push, tmp_path / "news/v1.0.0", REPO)
    assert hub.repos[REPO].tags == before


def test_a_damaged_release_is_not_pushed(hub, call, releases, tmp_path):
    copy = shutil.copytree(releases / "v1.0.0", tmp_path / "copy")
    next((copy / "data").glob("train-*")).write_bytes(b"cut")
    with pytest.raises(ReleaseError, match="train-00000"):
        call(push, copy, REPO)
    assert not hub.requests


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "no token: run `hf auth login`"),
        ("hf_mistyped", "the Hub refused the token"),
        (READER, "may not write there"),
        (STRANGER, "does not exist, or this token cannot see it; it can make repositories of sam"),
    ],
)
def test_words_for_tokens(hub, call, releases, token, said):
    call(push, releases / "v1.0.0", REPO)
    before = hub.uploaded()
    call(use_token, token)
    with pytest.raises(HubError, match=said) as caught:
        call(push, releases / "v1.1.0", REPO)
    assert hub.uploaded() == before
    assert token is None or token not in str(caught.value)


def test_a_card_that_the_hub_does_not_take(hub, call, tmp_path):
    from curate.release.build import Config

    release(tmp_path, [shard(tmp_path, split_up(documents(200)), "s")], "1.0.0", release=Config(license="bogus"))
    with pytest.raises(HubError, match=r"does not take this card: .*license"):
        call(push, tmp_path / "news/v1.0.0", REPO)
    assert not hub.repos


@pytest.mark.parametrize("name", ["news", "org/news/more", "org/bad name", "org/--"])
def test_a_name_that_is_no_repository(call, releases, name):
    with pytest.raises(HubError, match="is no name of a repository"):
        call(push, releases / "v1.0.0", name)


def test_faults_that_pass_are_waited_for(hub, call, releases):
    limit = {"RateLimit": '"api";r=0;t=7', "RateLimit_Policy": '"fixed window";"api";q=500;w=300'}
    for method, path, status, headers in (
        ("POST", "/commit/", 429, limit),
        ("POST", "/tag/", 503, {}),
        ("GET", "/refs", 500, {}),
        ("GET", "/whoami", 429, {"Retry_After": "11"}),
    ):
        hub.fail(method, path, "refused", status, **headers)
        name = f"org/passing{status}{path.strip('/')}"
        assert call(push, releases / "v1.0.0", name).state == "published"
        pauses = call(slept)
        assert pauses == [8.0] if headers is limit else pauses == [11.0] if headers else pauses == [1.0]
        assert titles(hub.repos[name]) == ["Release v1.0.0", "initial commit"]


@pytest.mark.parametrize(
    ("status", "said"), [(503, r"the Hub fails \(503\)"), (429, "asks to slow down"), (412, "somebody else commits")]
)
def test_faults_that_do_not_pass(hub, call, releases, status, said):
    hub.fail("POST", "/commit/", "refused", status, times=99)
    with pytest.raises(HubError, match=said):
        call(push, releases / "v1.0.0", REPO)
    assert not hub.repos[REPO].tags


def test_somebody_else_commits_in_between(hub, call, releases):
    """The commit is refused with 412 once, and then made on top of theirs."""
    call(push, releases / "v1.0.0", REPO)
    hub.fail("POST", "/commit/", "refused", 412)
    call(push, releases / "v1.1.0", REPO)
    assert titles(hub.repos[REPO])[:2] == ["Release v1.1.0", "Release v1.0.0"]


def test_offline(hub, call, releases):
    call(go_offline, True)
    with pytest.raises(HubError, match="offline: HF_HUB_OFFLINE is set"):
        call(push, releases / "v1.0.0", REPO)


def test_a_hub_that_is_not_there(call, hub, releases):
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(HubError, match="cannot be reached"):
        call(push, releases / "v1.0.0", REPO)
    hub.server = Hub._serve(hub)


def test_two_push_the_same_version_at_once(hub, releases, tmp_path):
    folder = releases / "v1.0.0"
    homes = [hub.environment(tmp_path / name) for name in ("one", "two")]
    with client(homes[0]) as one, client(homes[1]) as two, ThreadPoolExecutor(2) as pool:
        done = [pool.submit(call, push, folder, REPO) for call in (one, two)]
        states = {each.result().state for each in done}
    assert "published" in states
    assert holds(hub.repos[REPO], "v1.0.0", folder)
    assert titles(hub.repos[REPO]) == ["Release v1.0.0", "initial commit"]


def test_a_full_disk_is_told_before_a_byte_moves(hub, call, releases):
    call(fill_disk)
    with pytest.raises(StorageError, match="1,000 bytes are free there, and a push needs"):
        call(push, releases / "v1.0.0", REPO)
    assert not hub.repos


@pytest.mark.parametrize("arguments", [[], ["--dry-run", "--json"]])
def test_no_token_in_any_output_log_or_file(hub, releases, tmp_path, arguments):
    """Of the command line, with the logs of the client turned up, when it does its work and when it fails."""
    shutil.copytree(releases, tmp_path / "data/releases/news")
    config = tmp_path / "news.yaml"
    sections = {"data": f"{tmp_path}/data", "read": {"paths": ["x"]}, "release": {"repo": REPO}}
    config.write_text(json.dumps({"name": "news", "version": "1.0.0", **sections}))
    environment = {"PATH": "/usr/bin:/bin", **hub.environment(tmp_path / "home"), "HF_DEBUG": "1"}
    for status in (200, 503, 401):
        hub.faults.clear()
        if status > 200:
            hub.fail("GET", "/auth-check", "refused", status, times=99, Retry_After="301")
        command = [sys.executable, "-m", "curate", "push", str(config), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert (done.returncode == 0) == (status == 200), done.stderr
        assert WRITER not in done.stdout + done.stderr
    assert len(hub.requests) > 3
    assert all(request.token == WRITER for request in hub.requests if request.path.startswith("/api/datasets"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and WRITER.encode() in path.read_bytes()]


def _nothing():
    from contextlib import nullcontext

    return nullcontext()


def _shards_of(mb: int):
    from curate.release.build import Config

    return Config(shard_mb=mb)


def _padded(count: int):
    import polars as pl

    return pl.Series([f"{n} " + " ".join(f"w{n * k % 9973}" for k in range(900)) for n in range(count)])


def _blob(data: bytes):
    from tests.hub.server import Blob

    return Blob(data, large=False)
