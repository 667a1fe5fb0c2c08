"""`curate.load`: a release through `datasets.load_dataset`, which then is what its manifest says it is.

`datasets` alone ignores `revision=` on a local path, reads a shard that was altered as long as it is Parquet, and where
the Hub does not answer hands out whatever version its cache holds under the name that was asked for. Here the revision
is resolved to a commit first, and the shards of that commit are checked against its manifest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import ReleaseError, UsageError
from curate.release import manifest
from curate.release.manifest import Manifest
from curate.tasks import File

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict

Shards = Sequence[tuple[str, File]]


def load(
    name_or_path: str | Path,
    version: str | None = None,
    split: str | None = None,
    streaming: bool = False,
    config: str = "default",
) -> DatasetDict | Dataset | IterableDatasetDict | IterableDataset:
    """A release as `datasets.load_dataset` gives it, checked against its manifest.

    `name_or_path` is the folder of a release, that of all releases of a dataset, or `org/name` on the Hub. `version`
    such as "v1.2.0" picks one of them (on the Hub also a branch or a commit), without it the last. `split` is one
    split; without it all of them come. `config` is one of those that `release.configs` made, such as a language.

    Raises ReleaseError where the release is damaged or is another one, HubError where the Hub refuses or cannot be
    reached and the cache does not hold just this version, UsageError where there is no such release or split.

    >>> news = load("data/releases/news", "0.1.0")
    >>> sorted(news)
    ['test', 'train', 'validation']
    """
    made, shards = find(name_or_path, version)
    if config != "default":
        shards = [shard for shard in shards if manifest.subset_of(shard[1].url) == config]
    splits = list(dict.fromkeys(name for name, _ in shards))
    if not splits:
        known = ", ".join(["default", *made.counts.get("configs", {})])
        raise UsageError(f"{name_or_path} has no config {config!r}; it has {known}")
    if split is not None and split not in splits:
        raise UsageError(f"{name_or_path} has no split {split!r}; it has {', '.join(splits)}")
    wanted: Shards = [shard for shard in shards if split in (None, shard[0])]
    if _is_remote(wanted):
        from curate.release import hub

        wanted = hub.checked(wanted) if streaming else hub.fetched(wanted)
    if streaming:
        return _streamed(wanted, made, split)
    manifest.check_shards(wanted)
    return _loaded(wanted, split)


def find(name_or_path: str | Path, version: str | None = None) -> tuple[Manifest, Shards]:
    """The manifest of a release, and its shards with their splits, on disk or on the Hub."""
    path = Path(name_or_path)
    if not path.is_dir() and re.fullmatch(r"[\w.-]+/[\w.-]+", str(name_or_path)):
        return _on_hub(str(name_or_path), version)
    folder, made = _on_disk(path, version)
    return made, manifest.shards(folder, made.files)


def _on_hub(repo: str, version: str | None) -> tuple[Manifest, Shards]:
    from curate.release import hub

    number = (version or "").removeprefix("v")
    is_number = manifest.parse_version(number) is not None
    made, commit = hub.released(repo, f"v{number}" if is_number else version)
    if is_number and made.version != number:
        raise ReleaseError(f"{repo}: what is tagged v{number} says of itself that it is v{made.version}")
    return made, hub.shards(repo, commit, made)


def _on_disk(path: Path, version: str | None) -> tuple[Path, Manifest]:
    """The folder of the release that is asked for, and its manifest."""
    asked = version.removeprefix("v") if version else None
    if (path / manifest.NAME).is_file():
        made = manifest.read(path)
        if asked not in (None, made.version):
            raise UsageError(f"{path} is v{made.version}, not v{asked}")
        return path, made
    there = manifest.versions(path)
    if not there:
        raise UsageError(f"{path}: no release, no folder of releases, and no `org/name` on the Hub")
    folder = path / f"v{asked}" if asked else list(there.values())[-1]
    if folder not in there.values():
        raise UsageError(f"{path} has no {folder.name}; it has {', '.join(found.name for found in there.values())}")
    return folder, manifest.read(folder)


def _is_remote(shards: Shards) -> bool:
    return any("://" in file.url for _, file in shards)


def _streamed(shards: Shards, made: Manifest, split: str | None) -> Any:
    from datasets import IterableDatasetDict

    from curate.release.stream import stream

    streams = {
        name: stream([file for of, file in shards if of == name], made.schema, name)
        for name in dict.fromkeys(of for of, _ in shards)
    }
    return streams[split] if split else IterableDatasetDict(streams)


def _loaded(shards: Shards, split: str | None) -> Any:
    from datasets import load_dataset

    files: dict[str, list[str]] = {}
    for name, file in shards:
        files.setdefault(name, []).append(file.url)
    loaded: Any = load_dataset("parquet", data_files=files, split=split)
    for name, dataset in ({split: loaded} if split else loaded).items():
        _check_count(dataset.num_rows, [file for of, file in shards if of == name], name)
    return loaded


def _check_count(rows: int, files: Sequence[File], split: str) -> None:
    expected = sum(file.rows for file in files)
    if rows != expected:
        raise ReleaseError(
            f"{split} came with {rows} documents, not {expected}: the cache of `datasets` holds something else for "
            f"{files[0].url}; remove it and load again"
        )
