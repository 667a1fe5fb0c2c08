"""The order of documents, found in many small tasks, is that of a plain sort in memory, whatever the shards."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import sorting
from curate.neardup import arrays, ordering
from curate.stages import dedup
from curate.tasks import File, read
from tests.unit.test_dedup import Rounds

names = st.sampled_from(["a", "b", "ab", "a\x01", "é", "doc-1", "doc-10", "doc-2"])
rows = st.fixed_dictionaries(
    {
        "id": names,
        "published": st.sampled_from([None, "2024-01-01", "2024-01-01T10:00:00", "2023"]),
        "source": st.sampled_from([None, "x.jsonl", "x.jsonl.gz", "y"]),
        "record": st.integers(0, 20),
        "exact": st.integers(0, 5).map(lambda n: n * (2**64 - 1) // 5),
        "size": st.integers(0, 12),
    }
)
shards = st.lists(st.lists(rows, max_size=6), min_size=1, max_size=4)
SCHEMA = {
    "id": pl.String,
    "published": pl.String,
    "source": pl.String,
    "record": pl.Int64,
    "exact": pl.UInt64,
    "size": pl.Int64,
}


@given(shards, st.sampled_from(["longest", "earliest", "first"]), st.integers(0, 1), st.lists(names, max_size=4))
@settings(max_examples=25, deadline=None)
def test_order_is_that_of_a_plain_sort(
    corpus: list[list[dict[str, Any]]], keep: ordering.Keep, earlier: int, released: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for module, name, value in SMALL:
            patch.setattr(module, name, value)
        found = ranked(Path(folder), corpus, keep, earlier, released)
    expected = plain(corpus, keep, earlier, released)
    assert found == expected


SMALL = (
    (ordering, "RANGE_ROWS", 3),
    (ordering, "SAMPLE_ROWS", 1),
    (ordering, "_HASHES_AT_ONCE", 2),
    (ordering, "_WRITTEN_AT_ONCE", 2),
    (arrays, "_COMPARED_AT_ONCE", 2),
    (sorting, "BATCH_ROWS", 2),
)


def ranked(
    folder: Path, corpus: list[list[dict[str, Any]]], keep: ordering.Keep, earlier: int, released: list[str]
) -> list[tuple[Any, ...]]:
    """Rank, original, namesake and standing of each document, by the tasks of the stage."""
    documents = [file(folder, f"d{i}", pl.DataFrame(shard, SCHEMA)) for i, shard in enumerate(corpus)]
    sampled = [file(folder, f"s{i}", signatures(shard)) for i, shard in enumerate(corpus)]
    firm = [file(folder, "r", pl.DataFrame({"id": released}, {"id": pl.String}))]
    rounds = Rounds(folder)
    config = ordering.Ordering(
        documents=sum(map(len, corpus)), shards=len(corpus), partitions=1, audit=2, earlier=earlier, standing=(2,)
    )
    parts = dedup.preferred(documents, keep, rounds)
    [done] = rounds.run("order", ordering.order, [[*parts, *sampled, *firm]], config)
    ranks = pl.concat(read(done.files[f"ranks-{i:05d}"]) for i in range(len(corpus)))
    by_rank = pl.concat([read(done.files["sizes"]), read(done.files["sketches"])], how="horizontal")
    assert by_rank[ranks["rank"]].equals(pl.concat(signatures(shard) for shard in corpus))
    return ranks.select("rank", "original", "namesake", "standing").rows()


def signatures(shard: list[dict[str, Any]]) -> pl.DataFrame:
    """What dedup's round `keys` says of each document, here its size in all places."""
    sizes = pl.Series([row["size"] for row in shard], dtype=pl.UInt32)
    return pl.DataFrame({"keys": sizes, "rate": sizes / 12, "sketch": sizes.cast(pl.UInt64)})


def file(folder: Path, name: str, frame: pl.DataFrame) -> File:
    frame.write_parquet(folder / f"{name}.parquet")
    return File(str(folder / f"{name}.parquet"), name, frame.height)


def plain(
    corpus: list[list[dict[str, Any]]], keep: ordering.Keep, earlier: int, released: list[str]
) -> list[tuple[int, int, bool, int]]:
    """The same, as one would write it for a list."""
    documents = [{**row, "later": i >= earlier} for i, shard in enumerate(corpus) for row in shard]

    def preference(row: dict[str, Any]) -> tuple[Any, ...]:
        place = [(row["source"] is None, row["source"] or ""), row["record"]]
        first = {"longest": [-row["size"]], "earliest": [(row["published"] is None, row["published"] or "")]}
        ties = [*place, row["id"].encode()] if keep == "first" else [row["id"].encode(), row["exact"], *place]
        return (row["later"], row["id"] not in released, *first.get(keep, []), *ties)

    order = sorted(range(len(documents)), key=lambda i: preference(documents[i]))
    ids: dict[str, int] = {}
    texts: dict[int, int] = {}
    found: dict[int, tuple[int, int, bool, int]] = {}
    for rank, i in enumerate(order):
        row = documents[i]
        namesake = row["id"] in ids
        if not namesake:
            ids[row["id"]] = texts.setdefault(row["exact"], rank) if row["size"] else rank
        found[i] = rank, ids[row["id"]], namesake, 2 * (row["id"] in released)
    return [found[i] for i in range(len(documents))]
