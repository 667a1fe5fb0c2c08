"""One run at a time in a build folder; that a killed run holds nothing is tested in test_kills."""

import json
import time

import fsspec
import pytest

from curate import locks
from curate.errors import StorageError
from curate.locks import STALE, hold

FS = fsspec.filesystem("memory")
LOCK = "/locked/lock"


def left_by_another(age: float) -> None:
    FS.pipe_file(LOCK, json.dumps({"holder": "another", "time": time.time() - age}).encode())


@pytest.mark.parametrize("store", ["file", "memory"])
def test_another_run_is_refused_until_the_first_one_ends(store, tmp_path):
    root = "memory://locked" if store == "memory" else str(tmp_path / "a/b")
    for _ in range(2):
        with pytest.raises(KeyError), hold(root):
            with pytest.raises(StorageError) as refused, hold(root):
                pass
            assert str(refused.value) == f"{root}: another run is working here; wait for it to end"
            raise KeyError
    assert not FS.exists(LOCK)


def test_an_object_that_was_not_renewed_is_taken_over():
    left_by_another(STALE - 10)
    with pytest.raises(StorageError, match="another run is working here"), hold("memory://locked"):
        pass
    assert json.loads(FS.cat_file(LOCK))["holder"] == "another"
    left_by_another(STALE + 1)
    with hold("memory://locked"):
        assert json.loads(FS.cat_file(LOCK))["holder"] != "another"
    assert not FS.exists(LOCK)


def test_the_holder_renews_its_object(monkeypatch):
    monkeypatch.setattr(locks, "BEAT", 0.01)
    with hold("memory://locked"):
        first = latest = json.loads(FS.cat_file(LOCK))
        while latest["time"] == first["time"]:
            time.sleep(0.01)
            latest = json.loads(FS.cat_file(LOCK))
        assert latest["holder"] == first["holder"]
        assert first["time"] < latest["time"] <= time.time()


def test_a_network_that_fails_for_a_moment_costs_no_lock(monkeypatch):
    monkeypatch.setattr(locks, "BEAT", 0.01)
    with hold("memory://locked"):
        with monkeypatch.context() as broken:
            broken.setattr(type(FS), "pipe_file", lambda *_, **__: 1 / 0)
            time.sleep(0.1)
        before = json.loads(FS.cat_file(LOCK))["time"]
        while json.loads(FS.cat_file(LOCK))["time"] == before:
            time.sleep(0.01)


def test_a_run_that_was_suspended_leaves_the_lock_to_the_one_that_took_it_over(monkeypatch):
    monkeypatch.setattr(locks, "BEAT", 0.2)
    with hold("memory://locked"):
        left_by_another(0)
        time.sleep(0.5)
    assert json.loads(FS.cat_file(LOCK))["holder"] == "another"
    FS.rm_file(LOCK)


def test_a_lock_that_is_gone_at_the_end_is_no_fault():
    with hold("memory://locked"):
        FS.rm_file(LOCK)
    assert not FS.exists(LOCK)


def test_what_cannot_be_locked_is_said(tmp_path):
    (tmp_path / "file").write_text("no folder")
    for root, said in (
        ("nosuch://build", "Protocol not known: nosuch"),
        (f"{tmp_path}/file/build", "cannot be written: Not a directory"),
    ):
        with pytest.raises(StorageError) as refused, hold(root):
            pass
        assert str(refused.value) == f"{root}: {said}"
