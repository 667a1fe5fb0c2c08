"""Outputs appear whole or not at all, under a key that says what decided them."""

import errno
import json
import os
import time
from dataclasses import replace

import polars as pl
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate import store
from curate.engines.local import LocalEngine
from curate.errors import StorageError, TaskError
from curate.section import Section
from curate.tasks import AT, END, File, Rows, Task, batches, pieces, read


class Config(Section):
    rows: int = 3
    fail_after: int | None = None


def numbers(inputs: list[File], config: Config) -> Rows:
    """Yield the numbers below `rows`, one a batch, even ones apart from odd ones."""
    for i in range(config.rows):
        if config.fail_after is not None and i >= config.fail_after:
            raise ValueError("broke on purpose")
        yield ("even", "odd")[i % 2], pl.DataFrame({"i": [i]})
    return {"documents_in": config.rows, "a_later_key": 0}


def task(config: Config, digest: str = "0" * 64) -> Task:
    return Task("numbers", 1, numbers, (File("data/in.txt", digest),), config)


def test_outputs_and_statistics(tmp_path):
    done = store.execute(task(Config(rows=5)), str(tmp_path))
    assert read(done.files["even"])["i"].to_list() == [0, 2, 4]
    assert read(done.files["odd"])["i"].to_list() == [1, 3]
    assert done.files["even"].rows == 3
    assert done.stats == {"documents_in": 5, "a_later_key": 0}
    again = store.finished(task(Config(rows=5)), str(tmp_path))
    assert again == done
    assert again and list(again.stats) == list(done.stats), "a rerun must not tell a new result from an old one"


def test_key_follows_what_decides_the_output():
    base = task(Config()).key
    assert base == task(Config()).key
    assert base != task(Config(rows=4)).key
    assert base != task(Config(), digest="1" * 64).key
    assert base != Task("numbers", 2, numbers, task(Config()).inputs, Config()).key


def test_same_bytes_again(tmp_path):
    first = store.execute(task(Config(rows=50)), str(tmp_path / "a"))
    second = store.execute(task(Config(rows=50)), str(tmp_path / "b"))
    assert [f.sha256 for f in first.files.values()] == [f.sha256 for f in second.files.values()]


def many_numbers(inputs: list[File], config: Config) -> Rows:
    yield "kept", pl.DataFrame({"i": range(100_000)})
    return {}


def test_what_was_written_is_not_held(tmp_path):
    before = pa.total_allocated_bytes()
    store.execute(Task("numbers", 1, many_numbers, (), Config()), str(tmp_path))
    assert pa.total_allocated_bytes() == before


def test_what_waits_to_be_written_does_not_hold_its_batches(tmp_path):
    """Of each batch of long texts one document is dropped."""
    held = []

    def one_of_many(inputs: list[File], config: Config) -> Rows:
        for i in range(20):
            texts = pa.array([f"{i} {j} " * 2000 for j in range(100)], pa.large_string())
            batch = pl.DataFrame({"i": range(100), "text": pl.Series(texts)})
            del texts
            yield "dropped", batch.filter(pl.col("i") == i)
            yield "kept", batch.select("i").filter(pl.col("i") != i)
            size = batch.estimated_size()
            del batch
            held.append(pa.total_allocated_bytes() / size)
        return {}

    done = store.execute(Task("one", 1, one_of_many, (), Config()), str(tmp_path))
    assert max(held) < held[0] + 2
    texts = read(done.files["dropped"])["text"].to_list()
    assert texts == [f"{i} {i} " * 2000 for i in range(20)]
    with pq.ParquetFile(done.files["dropped"].url) as parquet:
        assert parquet.num_row_groups == 1


def test_what_a_task_took_is_told(tmp_path):
    before, clock = time.time(), time.perf_counter()
    ran = store.execute(task(Config()), str(tmp_path)).ran
    assert ran and ran.process == os.getpid()
    assert before <= ran.started <= time.time()
    assert 0 < ran.seconds <= time.perf_counter() - clock
    assert 0 <= ran.cpu < 60 and 20 < ran.peak_mb < 20_000


def test_an_output_without_texts_names_the_file_that_has_them(tmp_path):
    """Its bytes, and so what is made of it, change with that file's content."""

    def places(inputs: list[File], config: Config) -> Rows:
        yield "kept", pl.DataFrame({AT: [0, 2]}, schema={AT: pl.UInt32})
        return {}

    one, same, other, passed_on = (
        store.execute(Task(f"places{i}", 1, places, (given, File("beside", "f" * 64)), Config()), str(tmp_path)).files[
            "kept"
        ]
        for i, given in enumerate(
            [File("a", "0" * 64), File("a", "0" * 64), File("a", "1" * 64), File("b", "0" * 64, 3, "a")]
        )
    )
    assert one.texts == same.texts == other.texts == passed_on.texts == "a"
    assert one.sha256 == same.sha256 == passed_on.sha256 != other.sha256


def test_files_below_a_folder_and_their_removal(tmp_path):
    for name in ("a.json", "b/c.json"):
        store.write_json(f"{tmp_path}/{name}", {"z": 1, "a": [name]})
    assert (tmp_path / "a.json").read_text() == '{"a": ["a.json"], "z": 1}'
    assert store.sizes(str(tmp_path)) == {"a.json": 25, "b/c.json": 27}
    store.remove(str(tmp_path), [])
    store.remove(str(tmp_path), ["b/c.json"])
    assert store.sizes(str(tmp_path)) == {"a.json": 25}


def test_a_failure_names_some_of_its_files(tmp_path):
    def broken(inputs: list[File], config: Config) -> Rows:
        raise ValueError("broke on purpose")
        yield

    def said(count: int) -> str:
        files = tuple(File(f"{i}.txt", "0" * 64) for i in range(count))
        with pytest.raises(TaskError) as error:
            store.execute(Task("numbers", 1, broken, files, Config()), str(tmp_path))
        return str(error.value)

    assert said(3) == "numbers: 0.txt, 1.txt, 2.txt: ValueError: broke on purpose"
    assert said(5) == "numbers: 0.txt, 1.txt, 2.txt and 2 more: ValueError: broke on purpose"


def test_a_failure_leaves_nothing(tmp_path):
    broken = task(Config(rows=5, fail_after=3))
    with pytest.raises(TaskError, match=r"numbers: data/in\.txt: ValueError: broke on purpose"):
        store.execute(broken, str(tmp_path))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert store.finished(broken, str(tmp_path)) is None


def test_forgotten_work_is_not_finished(tmp_path):
    store.execute(task(Config()), str(tmp_path))
    store.forget(task(Config()), str(tmp_path))
    assert store.finished(task(Config()), str(tmp_path)) is None


def test_an_entry_without_its_files_is_not_finished(tmp_path):
    done = store.execute(task(Config()), str(tmp_path))
    (tmp_path / "numbers" / f"{done.key}.odd.parquet").unlink()
    assert store.finished(task(Config()), str(tmp_path)) is None


def test_empty_output_has_its_columns(tmp_path):
    def nothing(inputs: list[File], config: Config) -> Rows:
        yield "kept", pl.DataFrame(schema={"id": pl.String, "n": pl.Int64})
        return {}

    done = store.execute(Task("nothing", 1, nothing, (), Config()), str(tmp_path))
    assert [batch.schema for batch in batches(done.files["kept"])] == [pl.Schema({"id": pl.String, "n": pl.Int64})]


def test_a_truncated_output_is_not_finished(tmp_path):
    done = store.execute(task(Config()), str(tmp_path))
    path = tmp_path / "numbers" / f"{done.key}.odd.parquet"
    path.write_bytes(path.read_bytes()[:-5])
    assert store.finished(task(Config()), str(tmp_path)) is None


def test_batches_are_bounded_in_bytes(tmp_path):
    def large(inputs: list[File], config: Config) -> Rows:
        for i in range(6):
            yield "kept", pl.DataFrame({"i": [i], "text": [str(i) * (12 << 20)]})
        return {}

    done = store.execute(Task("large", 1, large, (), Config()), str(tmp_path))
    parts = list(batches(done.files["kept"]))
    assert [part["i"].to_list() for part in parts] == [[0, 1], [2, 3], [4, 5]]


def test_few_documents_of_many_texts_do_not_hold_the_others(tmp_path):
    """One of a hundred is left, and its text is read from where all of them stand."""

    def written(inputs: list[File], config: Config) -> Rows:
        for i in range(0, 4000, 100):
            yield "texts", pl.DataFrame({"text": [f"{j} " * 5000 for j in range(i, i + 100)]})
        yield "left", pl.DataFrame({AT: range(7, 4000, 100)}, schema={AT: pl.UInt32})
        return {}

    files = store.execute(Task("texts", 1, written, (File("a", "0" * 64),), Config()), str(tmp_path)).files
    before = pa.total_allocated_bytes()
    (batch,) = batches(replace(files["left"], texts=files["texts"].url), ["text"])
    assert batch["text"].to_list() == [f"{j} " * 5000 for j in range(7, 4000, 100)]
    assert pa.total_allocated_bytes() - before < 5_000_000, "of 100 MB"


def test_a_file_name_that_is_no_text_can_be_noted(tmp_path):
    store.write_json(str(tmp_path / "a.json"), {"source": b"bad\xff.txt".decode("utf-8", "surrogateescape")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"source": "bad\udcff.txt"}


def test_a_thousand_parts(tmp_path):
    def parts(inputs: list[File], config: Config) -> Rows:
        for i in range(1100):
            yield f"part-{i:04}", pl.DataFrame({"i": [i]})
        return {}

    engine = LocalEngine(1)
    [(_, done)] = engine.run([Task("parts", 1, parts, (), Config())], str(tmp_path))
    assert len(done.files) == 1100


def test_a_part_that_ended_holds_no_file(tmp_path):
    """A file of 10 GB becomes 1,200 parts of one task."""
    held = []

    def parts(inputs: list[File], config: Config) -> Rows:
        for i in range(20):
            yield f"part-{i:04}", pl.DataFrame({"i": [i]})
            yield f"part-{i:04}", END
            held.append(len(psutil.Process().open_files()))
        return {}

    done = store.execute(Task("parts", 1, parts, (), Config()), str(tmp_path))
    assert held == [held[0]] * 20
    assert [read(file)["i"].to_list() for file in done.files.values()] == [[i] for i in range(20)]


def test_batches_keep_order_and_size(tmp_path):
    done = store.execute(task(Config(rows=23)), str(tmp_path))
    parts = list(batches(done.files["even"], rows=5))
    assert [part.height for part in parts] == [5, 5, 2]
    assert pl.concat(parts)["i"].to_list() == list(range(0, 23, 2))


def test_pieces_of_a_file_are_its_row_groups(tmp_path):
    path = str(tmp_path / "rows.parquet")
    pl.DataFrame({"i": range(100)}).write_parquet(path, row_group_size=10)
    whole = File(path, "abc", 100)
    group = whole_size = pq.read_metadata(path).row_group(0).total_byte_size
    parts = pieces(whole, path, 3 * group)
    assert [part.groups for part in parts] == [(0, 3), (3, 6), (6, 9), (9, 10)]
    assert [part.rows for part in parts] == [30, 30, 30, 10]
    assert pl.concat(read(part) for part in parts)["i"].to_list() == list(range(100))
    assert len({Task("a", 1, numbers, (part,), Config()).key for part in [whole, *parts]}) == 5
    assert pieces(whole, path, 100 * whole_size) == [replace(whole, groups=(0, 10))]


@pytest.mark.skipif(not store.Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_said(tmp_path, monkeypatch):
    real = store.fsspec.core.url_to_fs

    def onto_full_disk(url: str):
        fs, path = real(url)
        monkeypatch.setattr(type(fs), "open", lambda *_: store.Path("/dev/full").open("wb", buffering=0))
        return fs, path

    monkeypatch.setattr(store.fsspec.core, "url_to_fs", onto_full_disk)
    with pytest.raises(StorageError, match="the disk is full"):
        store.execute(task(Config()), str(tmp_path))


def test_read_only_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError):
        store.execute(task(Config()), str(tmp_path / "file"))


def test_json_is_written_whole_or_not_at_all(tmp_path):
    url = str(tmp_path / "record.json")
    store.write_json(url, {"a": 1})
    with pytest.raises(TypeError):
        store.write_json(url, {"a": object()})
    assert json.loads((tmp_path / "record.json").read_text()) == {"a": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["record.json"]


def test_errno_of_a_full_disk_is_known():
    error = store._storage_error(OSError(errno.ENOSPC, "No space left on device"), "data/build/news")
    assert str(error).startswith("data/build/news: the disk is full")
