from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from curate.document import undecided
from curate.stages import split
from curate.stages.split import Config, apply, assign, prepare
from curate.tasks import read
from tests.releases import LocalRounds, documents, shard, split_up

CLUSTERS = pl.Series([f"cluster {n}" for n in range(20_000)])


def test_shares_are_what_was_asked_for():
    counts = assign(CLUSTERS, Config(validation=0.1, test=0.02)).value_counts()
    shares = {name: count / len(CLUSTERS) for name, count in counts.iter_rows()}
    assert shares["validation"] == pytest.approx(0.1, abs=0.01)
    assert shares["test"] == pytest.approx(0.02, abs=0.005)


def test_zero_means_none_and_close_to_one_leaves_train_little():
    assert set(assign(CLUSTERS, Config(validation=0, test=0))) == {"train"}
    assert set(assign(CLUSTERS, Config(validation=0.999, test=0))) == {"train", "validation"}


@pytest.mark.parametrize("raised", [{"validation": 0.3}, {"test": 0.3}])
def test_raising_a_share_takes_from_train_only(raised):
    shares = {"validation": 0.1, "test": 0.1}
    before, after = assign(CLUSTERS, Config(**shares)), assign(CLUSTERS, Config(**{**shares, **raised}))
    moved = before.filter(before != after)
    assert set(moved) == {"train"}


def test_the_salt_gives_another_split():
    assert (assign(CLUSTERS, Config(salt="a")) != assign(CLUSTERS, Config(salt="b"))).any()


@pytest.mark.parametrize(
    "shares",
    [{"validation": 0.5, "test": 0.5}, {"validation": -0.1}, {"test": 5}, {"validation": 1}, {"tset": 0.1}],
)
def test_impossible_shares_are_refused(shares):
    with pytest.raises(ValidationError):
        Config(**shares)


def test_names_are_those_with_a_share():
    assert Config(validation=0).names == ("train", "test")
    assert Config().names == ("train", "validation", "test")


def test_near_duplicates_go_together():
    frame = split_up(documents(3000, cluster=[f"{n % 100}" for n in range(3000)]), validation=0.3, test=0.3)
    assert frame.group_by("cluster").agg(pl.n_unique("split"))["split"].max() == 1
    assert frame["split"].n_unique() == 3


def test_without_dedup_a_document_is_its_own_cluster():
    frame = split_up(documents(50).drop("cluster"))
    assert frame["cluster"].equals(frame["id"])


def judged(tmp_path: Path, *frames: pl.DataFrame) -> list[pl.DataFrame]:
    shards = [shard(tmp_path, frame, f"shard{i}") for i, frame in enumerate(frames)]
    verdicts = prepare(shards, Config(), LocalRounds(tmp_path))
    return [
        apply(undecided(read(one).hstack(read(verdict))), Config())
        for one, verdict in zip(shards, verdicts, strict=True)
    ]


def test_an_id_keeps_its_first_document_by_source_and_record(tmp_path):
    later = documents(3, source=["b", "b", "a"], record=[0, 1, 7], id=["x", "y", "x"])
    first = documents(3, source=["a", "a", "c"], record=[3, 4, 0], id=["x", "z", "x"])
    one, two = judged(tmp_path, later, first)
    assert one["drop_reason"].to_list() == ["duplicate id", None, "duplicate id"]
    assert two["drop_reason"].to_list() == [None, None, "duplicate id"]
    assert one["drop_detail"][0] == "first in a, record 3"
    assert "first" not in one.columns


def test_verdicts_are_the_same_whatever_the_buckets(tmp_path, monkeypatch):
    frame = documents(1200).with_columns(id=pl.Series([f"{n % 900}" for n in range(1200)]))
    expected = [part["drop_detail"].to_list() for part in judged(tmp_path / "one", frame[:700], frame[700:])]
    monkeypatch.setattr(split, "BUCKET_ROWS", 100)
    found = [part["drop_detail"].to_list() for part in judged(tmp_path / "many", frame[:700], frame[700:])]
    assert found == expected
    assert sum(detail is not None for part in found for detail in part) == 300


def test_an_empty_shard_is_nothing_special(tmp_path):
    none, some = judged(tmp_path, documents(0), documents(2))
    assert none.height == 0
    assert some["drop_reason"].to_list() == [None, None]
