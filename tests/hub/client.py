"""What runs in the process of a client: huggingface_hub reads its environment once, when it is imported."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

Call = Callable[..., Any]


@contextmanager
def client(environment: dict[str, str]) -> Iterator[Call]:
    """A process with this environment that runs functions: `call(function, *args)`."""
    context = multiprocessing.get_context("spawn")
    with patch.dict(os.environ, environment), ProcessPoolExecutor(1, context, initializer=_hurry) as pool:
        pool.submit(slept).result()
        yield lambda function, *args, **kwargs: pool.submit(function, *args, **kwargs).result()


def push(folder: Path, repo: str, **options: Any) -> Any:
    from curate.release import hub

    return hub.push(folder, repo, **options)


def load(repo: str, version: str | None = None, **options: Any) -> dict[str, list[str]]:
    """What `curate.load` gives: ids by split."""
    import curate

    return _ids(curate.load(repo, version, **options))


def load_plainly(repo: str, revision: str | None = None, **options: Any) -> dict[str, list[str]]:
    """What `datasets.load_dataset` gives: ids by split."""
    from datasets import load_dataset

    return _ids(load_dataset(repo, revision=revision, **options))


def compare(old: str, new: str) -> dict[str, int]:
    from curate.release.difference import difference

    return dict(difference(old, new).changes.counts)


def go_offline(offline: bool) -> None:
    """As HF_HUB_OFFLINE=1 does it from the start."""
    import datasets.config
    import huggingface_hub.constants

    datasets.config.HF_HUB_OFFLINE = huggingface_hub.constants.HF_HUB_OFFLINE = offline


def use_token(token: str | None) -> None:
    os.environ.pop("HF_TOKEN", None)
    if token:
        os.environ["HF_TOKEN"] = token


def fill_disk() -> None:
    """From now on the disk has 1,000 bytes left."""
    full = shutil.disk_usage(".")._replace(free=1000)
    shutil.disk_usage = lambda _: full  # type: ignore[assignment]


def spoil_cache(digest: str) -> int:
    """Alter the cached files with this content; returns how many there are."""
    from huggingface_hub.constants import HF_HUB_CACHE

    spoiled = 0
    for path in Path(HF_HUB_CACHE).rglob("blobs/*"):
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() == digest:
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
            spoiled += 1
    return spoiled


def slept() -> list[float]:
    """The pauses since the last call."""
    pauses = list(_PAUSES)
    _PAUSES.clear()
    return pauses


_PAUSES: list[float] = []


def _hurry() -> None:
    time.sleep = _PAUSES.append  # type: ignore[assignment]


def _ids(loaded: Any) -> dict[str, list[str]]:
    return {split: [document["id"] for document in dataset] for split, dataset in loaded.items()}


def evaluation_records(folder: str, **given: str) -> list[str]:
    """The records of an evaluation set, as the stage decontaminate reads them."""
    import polars as pl

    from curate.build import Build
    from curate.contamination.sets import Evaluation
    from curate.engines.local import LocalEngine
    from curate.stages import decontaminate

    with Build(folder, LocalEngine(1)) as build:
        files = decontaminate.read_set(Evaluation(**given), build.rounds("decontaminate", 1))
        return [page.decode() for file in files for page in pl.read_parquet(file.url)["page"]]


def released_ids(config: str) -> list[str]:
    """The ids that a run of this config releases."""
    import polars as pl

    import curate

    release = curate.run(config, workers=1)
    return sorted(pl.concat(map(pl.read_parquet, release.path.glob("data/*.parquet")))["id"])
