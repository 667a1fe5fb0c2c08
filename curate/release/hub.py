"""`curate push`: a release on the Hub is one commit and one tag, or nothing.

Everything is decided from what the Hub holds, and nothing is remembered here: a push that was interrupted anywhere is
run again and goes on from there. A tag is made last, on a commit whose manifest is this release's; a tag that exists
never moves. Bytes move only after token, rights, card and files were found good.

Of the client's calls only uploads are retried by the client itself, so the whole push is: it is safe to repeat, also
where a request was done and its answer lost.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import fsspec
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    RepoCard,
    constants,
    snapshot_download,
)
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

from curate.errors import HubError, ReleaseError, StorageError
from curate.release import diff, faults, manifest, versions, xet
from curate.release.faults import FAULTS, explain
from curate.release.manifest import Manifest
from curate.tasks import File

BRANCH = "main"
SHARDS = "data/"
FOLDERS = (SHARDS, "plots/")
"""What a release has on the Hub for itself: files there that it does not have are deleted."""
TRIES = 5
"""Times that a push is begun before a fault that may pass is given up on."""
ROOM = 64 << 20
"""Bytes that must be free where the client keeps its files. Shards are read where they are."""
PIECE = 1 << 20
"""Bytes of a shard that are read at once."""
_SCHEME = "hf://datasets/"


@dataclass(frozen=True)
class Pushed:
    """What a push did, or would do."""

    repo: str
    tag: str
    state: Literal["published", "unchanged", "planned"]
    commit: str | None  # the tagged commit
    uploads: tuple[str, ...]  # files whose content the Hub did not have at the last commit
    deletes: tuple[str, ...]  # files of the last release that this one does not have
    bytes: int  # of the uploads
    xet_bytes: int | None = None  # of a dry run, where the client has Xet: what of them is new chunks, about


def push(folder: Path, repo: str, *, private: bool = True, dry_run: bool = False, token: str | None = None) -> Pushed:
    """Publish the release in `folder` as a commit and a tag of the dataset repository `repo`.

    A repository that is not there is made, private unless told otherwise. Run again, it ends in the same state. With
    `dry_run` nothing is changed.

    Raises ReleaseError where the release is damaged or its tag exists with other content, HubError where the Hub
    refuses or cannot be reached, StorageError where this machine's disk is full.
    """
    if repo.count("/") != 1:
        raise HubError(explain(HFValidationError(), repo))
    made = manifest.verify(folder)
    api = HfApi(token=token)
    for attempt in range(1, TRIES + 1):
        try:
            return _push(api, folder, made, repo, private, dry_run)
        except FAULTS as error:
            pause = faults.wait(error, attempt)
            if pause is None or attempt == TRIES:
                raise HubError(explain(error, repo, to="write")) from error
            time.sleep(pause)
    raise AssertionError


def released(repo: str, revision: str | None = None, token: str | None = None) -> tuple[Manifest, str]:
    """The manifest of a release on the Hub, and its commit. Without `revision`, of the last one.

    Offline, or where the Hub cannot be reached, of what is in the cache under just this revision.

    Raises HubError where there is none, ReleaseError where the manifest cannot be read.
    """
    api = HfApi(token=token)
    try:
        commit = api.resolve_revision(repo, repo_type="dataset", revision=revision).resolved
        return _manifest_at(api, repo, commit), commit
    except FAULTS as error:
        raise HubError(explain(error, repo, revision)) from error


def shards(repo: str, commit: str, made: Manifest) -> list[tuple[str, File]]:
    """The shards of a release on the Hub with their splits; they are read where they are."""
    return manifest.shards(f"{_SCHEME}{repo}@{commit}", made.files)


def fetched(shards: Sequence[tuple[str, File]]) -> list[tuple[str, File]]:
    """The same shards in the cache, where they are brought if they are not there. Their content is not checked."""
    repo, commit = _place(shards[0][1])
    paths = [_path(file) for _, file in shards]
    try:
        folder = snapshot_download(repo, repo_type="dataset", revision=commit, allow_patterns=paths)
    except FAULTS as error:
        raise HubError(explain(error, repo, commit)) from error
    return [(split, replace(file, url=f"{folder}/{path}")) for (split, file), path in zip(shards, paths, strict=True)]


def checked(shards: Sequence[tuple[str, File]]) -> Sequence[tuple[str, File]]:
    """The same shards, once the Hub has said that what it holds is what the manifest says. Raises ReleaseError."""
    repo, commit = _place(shards[0][1])
    try:
        told = HfApi().get_paths_info(repo, [_path(file) for _, file in shards], revision=commit, repo_type="dataset")
    except FAULTS as error:
        raise HubError(explain(error, repo, commit)) from error
    digests = {one.path: one.lfs.sha256 for one in told if isinstance(one, RepoFile) and one.lfs}
    for _, file in shards:
        if digests.get(_path(file)) != file.sha256:
            raise ReleaseError(f"{repo}@{commit[:8]}: {_path(file)} is missing or is not what the manifest says")
    return shards


def arriving(shard: File) -> Iterator[bytes]:
    """A shard on the Hub, piece by piece. Raises HubError."""
    repo, commit = _place(shard)
    try:
        with fsspec.open(shard.url, "rb", block_size=0) as stream:
            while piece := stream.read(PIECE):
                yield piece
    except FAULTS as error:
        raise HubError(explain(error, repo, commit)) from error


def _push(api: HfApi, folder: Path, made: Manifest, repo: str, private: bool, dry_run: bool) -> Pushed:
    tag = f"v{made.version}"
    if not _preflight(api, folder, repo):
        if dry_run:
            return _planned(repo, tag, _plan({}, folder, made), folder, {})
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
    tags = {ref.name: ref.target_commit for ref in api.list_repo_refs(repo, repo_type="dataset").tags}
    if tag in tags:
        _refuse_other(api, repo, tags[tag], folder, made)
        return Pushed(repo, tag, "unchanged", tags[tag], (), (), 0)
    _refuse_unknown_past(api, repo, tags, folder, made)
    commit = _own_commit(api, repo, folder, tag)
    head = str(api.repo_info(repo, repo_type="dataset", revision=BRANCH).sha)
    tree = {} if commit else _tree(api, repo, head)
    plan = _Plan() if commit else _plan(tree, folder, made)
    if dry_run:
        return _planned(repo, tag, plan, folder, tree)
    commit = commit or _commit(api, repo, head, folder, made, plan)
    api.create_tag(repo, tag=tag, tag_message=_content(made), revision=commit, repo_type="dataset")
    return Pushed(repo, tag, "published", commit, plan.uploads, plan.deletes, plan.bytes)


@dataclass(frozen=True)
class _Plan:
    """From the tree of the last commit to that of a release."""

    adds: tuple[str, ...] = ()  # paths that are new or hold something else
    uploads: tuple[str, ...] = ()  # those whose content the tree has under no name
    deletes: tuple[str, ...] = ()
    bytes: int = 0


def _planned(repo: str, tag: str, plan: _Plan, folder: Path, tree: Mapping[str, str]) -> Pushed:
    told = xet.new_bytes(folder, plan.uploads, set(tree.values())) if xet.is_used() else None
    return Pushed(repo, tag, "planned", None, plan.uploads, plan.deletes, plan.bytes, told)


def _preflight(api: HfApi, folder: Path, repo: str) -> bool:
    """Whether the repository is there. Raises what `explain` explains where a push could not succeed."""
    who = api.whoami()
    _refuse_full_disk(Path(constants.HF_HOME))
    try:
        RepoCard((folder / "README.md").read_text(encoding="utf-8")).validate(repo_type="dataset")
    except ValueError as error:
        raise HubError(f"{folder / 'README.md'}: the Hub does not take this card: {error}") from None
    try:
        api.auth_check(repo, repo_type="dataset", write=True)
    except GatedRepoError:
        raise
    except RepositoryNotFoundError:
        spaces = [who["name"], *(org["name"] for org in who.get("orgs", []))]
        if repo.split("/")[0] not in spaces:
            raise HubError(
                f"{repo} does not exist, or this token cannot see it; it can make repositories of {', '.join(spaces)}"
            ) from None
        return False
    return True


def _refuse_full_disk(folder: Path) -> None:
    """Raise StorageError where the client has no room for what it keeps: manifests, and Xet's list of chunks."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < ROOM:
        raise StorageError(f"{folder}: {free:,} bytes are free there, and a push needs {ROOM:,}; or set HF_HOME")


def _refuse_other(api: HfApi, repo: str, commit: str, folder: Path, made: Manifest) -> None:
    """Raise ReleaseError, which names the version to take, where a tagged commit holds another release."""
    there = _manifest_at(api, repo, commit)
    if there.content_sha256 == made.content_sha256:
        return
    changes = diff.compare(shards(repo, commit, there), manifest.shards(folder, made.files))
    bump = versions.needed(there, made.decided, changes)
    raise ReleaseError(
        f"{repo} has a v{made.version} with other content, and a tag never moves. {bump}. "
        f"Set `version` to {bump.after(made.version)}"
    )


def _refuse_unknown_past(api: HfApi, repo: str, tags: Mapping[str, str], folder: Path, made: Manifest) -> None:
    """Raise ReleaseError where this release was not built after the last one on the Hub.

    It would not know which split that one's documents stand in, nor what was removed on request.
    """
    version = manifest.parse_version(made.version) or (0, 0, 0)
    there = {
        parsed: tag for tag in tags if (parsed := manifest.parse_version(tag.removeprefix("v"))) and parsed < version
    }
    if not there:
        return
    tag = there[max(there)]
    try:
        last = _manifest_at(api, repo, tags[tag])
    except RemoteEntryNotFoundError:
        return  # no release of curate
    here = folder.parent / tag
    if versions.names(folder, last.version) and (
        not here.is_dir() or manifest.read(here).content_sha256 == last.content_sha256
    ):
        return
    raise ReleaseError(
        f"{folder} was not built after {tag}, the last release of {repo}: documents may have moved to another split, "
        f"or come back that were removed. Remove {folder}, fetch the last release, and run again:\n"
        f"hf download {repo} --repo-type dataset --revision {tag} --local-dir {here}"
    )


def _own_commit(api: HfApi, repo: str, folder: Path, tag: str) -> str | None:
    """The commit that an interrupted push of this release left without its tag."""
    ours = manifest.read(folder)
    for commit in api.list_repo_commits(repo, repo_type="dataset", revision=BRANCH):
        if commit.title == _title(tag) and _manifest_at(api, repo, commit.commit_id) == ours:
            return commit.commit_id
    return None


def _tree(api: HfApi, repo: str, commit: str) -> dict[str, str]:
    """The digest of every file of a commit: sha256 of large files, git's of small ones."""
    files = api.list_repo_tree(repo, repo_type="dataset", revision=commit, recursive=True)
    return {file.path: file.lfs.sha256 if file.lfs else file.blob_id for file in files if isinstance(file, RepoFile)}


def _plan(tree: Mapping[str, str], folder: Path, made: Manifest) -> _Plan:
    paths = {file["path"]: {file["sha256"]} for file in made.files} | {manifest.NAME: set()}
    for path, digests in paths.items():
        if not path.startswith(SHARDS):
            digests.add(_git_digest(folder / path))
    there = set(tree.values())
    adds = tuple(path for path, digests in paths.items() if tree.get(path) not in digests)
    uploads = tuple(path for path in adds if not paths[path] & there)
    deletes = tuple(path for path in tree if path.startswith(FOLDERS) and path not in paths)
    return _Plan(adds, uploads, deletes, sum((folder / path).stat().st_size for path in uploads))


def _commit(api: HfApi, repo: str, head: str, folder: Path, made: Manifest, plan: _Plan) -> str:
    """Upload what is new, shard by shard, then make the one commit."""
    adds = [CommitOperationAdd(path, folder / path) for path in plan.adds]
    for add in adds:
        if add.path_in_repo.startswith(SHARDS):
            api.preupload_lfs_files(repo, [add], repo_type="dataset", revision=BRANCH, free_memory=False)
    done = api.create_commit(
        repo,
        [*adds, *(CommitOperationDelete(path) for path in plan.deletes)],
        commit_message=_title(f"v{made.version}"),
        commit_description=_content(made),
        repo_type="dataset",
        revision=BRANCH,
        parent_commit=head,
    )
    return done.oid


def _place(file: File) -> tuple[str, str]:
    """Repository and commit of a shard on the Hub."""
    repo, _, rest = file.url.removeprefix(_SCHEME).partition("@")
    return repo, rest.split("/", 1)[0]


def _path(file: File) -> str:
    """Where a shard stands in its repository."""
    return file.url.partition("@")[2].split("/", 1)[1]


def _manifest_at(api: HfApi, repo: str, commit: str) -> Manifest:
    path = api.hf_hub_download(repo, manifest.NAME, repo_type="dataset", revision=commit)
    return manifest.parse(Path(path).read_bytes(), f"{repo}@{commit[:8]}")


def _title(tag: str) -> str:
    return f"Release {tag}"


def _content(made: Manifest) -> str:
    return f"content {made.content_sha256}"


def _git_digest(path: Path) -> str:
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
