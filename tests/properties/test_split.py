from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.split import Config, prepare
from curate.tasks import read
from tests.support.releases import LocalRounds, documents, shard

IDS = st.text(alphabet="ab", max_size=3)
SHARDS = st.lists(st.lists(st.tuples(IDS, st.sampled_from("pq")), max_size=6), min_size=1, max_size=4)


@given(SHARDS)
@settings(deadline=None, max_examples=30)
def test_exactly_one_document_of_an_id_is_left(shards):
    """Against the obvious way: walk all documents by source, record and place, and keep an id once."""
    frames = [
        documents(len(rows)).with_columns(
            id=pl.Series([name for name, _ in rows], dtype=pl.String),
            source=pl.Series([source for _, source in rows], dtype=pl.String),
        )
        for rows in shards
    ]
    seen: set[str] = set()
    expected = [[False] * frame.height for frame in frames]
    for _, _, i, j, name in sorted(
        (source, record, i, j, name)
        for i, frame in enumerate(frames)
        for j, (name, source, record) in enumerate(frame.select("id", "source", "record").iter_rows())
    ):
        expected[i][j] = name in seen
        seen.add(name)
    assert repeated(frames) == expected


def repeated(frames: list[pl.DataFrame]) -> list[list[bool]]:
    with tempfile.TemporaryDirectory() as folder:
        files = [shard(Path(folder), frame, f"s{i}") for i, frame in enumerate(frames)]
        verdicts = prepare(files, Config(), LocalRounds(Path(folder)))
        return [read(verdict)["first"].is_not_null().to_list() for verdict in verdicts]
