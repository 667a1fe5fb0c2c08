"""Input, build, lock and releases in an object store, which has no rename: the same bytes as on a file system."""

import json
import time

import fsspec
import polars as pl
import pytest

from curate import pipeline
from curate.errors import StorageError
from curate.locks import STALE, hold
from tests.end_to_end.conftest import curate, make_project, release_bytes, started

CONFIG = "configs/news.yaml"


def released(url):
    """Every file of every release below a URL."""
    fs, path = fsspec.core.url_to_fs(f"{url}/releases")
    fs.invalidate_cache()
    return {name[len(path) + 1 :]: fs.cat_file(name) for name in sorted(fs.find(path))}


@pytest.fixture(scope="module")
def bucket():
    """A bucket of a local S3 server, in the environment of this process and of those that it starts."""
    server_of = pytest.importorskip("moto.server").ThreadedMotoServer
    pytest.importorskip("s3fs")
    server = server_of(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        fsspec.filesystem("s3").mkdir("corpus")
        yield "s3://corpus"
    server.stop()


def test_everything_in_a_bucket(built, bucket, tmp_path):
    folder = make_project(tmp_path)
    fs = fsspec.filesystem("s3")
    fs.put(str(folder / "data/raw/news"), "corpus/data/raw/news", recursive=True)
    text = (folder / CONFIG).read_text().replace("data/raw/news", f"{bucket}/data/raw/news")
    (folder / CONFIG).write_text(text.replace("\nread:", f"\ndata: {bucket}/corpora\n\nread:", 1))
    told = json.loads(started("run", CONFIG, "--workers", "2", "--json", cwd=folder).stdout)
    assert told["release"]["path"] == f"{bucket}/corpora/releases/news/v0.1.0"
    ours, theirs = released(f"{bucket}/corpora"), release_bytes(built)
    assert sorted(ours) == sorted(name for name in theirs if not name.endswith(".lock"))
    shards = [name for name in ours if name.endswith(".parquet")]
    assert len(shards) == 3
    assert not (folder / "data/build").exists()
    assert {row["verdict"] for row in json.loads(curate("plan", CONFIG, "--json", cwd=folder).stdout)} == {"keep"}
    assert "unchanged" in curate("run", CONFIG, cwd=folder).stdout
    first = first_id(ours, shards[0], tmp_path)
    assert "In the release" in curate("explain", CONFIG, first, cwd=folder).stdout
    assert not fs.exists("corpus/corpora/build/news/lock")


def first_id(files, name, folder):
    (folder / "shard.parquet").write_bytes(files[name])
    return pl.read_parquet(folder / "shard.parquet")["id"][0]


def test_a_release_without_its_manifest_is_none(built, tmp_path, monkeypatch):
    """Killed before the commit marker, a release in a store without rename is made anew; earlier ones hold."""
    monkeypatch.chdir(make_project(tmp_path))
    store = fsspec.filesystem("memory")
    config = pipeline.loaded(CONFIG, {"data": "memory://store"})
    made = pipeline.run(config, workers=1)
    assert made.path == "memory://store/releases/news/v0.1.0"
    first = released("memory://store")
    store.rm_file("/store/releases/news/v0.1.0/manifest.json")
    store.pipe_file("/store/releases/news/v0.1.0/data/train-00000-of-00001.parquet", b"half")
    assert pipeline.run(config, workers=1).created
    assert released("memory://store") == first
    again = pipeline.run(CONFIG, workers=1, data="memory://store", version="0.2.0", **{"quality.min_words": 250})
    assert again.created and str(again.path).endswith("v0.2.0")
    assert {name: data for name, data in released("memory://store").items() if "v0.1.0" in name} == {
        name: data for name, data in first.items() if "v0.1.0" in name
    }


def test_a_lock_that_a_dead_process_does_not_hold(bucket):
    """See unit/test_locks.py: here, that S3 refuses to create what is there."""
    root = f"{bucket}/locked"
    with hold(root), pytest.raises(StorageError, match="another run is working here"), hold(root):
        pass
    fs, path = fsspec.core.url_to_fs(root)
    fs.pipe_file(f"{path}/lock", json.dumps({"holder": "dead", "time": time.time() - STALE - 1}).encode())
    with hold(root):
        pass
    assert not fs.exists(f"{path}/lock")
