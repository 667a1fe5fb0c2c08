"""`curate.load`: a release through `datasets.load_dataset`, which then is what its manifest says it is.

`datasets` alone takes `revision=` on a local path and ignores it, and reads a shard that was altered as long as it is
Parquet.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import ReleaseError, UsageError
from curate.release import manifest
from curate.release.manifest import Manifest

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict


def load(
    name_or_path: str | Path, version: str | None = None, split: str | None = None, streaming: bool = False
) -> DatasetDict | Dataset | IterableDatasetDict | IterableDataset:
    """A release as `datasets.load_dataset` gives it, checked against its manifest.

    `name_or_path` is the folder of a release, or of all releases of a dataset; `version` such as "v1.2.0" picks one of
    them, without it the last. `split` is one split; without it all of them come.

    Raises ReleaseError where the release is damaged, UsageError where there is no such release, version or split.
    """
    folder, made = _find(Path(name_or_path), version)
    if split is not None and split not in made.splits:
        raise UsageError(f"{folder} has no split {split!r}; it has {', '.join(made.splits)}")
    manifest.verify(folder)
    from datasets import load_dataset

    loaded: Any = load_dataset(str(folder), split=split, streaming=streaming)
    if not streaming:
        _check_counts({split: loaded} if split else loaded, made, folder)
    return loaded


def _find(path: Path, version: str | None) -> tuple[Path, Manifest]:
    """The folder of the release that is asked for, and its manifest."""
    asked = version.removeprefix("v") if version else None
    if (path / manifest.NAME).is_file():
        made = manifest.read(path)
        if asked not in (None, made.version):
            raise UsageError(f"{path} is v{made.version}, not v{asked}")
        return path, made
    there = manifest.versions(path)
    if not there:
        raise UsageError(f"{path}: no release, and no folder of releases")
    folder = path / f"v{asked}" if asked else list(there.values())[-1]
    if folder not in there.values():
        raise UsageError(f"{path} has no {folder.name}; it has {', '.join(found.name for found in there.values())}")
    return folder, manifest.read(folder)


def _check_counts(loaded: Any, made: Manifest, folder: Path) -> None:
    for split, dataset in loaded.items():
        if dataset.num_rows != made.splits[split]:
            raise ReleaseError(
                f"{folder}: {split} came with {dataset.num_rows} documents, not {made.splits[split]}: "
                "the cache of `datasets` holds another version; remove it and load again"
            )
