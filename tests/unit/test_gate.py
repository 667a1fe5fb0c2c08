"""The release gate on finished shards alone: what it counts, what it finds, and how it says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curate import tasks
from curate.errors import ReleaseError
from curate.release import gate
from curate.release.content import content_sha256, content_sum
from curate.release.diff import Changes
from curate.release.schema import released
from curate.stages.split import Config
from curate.tasks import File, read
from tests.support.releases import LocalRounds, documents, shard

Shards = list[tuple[str, File]]
SPLITS = ("train", "validation", "test")


def finished(folder: Path, frame: pl.DataFrame, subsets: Sequence[str] = ("data",)) -> Shards:
    """The shards of a release of documents with `split`: of each split one in each of the folders."""
    parts = [
        (split, subset, released(frame.filter(split=split)[number :: len(subsets)]))
        for split in SPLITS
        for number, subset in enumerate(subsets)
    ]
    return [(split, shard(folder, part, subset)) for split, subset, part in parts if part.height]


def split_in(count: int, **columns: Any) -> pl.DataFrame:
    """Documents of which each tenth is validation, and each tenth test."""
    places = [{0: "test", 1: "validation"}.get(n % 10, "train") for n in range(count)]
    return documents(count, **{"split": places, **columns})


def verify(folder: Path, shards: Shards, by: str = "cluster", **asked: Any) -> gate.Contents:
    return gate.verify(shards, Config(**{"validation": 0.1, "test": 0.1, **asked}), LocalRounds(folder / "build"), by)


def test_everything_is_counted_on_the_finished_shards(tmp_path, monkeypatch):
    """Against the obvious way, on shards of several batches."""
    monkeypatch.setattr(tasks, "SHORT_ROWS", 0)
    frame = split_in(
        1500,
        tokens=[n % 4 or None for n in range(1500)],
        text=[f"story {n}" + " word" * (n % 60) for n in range(1500)],
        site=[None if n % 3 == 0 else f"site{n % 3}.example" for n in range(1500)],
    ).with_columns(pl.when(split="test").then(None).otherwise("tokens").alias("tokens"))
    shards = finished(tmp_path, frame, ("data", "en", "no"))
    found = verify(tmp_path, shards)
    rows = pl.concat(read(file).with_columns(split=pl.lit(split)) for split, file in shards)
    assert rows.height == 1500 and max(file.rows for _, file in shards) <= 500
    one_shard = finished(tmp_path / "whole", frame)
    assert max(file.rows for _, file in one_shard) == 1200
    whole = verify(tmp_path / "whole", one_shard)
    for contents, parts in ((found, shards), (whole, one_shard)):
        assert contents.splits == {split: totals(rows.filter(split=split), parts, split) for split in SPLITS}
        assert contents.content_sha256 == content_sha256([content_sum(rows)])
        shown = rows.select("id", "split", "title", pl.col("text").str.head(200), "text_hash").sort("text_hash")[:3]
        assert contents.samples == shown.drop("text_hash").to_dicts()
        counts = contents.counts
        assert counts["splits"] == contents.splits
        assert list(counts["languages"].items()) == frequent(rows["language"])
        assert list(counts["sites"].items()) == frequent(rows["site"])
        assert list(counts["sources"].items()) == frequent(rows["source"])
        assert list(counts["years"].items()) == frequent(rows["published"].str.head(4))
        lengths = pl.Series([str(len(text).bit_length()) for text in rows["text"]])
        assert list(counts["lengths"].items()) == frequent(lengths)
        assert contents.checks == [
            {"check": "no id twice, within a split or across", "checked": 1500, "broken": 0},
            {"check": "no cluster in two splits", "checked": 1500, "broken": 0},
            {"check": "text_hash is the hash of text", "checked": 1500, "broken": 0},
        ]
        assert contents.notes == []
    configs = found.counts["configs"]
    assert list(configs) == ["en", "no"] and whole.counts["configs"] == {}
    for name in configs:
        of = [(split, file) for split, file in shards if f"/{name}/" in file.url]
        parts = {split: read(file) for split, file in of}
        assert configs[name] == {split: totals(rows, of, split) for split, rows in parts.items()}


def totals(rows: pl.DataFrame, shards: Shards, split: str) -> dict[str, int]:
    """What a manifest says of documents in a split."""
    size = sum(
        batch.to_arrow(compat_level=pl.CompatLevel.oldest()).nbytes
        for of, file in shards
        if of == split
        for batch in read(file).iter_slices(500)
    )
    counted = {
        "bytes": size,
        "characters": sum(map(len, rows["text"])),
        "documents": rows.height,
        "tokens": rows["tokens"].sum(),
        "words": sum(len(text.split()) for text in rows["text"]),
    }
    return {name: count for name, count in counted.items() if count}


def frequent(values: pl.Series) -> list[tuple[str, int]]:
    return sorted(Counter(values.drop_nulls()).items(), key=lambda item: (-item[1], item[0]))


@pytest.mark.parametrize("bucket", [1_000_000, 7])
@pytest.mark.parametrize(
    ("column", "named", "said"),
    [
        ("id", 1, "no id twice, within a split or across: 1 id broke this, such as 00"),
        ("id", 5, "no id twice, within a split or across: 5 ids broke this, such as 00, 01, 02"),
        ("cluster", 5, "no cluster in two splits: 5 clusters broke this, such as 00, 01, 02"),
        ("site", 5, "no site in two splits: 5 sites broke this, such as 00, 01, 02"),
        ("month", 1, "no month in two splits: 1 month broke this, such as 2024-01"),
    ],
)
def test_what_stands_where_it_must_not(tmp_path, monkeypatch, bucket, column, named, said):
    """Of 50 ids, clusters, sites or months the first ones stand in test, and in train too."""
    monkeypatch.setattr(gate, "BUCKET_ROWS", bucket)
    keys = [f"{n:02}" for n in (*range(50), *range(named))]
    split = ["test"] * 5 + ["train"] * 45 + ["train"] * named
    months = [f"{2024 + n // 12}-{n % 12 + 1:02}-09" for n in (*range(50), *range(named))]
    own = {"cluster": [f"c{n}" for n in range(50 + named)]} if column == "id" else {}
    frame = documents(50 + named, split=split, **({} if column == "month" else {column: keys}), **own, published=months)
    shards = finished(tmp_path, frame)
    by = column if column in ("site", "month") else "cluster"
    with pytest.raises(ReleaseError) as refused:
        verify(tmp_path, shards, by, validation=0)
    found = str(refused.value).removeprefix("refused: ")
    if bucket == 7 and named > 3:  # named bucket by bucket
        said, names = said.rsplit(" ", 3)[0], found.rsplit("such as ", 1)[1].split(", ")
        assert len(set(names)) == 3 and set(names) <= set(keys[:5])
        found = found.removesuffix(f" {', '.join(names)}")
    assert found == said
    passed = verify(tmp_path / "ok", finished(tmp_path / "ok", frame[:50]), by, validation=0)
    assert passed.checks[-2]["checked"] == 50
    scattered = list((tmp_path / f"ok/build/compare-{by}").glob("*.json"))
    assert len(scattered) == -(-50 // bucket), "a task for each bucket"
    assert [check["check"] for check in passed.checks[:-1]] == [
        "no id twice, within a split or across",
        "no cluster in two splits",
        *([f"no {by} in two splits"] if by != "cluster" else []),
    ]


def test_an_id_twice_within_a_split(tmp_path):
    ids = [f"{n:02}" for n in range(49)]
    shards = finished(tmp_path, split_in(50, id=[*ids, ids[7]]))
    assert [split for split, file in shards if ids[7] in read(file)["id"].to_list()] == ["train"]
    with pytest.raises(ReleaseError, match="no id twice, within a split or across: 1 id broke this, such as 07"):
        verify(tmp_path, shards)


def test_a_hash_that_is_not_that_of_its_text(tmp_path):
    frame = released(documents(3)).with_columns(text=pl.Series(["a", "b", "c"]))
    file = shard(tmp_path, frame)
    with pytest.raises(ReleaseError) as refused:
        verify(tmp_path, [("train", file)])
    assert str(refused.value) == f"{file.url}: a text and its text_hash differ"


def test_of_documents_that_moved_some_are_named():
    changes = Changes(Counter(moved=5), samples={"moved": [{"id": f"d{n}"} for n in range(5)]})
    changes.moves.update({"test -> train": 4, "train -> test": 1})
    with pytest.raises(ReleaseError) as refused:
        gate.refuse_moves(changes, "1.2.0")
    ways = "4 test -> train, 1 train -> test"
    assert str(refused.value) == f"refused: 5 documents moved since v1.2.0 ({ways}), such as d0, d1, d2"
    gate.refuse_moves(Changes(Counter(added=5)), "1.2.0")


@pytest.mark.parametrize(
    ("rule", "there", "said"),
    [
        ({"validation": 0.4}, "train test", None),
        ({"validation": 0.5}, "train test", "raise split.validation, change split.salt, or set split.validation to 0"),
        ({"test": 0.4}, "train validation", None),
        ({"test": 0.5}, "train validation", "raise split.test, change split.salt, or set split.test to 0"),
        (
            {"test": {"after": "2030-01-01"}},
            "train validation",
            "set split.test.after to an earlier day, or split.test",
        ),
        ({}, "validation test", "lower split.validation or split.test, change split.salt, or read more documents"),
        ({"test": 0}, "train validation", None),
    ],
)
def test_a_split_is_empty_by_chance_below_twenty_clusters(tmp_path, rule, there, said):
    """40 clusters, of two documents each."""
    names = there.split()
    frame = documents(80, cluster=[f"{n % 40}" for n in range(80)], split=[names[n % 40 % 2] for n in range(80)])
    shards = finished(tmp_path, frame)
    missing = [name for name in Config(**{"validation": 0.1, **rule}).names if name not in names]
    if said:
        with pytest.raises(ReleaseError) as refused:
            verify(tmp_path, shards, **rule)
        assert str(refused.value).startswith(f"of 80 documents none fell into {missing[0]}: {said}")
    else:
        notes = [f"{name} is empty: of 80 documents none fell into it" for name in missing]
        assert verify(tmp_path, shards, **rule).notes == notes


def test_train_is_never_empty_by_chance(tmp_path):
    shards = finished(tmp_path, documents(3, split=["test"] * 3))
    with pytest.raises(ReleaseError, match="of 3 documents none fell into train: lower split"):
        verify(tmp_path, shards, validation=0)


STRATA = {"en": (80, 10, 10), "no": (37, 8, 5), "pl": (37, 8, 5), "de": (10, 3, 2), None: (18, 2, 0)}
"""Documents of each language in train, validation and test."""


@pytest.mark.parametrize(
    ("test", "languages", "said", "broken"),
    [
        (0.1, ["en", "de"], ": at most 1.5 documents of 15 off, in 'de'", 0),
        (0.1, STRATA, ": at most 3.0 documents of 50 off, in 'pl'", 3),
        (0.1, ["en", "de", None], ": at most 2.0 documents of 20 off, in 'unknown'", 1),
        ({"after": "2030-01-01"}, STRATA, ": at most 3.5 documents of 45 off, in 'pl'", 3),
        (0, ["en", None], ": at most 1.0 documents of 90 off, in 'en'", 0),
    ],
)
def test_how_far_each_stratum_is_off(tmp_path, test, languages, said, broken):
    """Where test is none, or by date, its documents are no part of a stratum."""
    rows = [
        (name, split) for name in languages for split, n in zip(SPLITS, STRATA[name], strict=True) for _ in range(n)
    ]
    frame = documents(len(rows), language=[name for name, _ in rows], split=[split for _, split in rows])
    for shards_of_each_split in (1, 2):
        folder = tmp_path / str(shards_of_each_split)
        shards = finished(folder, frame, ("data", "more")[:shards_of_each_split])
        assert verify(folder, shards, stratify="language", test=test).checks[-1] == {
            "check": f"each language has its share of each split{said}",
            "checked": len(languages),
            "broken": broken,
        }
