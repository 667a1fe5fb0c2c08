from __future__ import annotations

import polars as pl
import pytest

from curate.release import diff, manifest
from curate.release.diff import compare
from tests.support.releases import documents, release, shard, split_up


@pytest.fixture(scope="module")
def base() -> pl.DataFrame:
    return split_up(documents(600))


def side(folder, frame: pl.DataFrame, name: str) -> diff.Side:
    made = release(folder / name, [shard(folder / name, frame, name)])
    return manifest.shards(made.path, manifest.read(made.path).files)


def edited(frame: pl.DataFrame, row: int, **columns: str) -> pl.DataFrame:
    here = pl.int_range(pl.len()) == row
    return frame.with_columns(
        pl.when(here).then(pl.lit(value)).otherwise(name).alias(name) for name, value in columns.items()
    )


def test_nothing_differs(tmp_path, base):
    one = side(tmp_path, base, "one")
    assert not compare(one, side(tmp_path, base.reverse(), "two"))


def test_every_kind_is_found(tmp_path, base):
    new = split_up(documents(7, start=600))
    after = pl.concat([edited(edited(base, 3, text="Rewritten."), 5, title="Renamed", author="X")[:-2], new])
    train = base.with_row_index().filter(pl.col("split") == "train")["index"][9]
    after = edited(after, train, split="test")
    changes = compare(side(tmp_path, base, "old"), side(tmp_path, after, "new"))
    assert dict(changes.counts) == {"added": 7, "removed": 2, "changed": 1, "updated": 1, "moved": 1}
    assert dict(changes.moves) == {"train -> test": 1}
    assert changes.samples["changed"] == [
        {"id": base["id"][3], "title": "Story 3", "split": base["split"][3], "source": "crawl/0.jsonl"}
    ]
    assert [one["id"] for one in changes.samples["removed"]] == sorted(base["id"][-2:])
    assert sum((count for count in changes.sources.values()), start=type(changes.counts)()) == changes.counts
    assert set(changes.sites) <= {f"site{n}.example" for n in range(5)}


def test_the_same_in_any_number_of_buckets(tmp_path, base, monkeypatch):
    sides = side(tmp_path, base, "old"), side(tmp_path, split_up(documents(600, start=80)), "new")
    whole = compare(*sides)
    monkeypatch.setattr(diff, "BUCKET_ROWS", 50)
    assert compare(*sides) == whole
    assert whole.counts["added"] == whole.counts["removed"] == 80


def test_reasons_of_what_was_removed(tmp_path, base):
    said = ["near-duplicate", "near-duplicate", "too short"]
    dropped = base[:3].select("id", drop_reason=pl.Series(said))
    other = pl.DataFrame({"id": ["unrelated"], "drop_reason": ["near-duplicate"]})
    files = [shard(tmp_path, dropped, "dropped"), shard(tmp_path, other, "other")]
    changes = compare(side(tmp_path, base, "old"), side(tmp_path, base[4:], "new"), files)
    assert dict(changes.reasons) == {"near-duplicate": 2, "not in the input any more": 1, "too short": 1}


def test_no_temporary_file_is_left(tmp_path, base, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sides = side(tmp_path, base, "one")
    compare(sides, sides)
    assert not list(tmp_path.glob("curate-diff-*"))
