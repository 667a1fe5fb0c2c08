"""What a push would upload with Xet, which leaves out chunks that the Hub has: told by chunking here, without the Hub.

Xet's own client chunks into a store on disk in the Hub's place: first the shards of the releases beside this one that
the Hub holds, then the new ones. The Hub may know more, of other repositories, or find less, since it is not asked for
every chunk: about so many.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable
from importlib.util import find_spec
from pathlib import Path

from huggingface_hub import constants

from curate.release import manifest


def is_used() -> bool:
    """Whether the client uploads with Xet."""
    return find_spec("hf_xet") is not None and not constants.HF_HUB_DISABLE_XET


def new_bytes(folder: Path, uploads: Iterable[str], there: Collection[str]) -> int:
    """Of the files of the release in `folder` that would go up: small ones whole, of shards the chunks that are new.

    `there` are the digests of what the Hub holds. The store takes as much disk as the shards, while this runs.
    """
    paths = [folder / path for path in uploads]
    new = [path for path in paths if path.suffix == ".parquet"]
    with tempfile.TemporaryDirectory(prefix="curate-xet-") as store:
        _upload(_shards_beside(folder, there), store)
        return _upload(new, store) + sum(path.stat().st_size for path in paths if path not in new)


def _shards_beside(folder: Path, there: Collection[str]) -> Iterable[Path]:
    """The shards of the releases beside this one that the Hub holds, each content once."""
    found = {}
    for release in manifest.versions(folder.parent).values():
        for _, file in manifest.shards(release, manifest.read(release).files):
            if file.sha256 in there and Path(file.url).is_file():
                found[file.sha256] = Path(file.url)
    return found.values()


def _upload(paths: Iterable[Path], store: str) -> int:
    """Bytes of the chunks that the store did not have."""
    import hf_xet

    commit = hf_xet.XetSession().new_upload_commit(endpoint=f"local://{store}")
    for path in paths:
        commit.start_upload_file(str(path))
    return int(commit.wait_to_finish().dedup_metrics.new_bytes)
