"""croissant.json: a release in the words of the Croissant format of MLCommons, which search engines and loaders read.

A file set for each split, all in the repository at this version's tag, and a record set with the fields. Written and
validated with mlcroissant, from the extra `curate[croissant]`.

Source: Croissant 1.0, https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

from curate.errors import ReleaseError
from curate.release.card import citation
from curate.release.manifest import Manifest
from curate.release.schema import FIELDS

NAME = "croissant.json"
_NO_DIGEST = "https://github.com/mlcommons/croissant/issues/80"
"""What the Hub writes for the digest of a repository, which the format asks for: each shard's is in manifest.json."""


def is_installed() -> bool:
    """Whether the extra is there."""
    return find_spec("mlcroissant") is not None


def text(release: Manifest, repo: str) -> str:
    """croissant.json. Raises ReleaseError where the format does not allow what the release says."""
    import mlcroissant

    made = mlcroissant.Metadata(
        name=release.name,
        description=release.card["summary"],
        license=[release.license],
        url=f"https://huggingface.co/datasets/{repo}",
        version=release.version,
        cite_as=citation(release, repo),
        distribution=_files(mlcroissant, release, repo),
        record_sets=[_records(mlcroissant, split) for split in release.splits],
    )
    if made.issues.errors:
        raise ReleaseError(f"{NAME}: {made.issues.report()}")
    return json.dumps(made.to_json(), ensure_ascii=False, indent=1) + "\n"


def _files(mlc: Any, release: Manifest, repo: str) -> list[Any]:
    data = "data/*" if release.configs else "data"
    tree = mlc.FileObject(
        id="repo",
        name="repo",
        content_url=f"https://huggingface.co/datasets/{repo}/tree/v{release.version}",
        encoding_formats=["git+https"],
        sha256=_NO_DIGEST,
    )
    sets = [
        mlc.FileSet(
            id=f"{split}-files",
            name=f"{split}-files",
            contained_in=["repo"],
            encoding_formats=["application/x-parquet"],
            includes=[f"{data}/{split}-*.parquet"],
        )
        for split in release.splits
    ]
    return [tree, *sets]


def _records(mlc: Any, split: str) -> Any:
    kinds = {"string": mlc.DataType.TEXT, "int64": mlc.DataType.INT64, "double": mlc.DataType.FLOAT64}
    fields = [
        mlc.Field(
            id=f"{split}/{name}",
            name=name,
            description=what,
            data_types=[kinds[str(dtype)]],
            source=mlc.Source(file_set=f"{split}-files", extract=mlc.Extract(column=name)),
        )
        for name, dtype, what in FIELDS
    ]
    return mlc.RecordSet(id=split, name=split, fields=fields)
