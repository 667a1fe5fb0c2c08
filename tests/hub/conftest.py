from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.client import Call, client
from tests.hub.server import Hub
from tests.support.releases import documents, release, shard, split_up


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture
def call(hub, tmp_path) -> Iterator[Call]:
    """A client with a fresh cache and the right to write."""
    with client(hub.environment(tmp_path / "home")) as process:
        yield process


@pytest.fixture(scope="session")
def releases(tmp_path_factory) -> Path:
    """v1.0.0, v1.1.0 with 40 documents more, v1.1.1 with 5 fewer; several shards each."""
    folder = tmp_path_factory.mktemp("releases")
    long = split_up(documents(440)).with_columns(text=_long_texts(440))
    for version, frame in (("1.0.0", long[:400]), ("1.1.0", long), ("1.1.1", long[5:])):
        release(folder, [shard(folder, frame, version)], version)
    return folder / "news"


def _long_texts(count: int):
    import numpy as np
    import polars as pl

    words = np.random.default_rng(7).integers(0, 9999, (count, 300))
    return pl.Series([" ".join(f"word{n}" for n in row) for row in words])
