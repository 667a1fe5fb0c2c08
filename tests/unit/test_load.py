from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import datasets
import polars as pl
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

import curate
from curate.errors import ReleaseError, UsageError
from curate.release.build import Config
from tests.support.releases import documents, release, shard, split_up


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def news(tmp_path_factory) -> Path:
    """A folder with two releases; v0.2.0 has 100 documents more."""
    folder = tmp_path_factory.mktemp("releases")
    for version, count in (("0.1.0", 300), ("0.2.0", 400)):
        release(folder, [shard(folder, split_up(documents(count)), version)], version)
    return folder / "news"


@pytest.fixture
def copy(news, tmp_path) -> Path:
    return shutil.copytree(news, tmp_path / "news")


def total(loaded) -> int:
    return sum(dataset.num_rows for dataset in loaded.values())


def test_load_dataset_reads_a_release_and_the_folder_of_all(news):
    assert total(load_dataset(str(news / "v0.1.0"))) == 300
    assert total(load_dataset(str(news), "v0.1.0")) == 300
    latest = load_dataset(str(news))
    assert total(latest) == 400
    assert str(latest["train"].info.version) == "0.2.0"


def test_load_dataset_streams(news):
    train = load_dataset(str(news), split="train", streaming=True)
    document = next(iter(train))
    assert document["text"]
    assert list(document) == list(load_dataset(str(news), split="train").features)


def test_load_gives_what_load_dataset_gives(news):
    assert total(curate.load(news)) == 400
    assert total(curate.load(news, "v0.1.0")) == 300
    assert total(curate.load(str(news), "0.1.0")) == 300
    assert total(curate.load(news / "v0.1.0")) == 300
    split = curate.load(news, "v0.1.0", split="test")
    assert split.num_rows == load_dataset(str(news), "v0.1.0", split="test").num_rows


def test_load_streams(news):
    splits = curate.load(news, streaming=True)
    assert set(splits) == {"train", "validation", "test"}
    assert sum(1 for split in splits.values() for _ in split) == 400
    train = curate.load(news, split="train", streaming=True)
    plain = load_dataset(str(news), split="train", streaming=True)
    assert (train.features, train.split, list(train)) == (plain.features, plain.split, list(plain))


def test_a_stream_goes_on_where_it_was_left(tmp_path):
    """Documents are read again from the start of a shard, and those that were given already are left out."""
    long = split_up(documents(700)).with_columns(text=pl.col("text") + pl.lit(" more words" * 600))
    made = release(tmp_path, [shard(tmp_path, long, "long")], release=Config(shard_mb=1))
    train = curate.load(made.path, split="train", streaming=True)
    ids = [document["id"] for document in train]
    reader = iter(train)
    before = [next(reader)["id"] for _ in range(len(ids) // 2)]
    state = pickle.loads(pickle.dumps((train, train.state_dict())))
    again = state[0]
    again.load_state_dict(state[1])
    assert [*before, *(document["id"] for document in again)] == ids
    parts = [[document["id"] for document in train.shard(2, number)] for number in range(2)]
    assert sorted(parts[0] + parts[1]) == sorted(ids)
    assert all(parts)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"version": "v0.3.0"}, "has no v0.3.0; it has v0.1.0, v0.2.0"),
        ({"split": "dev"}, "no split 'dev'; it has train, validation, test"),
        ({"version": "latest"}, "has no vlatest"),
    ],
)
def test_load_says_what_there_is(news, given, said):
    with pytest.raises(UsageError, match=said):
        curate.load(news, **given)


def test_load_of_another_version_than_the_folder_has(news):
    with pytest.raises(UsageError, match=r"is v0\.1\.0, not v0\.2\.0"):
        curate.load(news / "v0.1.0", "v0.2.0")


def test_load_finds_a_changed_shard(copy):
    """`load_dataset` reads it: it is good Parquet with as many rows. A stream finds it when it comes to it."""
    path = next((copy / "v0.2.0/data").glob("test-*"))
    table = pl.read_parquet(path).with_columns(text=pl.lit("Other words.")).to_arrow()
    pq.write_table(table, path)
    assert load_dataset(str(copy), split="test")[0]["text"] == "Other words."
    with pytest.raises(ReleaseError, match=path.name):
        curate.load(copy)
    streams = curate.load(copy, streaming=True)
    assert sum(1 for _ in streams["train"]) > 300
    with pytest.raises(ReleaseError, match=path.name):
        next(iter(streams["test"]))
    assert total(curate.load(copy, "v0.1.0")) == 300


def test_load_finds_a_missing_shard(copy):
    next((copy / "v0.2.0/data").glob("train-*")).unlink()
    with pytest.raises(ReleaseError, match=r"train-00000-of-00001\.parquet: missing"):
        curate.load(copy)


def test_a_stream_over_two_workers_of_a_data_loader(tmp_path):
    """As in docs/releases.md: each worker reads its own shards, and every document comes once."""
    torch_data = pytest.importorskip("torch.utils.data")
    long = split_up(documents(900)).with_columns(text=pl.col("text") + pl.lit(" more words" * 600))
    made = release(tmp_path, [shard(tmp_path, long, "long")], release=Config(shard_mb=1))
    train = curate.load(made.path, split="train", streaming=True)
    assert train.num_shards > 1
    loader = torch_data.DataLoader(train, batch_size=32, num_workers=2, collate_fn=list)
    ids = [document["id"] for batch in loader for document in batch]
    assert sorted(ids) == sorted(long.filter(split="train")["id"])
