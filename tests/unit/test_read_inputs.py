"""Which files are found, how they are grouped, what identifies them, and what is refused."""

from __future__ import annotations

import functools
import gzip
import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from curate.errors import InputError
from curate.stages import read
from tests.support.read import run, run_groups


def urls(*paths: str, **settings: object) -> list[str]:
    config = read.Config.model_validate({"paths": paths, **settings})
    return [file.url for group in read.discover(config) for file in group]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of several formats, which is the working directory."""
    for name in (
        "b.txt",
        "a.txt",
        "c.html",
        "notes.doc",
        ".hidden.txt",
        "deep/er/d.txt",
        "deep/e.jsonl.gz",
        ".git/f.txt",
    ):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


EVERYTHING = ["data/a.txt", "data/b.txt", "data/c.html", "data/deep/e.jsonl.gz", "data/deep/er/d.txt", "data/notes.doc"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data", EVERYTHING),
        ("data/", EVERYTHING),
        ("data/*.txt", ["data/a.txt", "data/b.txt"]),
        ("./data/[ax].t?t", ["./data/a.txt"]),
        ("data/**/*.txt", ["data/a.txt", "data/b.txt", "data/deep/er/d.txt"]),
        ("data/**", EVERYTHING),
        ("data/*/*/d*", ["data/deep/er/d.txt"]),
        ("data/.*.txt", ["data/.hidden.txt"]),
        ("data/../data/b.txt", ["data/../data/b.txt"]),
        ("*/a.txt", ["data/a.txt"]),
    ],
)
def test_paths_mean_files(folder: Path, path: str, found: list[str]) -> None:
    assert urls(path) == found


def test_absolute_paths_and_file_urls_stay_what_they_are(folder: Path) -> None:
    assert urls(f"{folder}/*.html") == [f"{folder}/c.html"]
    assert urls(f"file://{folder}/*.html") == [f"file://{folder}/c.html"]
    kept, _, _ = run(f"file://{folder}/*.html")
    assert kept["source"].to_list() == [f"file://{folder}/c.html"]


def test_file_named_twice_is_read_once(folder: Path) -> None:
    found = urls("data/*.txt", "./data/a.txt", "data/b.txt", f"{folder}/a.txt", "data/**/a.txt")
    assert [Path(url).name for url in found] == ["a.txt", "b.txt"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("data/*.csv", r"data/\*\.csv: matches no file; data holds 1 \.doc, 1 \.html, 2 \.txt, 1 folder"),
        ("data/aa.txt", r"there is no such file; did you mean a\.txt\?"),
        ("dota/*.txt", "there is no folder dota"),
        ("empty", "the folder empty is empty"),
        ("empty/*", "the folder empty is empty"),
        ("memory://nothing/*.txt", "matches no file"),
        ("memory://nothing.txt", "cannot be read"),
        ("a\0b/*", "cannot be read: .*null byte"),
        ("nosuchprotocol://a.txt", "cannot be read: .*nosuchprotocol"),
    ],
)
def test_path_without_a_file_says_what_is_there(folder: Path, path: str, message: str) -> None:
    (folder.parent / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        urls("data/a.txt", path)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".", ["./data/a.txt", "./data/b.txt", "./data/deep/er/d.txt"]),
        ("data", ["data/a.txt", "data/b.txt", "data/deep/er/d.txt"]),
        ("**/*.txt", ["data/a.txt", "data/b.txt", "data/deep/er/d.txt"]),
        ("data/*/er/*.txt", ["data/deep/er/d.txt"]),
    ],
)
def test_what_curate_wrote_is_not_read(folder: Path, path: str, found: list[str]) -> None:
    for name in ("build/x/er/own.txt", "releases/x/own.txt", "deep/er/d.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("own")
    (folder.parent / "linked").symlink_to("data/build")
    config = read.Config(paths=[path])
    for skip in (("data/build/x", "data/releases"), (f"{folder}/build/", f"file://{folder}/releases")):
        names = [file.url for group in read.discover(config, skip) for file in group]
        assert [name for name in names if name.endswith(".txt")] == found


@pytest.mark.parametrize("path", ["data/build", "data/build/x/*.txt", "data/build/x/own.txt", "linked/x", "linked/**"])
def test_paths_where_curate_writes_are_refused(folder: Path, path: str) -> None:
    (folder / "build/x").mkdir(parents=True)
    (folder / "build/x/own.txt").write_text("own")
    (folder.parent / "linked").symlink_to("data/build")
    with pytest.raises(InputError, match=r"lies in .*/data/build, where curate writes"):
        read.discover(read.Config(paths=["data/a.txt", path]), ("data/releases", "data/build"))


def test_folder_that_must_not_be_read(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    folder.chmod(0)
    try:
        with pytest.raises(InputError, match="Permission denied"):
            urls("data")
    finally:
        folder.chmod(0o755)


def test_unknown_ending(folder: Path) -> None:
    with pytest.raises(InputError, match=r"data/notes\.doc: no format is known by the ending \.doc; set read\.format"):
        urls("data/*.doc")
    kept, dropped, _ = run("data/*")
    assert kept.height == 3
    assert dropped["drop_reason"].to_list() == ["unknown format"]
    assert run("data/*.doc", format="text")[0]["page"].to_list() == [b"notes.doc"]


@pytest.mark.parametrize("path", ["mixed", "mixed/*"])
def test_every_file_of_a_folder_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mixed").mkdir()
    for name in ("123", "a.txt", "all.jsonl.xz", "old.tar.gz", "page.gz", "readme.md", ".DS_Store"):
        (tmp_path / "mixed" / name).write_text("x")
    os.truncate(tmp_path / "mixed" / "readme.md", 10_000_000_000)  # nobody reads it
    kept, dropped, stats = run(path)
    assert kept["source"].to_list() == ["mixed/a.txt"]
    assert stats["reasons"] == {"unknown format": 5}
    assert dict(zip(dropped["source"], dropped["drop_detail"], strict=True)) == {
        "mixed/123": "the name has no ending; set read.format",
        "mixed/all.jsonl.xz": ".xz is not unpacked here; unpack it, or pack it as .gz, .zst, .bz2",
        "mixed/old.tar.gz": ".tar is not unpacked here; unpack it, or pack it as .gz, .zst, .bz2",
        "mixed/page.gz": "no format is known by the ending .gz; set read.format",
        "mixed/readme.md": "no format is known by the ending .md; set read.format",
    }
    assert [len(group) for group in read.discover(read.Config(paths=[path]))] == [6]
    (tmp_path / "mixed" / "a.txt").unlink()
    with pytest.raises(InputError, match=r"mixed/123 \(and 4 other files\): the name has no ending; set read\.format"):
        urls(path)


def test_links_that_lead_outside_are_not_followed(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (folder / "out.txt").symlink_to(outside / "secret.txt")
    (folder / "up.txt").symlink_to("../outside/secret.txt")
    (folder / "in.txt").symlink_to("a.txt")
    (folder / "nowhere.txt").symlink_to("nothing.txt")
    (folder / "loop.txt").symlink_to("loop.txt")
    (folder / "elsewhere").symlink_to(outside)
    (folder / "deep" / "round").symlink_to("..")
    kept, dropped, _ = run("data/**/*.txt")
    assert b"secret" not in kept["page"].to_list()
    assert kept["source"].to_list() == ["data/a.txt", "data/b.txt", "data/deep/er/d.txt", "data/in.txt"]
    assert dict(zip(dropped["source"], dropped["drop_detail"], strict=True)) == {
        "data/deep/round": "a link to a folder",
        "data/elsewhere": "a link that leads outside of read.paths",
        "data/loop.txt": "a link to nothing",
        "data/nowhere.txt": "a link to nothing",
        "data/out.txt": "a link that leads outside of read.paths",
        "data/up.txt": "a link that leads outside of read.paths",
    }
    assert set(dropped["drop_reason"]) == {"not read"}


def test_path_itself_may_be_a_link(folder: Path) -> None:
    (folder.parent / "latest").symlink_to("data")
    (folder.parent / "one.txt").symlink_to("data/a.txt")
    assert run("latest/*.txt")[0]["source"].to_list() == ["latest/a.txt", "latest/b.txt"]
    assert run("one.txt")[0]["page"].to_list() == [b"a.txt"]


def test_fifo_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    kept, dropped, _ = run("data/*.txt")
    assert kept.height == 2
    assert dropped["drop_detail"].to_list() == ["not a regular file"]


def test_names_of_every_kind(folder: Path) -> None:
    names = [
        "line\nbreak.txt",
        "Ünï cödé 新聞.txt",
        "per%20cent#1?.txt",
        "colon: x.txt",
        os.fsdecode(b"bytes\xff.txt"),
        os.fsdecode(b"bytes\xfe.txt"),
    ]
    for name in names:
        (folder / "odd").mkdir(exist_ok=True)
        (folder / "odd" / name).write_text("x")
    kept, dropped, _ = run("data/odd")
    assert dropped.is_empty()
    assert kept["id"].n_unique() == len(names)
    assert "data/odd/line\nbreak.txt" in kept["source"].to_list()
    assert "data/odd/bytes\\xff.txt" in kept["source"].to_list()


def test_messages_spell_names_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"odd\xff.txt\xfe")
    Path(name).write_text("x")
    with pytest.raises(InputError, match=r"odd\\xff\.txt\\xfe: no format is known by the ending \.txt\\xfe;"):
        urls("odd*")
    with pytest.raises(InputError, match=r"did you mean odd\\xff\.txt\\xfe\?"):
        urls("odd.txt")
    Path("known.txt").write_text("x")
    _, dropped, _ = run("*")
    assert dropped["drop_detail"].item() == "no format is known by the ending .txt\\xfe; set read.format"
    config = read.Config(paths=["odd*"], format="text")
    groups = read.discover(config)
    for change, message in ((lambda: Path(name).write_text("xy"), "changed"), (Path(name).unlink, "cannot be read")):
        change()
        with pytest.raises(InputError, match=r"^odd\\xff\.txt\\xfe: " + message):
            list(read.read_files(groups[0], config))


def test_messages_tell_no_credentials(server: str) -> None:
    with pytest.raises(InputError) as caught:
        urls(server.replace("://", "://user:secret@") + "/none.txt")
    assert "secret" not in str(caught.value)
    assert f"{server}/none.txt" in str(caught.value)


def test_small_files_share_a_task_and_large_ones_have_their_own(tmp_path: Path) -> None:
    for number in range(1203):
        (tmp_path / f"s{number:04}.txt").write_text("x")
    (tmp_path / "s0600.txt").touch()
    os.truncate(tmp_path / "s0600.txt", 9_000_000)
    groups = read.discover(read.Config(paths=[str(tmp_path)]))
    assert [len(group) for group in groups] == [500, 100, 1, 500, 102]


def test_identity_follows_the_content(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    config = read.Config(paths=[str(path)])
    first = read.discover(config)
    assert read.discover(config) == first
    os.utime(path, ns=(0, 1))
    second = read.discover(config)
    assert second != first
    path.write_text("three")
    os.utime(path, ns=(0, 1))
    assert read.discover(config) != second


@pytest.mark.parametrize(
    "settings",
    [
        {"paths": []},
        {"paths": [""]},
        {"paths": ["a"], "format": "pdf"},
        {"paths": ["a"], "columns": {"texts": "x"}},
        {"paths": ["a"], "max_record_bytes": 0},
        {"paths": ["a"], "max_ratio": 1},
        {"paths": ["a"], "other": 1},
    ],
)
def test_faults_in_the_config_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        read.Config.model_validate(settings)


def test_any_file_system_of_fsspec() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/crawl/a.txt": b"one", "/crawl/b.jsonl.gz": gzip.compress(b'{"text": "two"}'), "/crawl/c.doc": b"no"})
    try:
        for path in ("memory://crawl/*.*", "memory://crawl"):
            kept, dropped, _ = run(path)
            assert kept["page"].to_list() == [b"one", b"two"]
            assert dropped["drop_reason"].to_list() == ["unknown format"]
        assert len({source.partition("://")[0] for source in kept["source"]}) == 1
        memory.pipe({"/crawl/build/own.txt": b"own", "/crawl/.git/b.txt": b"hidden"})
        assert "git" not in str(urls("memory://crawl"))
        for path in ("memory://crawl/**", "memory://crawl"):
            assert "own" not in str(read.discover(read.Config(paths=[path]), ["memory://crawl/build", "build"]))
        with pytest.raises(InputError, match="where curate writes"):
            read.discover(read.Config(paths=["memory://crawl/build"]), ["memory://crawl/build/"])
        config = read.Config(paths=["memory://crawl/a.txt"])
        before = read.discover(config)
        memory.pipe("/crawl/a.txt", b"other")
        with pytest.raises(InputError, match="changed"):
            list(read.read_files(before[0], config))
    finally:
        memory.rm("/crawl", recursive=True)


def test_members_of_an_archive(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/1.txt", "one")
        archive.writestr("x/2.txt", "two")
    kept, _, _ = run(f"zip://x/*.txt::file://{tmp_path}/a.zip")
    assert kept["page"].to_list() == [b"one", b"two"]
    assert kept["source"][0] == f"zip://x/1.txt::file://{tmp_path}/a.zip"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of an HTTP server on loopback over the temporary folder. It knows no ranges."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_http(server: str, tmp_path: Path) -> None:
    rows = [{"text": f"page {number} " + os.urandom(500).hex()} for number in range(2000)]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    pq.write_table(pa.table({"text": ["x", "y"]}), tmp_path / "b.parquet")
    (tmp_path / "c.txt").write_text("one page")
    kept, dropped, _ = run(f"{server}/a.jsonl.gz?download=1", f"{server}/b.parquet", f"{server}/c.txt")
    assert dropped.is_empty()
    assert kept["page"].to_list() == [*(row["text"].encode() for row in rows), b"x", b"y", b"one page"]
    assert kept["source"][0] == f"{server}/a.jsonl.gz?download=1"
    with pytest.raises(InputError, match=r"none\.txt: cannot be read"):
        urls(f"{server}/none.txt")


def test_http_file_that_changes(server: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    config = read.Config(paths=[f"{server}/a.txt"])
    groups = read.discover(config)
    (tmp_path / "a.txt").write_text("three")
    with pytest.raises(InputError, match="changed"):
        list(read.read_files(groups[0], config))


def test_tiny_files_share_tasks_and_large_ones_do_not(tmp_path: Path) -> None:
    """Of 100,000 files 200 tasks are made, whose documents are in the order of the names."""
    for number in range(1_001):
        (tmp_path / f"{number:04}.txt").write_text(f"Page {number}.")
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(b"x" * 5_000_000)
    config = read.Config(paths=[str(tmp_path)])
    groups = read.discover(config)
    assert [len(group) for group in groups] == [500, 500, 2, 1]
    kept, dropped, _ = run_groups(groups[:3], config)
    assert dropped.is_empty() and kept["record"].to_list() == [0] * 1_002
    assert kept["page"][:1_001].to_list() == [f"Page {number}.".encode() for number in range(1_001)]
