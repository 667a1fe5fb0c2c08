"""Each format as it should be: which documents come out, and with what."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
import zstandard

from curate.document import DECISION, READ_SCHEMA
from curate.stages import read
from curate.store import execute
from curate.tasks import END, Task
from curate.tasks import read as read_back
from tests.support.read import run, warc_record


def test_flattened_text_is_one_page_a_file(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes("Zweite Seite\n".encode("latin-1"))
    (tmp_path / "a.txt").write_text("First page\n")
    kept, dropped, stats = run(f"{tmp_path}/*.txt")
    assert kept.schema == READ_SCHEMA
    assert dropped.is_empty()
    assert kept["page"].to_list() == [b"First page\n", b"Zweite Seite\n"]
    assert kept["source"].to_list() == [f"{tmp_path}/a.txt", f"{tmp_path}/b.txt"]
    assert kept["format"].to_list() == ["text", "text"]
    assert stats == {
        "documents_in": 2,
        "documents_kept": 2,
        "documents_dropped": 0,
        "chars_in": 24,
        "chars_kept": 24,
        "chars_dropped": 0,
        "reasons": {},
    }


def test_header_line_becomes_metadata_and_leaves_the_page(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\ufeff date 2019-11-22  UrduPoint.com\nUrduPoint\n\nA story\n")
    (tmp_path / "b.txt").write_text("date palms grow here\nA story\n")
    kept, _, _ = run(f"{tmp_path}/*.txt", header="date {published} {site}")
    first, second = kept.to_dicts()
    assert (first["published"], first["site"]) == ("2019-11-22", "urdupoint.com")
    assert first["page"] == b"UrduPoint\n\nA story\n"
    assert (second["published"], second["site"]) == (None, None)
    assert second["page"].startswith(b"date palms")


def test_html_is_one_page_a_file_as_bytes(tmp_path: Path) -> None:
    page = "<p>naïve".encode("latin-1")
    for name in ("a.html", "b.HTM"):
        (tmp_path / name).write_bytes(page)
    kept, _, _ = run(str(tmp_path))
    assert kept["format"].to_list() == ["html", "html"]
    assert kept["page"].to_list() == [page, page]


def test_json_lines_with_mapped_columns(tmp_path: Path) -> None:
    row = {
        "body": "A story\nof two lines",
        "link": " HTTPS://WWW.Example.ORG:443/a?b=1#top ",
        "title": "",
        "author": ["Ann", "Bo"],
        "date": "2020-01-02",
        "section": {"name": "World", "rank": None},
        "views": 7,
        "nothing": None,
    }
    (tmp_path / "a.jsonl").write_text("\ufeff" + json.dumps(row) + "\r\n\n" + json.dumps({"body": "Ø"}))
    columns = {"text": "body", "url": "link", "published": "date"}
    kept, dropped, _ = run(f"{tmp_path}/a.jsonl", columns=columns)
    assert dropped.is_empty()
    first, second = kept.to_dicts()
    assert first | {"id": "", "source": ""} == {
        "id": "",
        "url": "HTTPS://WWW.Example.ORG:443/a?b=1",
        "site": "example.org",
        "source": "",
        "record": 0,
        "format": "text",
        "title": None,
        "author": "Ann, Bo",
        "published": "2020-01-02",
        "metadata": '{"section": {"name": "World", "rank": null}, "views": 7}',
        "page": b"A story\nof two lines",
    }
    assert second["record"] == 2  # the line's number, whatever lines are blank
    assert second["page"] == "Ø".encode()
    assert second["metadata"] is None


def test_html_column_wins_over_text(tmp_path: Path) -> None:
    rows = [{"html": "<p>x", "text": "x"}, {"html": None, "text": "x"}, {"html": "", "text": "x"}]
    (tmp_path / "a.ndjson").write_text("\n".join(map(json.dumps, rows)))
    kept, _, _ = run(str(tmp_path))
    assert kept["format"].to_list() == ["html", "text", "text"]
    assert kept["page"].to_list() == [b"<p>x", b"x", b"x"]
    assert kept["metadata"].to_list() == [None] * 3


def test_text_is_read_where_only_text_is_mapped(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"html": "<p>x", "body": "x", "text": "old"}))
    kept, _, _ = run(str(tmp_path), columns={"text": "body"})
    assert (kept["format"].item(), kept["page"].item()) == ("text", b"x")
    assert kept["metadata"].to_list() == ['{"text": "old"}']
    kept, _, _ = run(str(tmp_path), columns={"text": "body", "html": "html"})
    assert kept["format"].item() == "html"


def test_parquet_with_types_of_every_kind(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": pa.array(["one", "two", "three"]).dictionary_encode(),
            "url": pa.array([None, "http://a.example/1", ""], pa.large_string()),
            "published": [datetime(2020, 1, 2, 3, 4, 5)] * 3,
            "score": [1.5, float("nan"), None],
            "tags": [["a"], [], None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    kept, dropped, _ = run(str(tmp_path))
    assert dropped.is_empty()
    assert kept["page"].to_list() == [b"one", b"two", b"three"]
    assert kept["record"].to_list() == [0, 1, 2]
    assert kept["url"].to_list() == [None, "http://a.example/1", None]
    assert kept["published"][0].startswith("2020-01-02 03:04:05")
    assert [json.loads(value) if value else None for value in kept["metadata"]] == [
        {"score": 1.5, "tags": ["a"]},
        {"score": None, "tags": []},
        None,
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_finds_its_delimiter(tmp_path: Path, delimiter: str) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerows([["id", "text", "note"], ["7", 'says "so",\r\nand; goes', ""], ["8", "caf\u00e9", "x"]])
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + stream.getvalue().encode())
    kept, dropped, _ = run(str(tmp_path))
    assert dropped.is_empty()
    assert kept["id"].to_list() == ["7", "8"]
    assert kept["page"].to_list() == [b'says "so",\r\nand; goes', "café".encode()]
    assert kept["metadata"].to_list() == [None, '{"note": "x"}']
    assert kept["record"].to_list() == [0, 1]


def test_csv_in_another_encoding_keeps_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text,title\ncaf\u00e9 noir,d\u00e9j\u00e0\n".encode("latin-1"))
    kept, _, _ = run(str(tmp_path))
    assert kept["page"].to_list() == ["café noir".encode("latin-1")]
    assert kept["title"].to_list() == ["d\ufffdj\ufffd"]


def test_warc_yields_pages_and_says_why_others_are_none(tmp_path: Path) -> None:
    records = [
        warc_record("warcinfo", b"software: x", content_type="application/warc-fields"),
        warc_record("request", b"GET / HTTP/1.1\r\n\r\n", content_type="application/http; msgtype=request"),
        warc_record("response", b"<p>page", url="http://a.example/1", http="text/html; charset=utf-8"),
        warc_record("response", b"\x89PNG", url="http://a.example/2", http="image/png"),
        warc_record("response", b"<p>gone", url="http://a.example/3", http="text/html", status="404 Not Found"),
        warc_record("response", "<p>\u0434\u0430".encode("cp1251"), http='text/html; charset="windows-1251"'),
        warc_record("response", gzip.compress(b"<p>packed"), http="text/html", more="Content-Encoding: gzip\r\n"),
        warc_record("response", b"<p>liar", http="text/html", more="Content-Encoding: gzip\r\n"),
        warc_record("response", b"5\r\n<p>ch\r\n3\r\nunk\r\n0\r\n\r\n", http="text/html",
                    more="Transfer-Encoding: chunked\r\n"),
        warc_record("resource", b"plain", content_type="text/plain"),
        warc_record("revisit", b"", http="text/html"),
    ]  # fmt: skip
    (tmp_path / "a.warc.gz").write_bytes(b"".join(map(gzip.compress, records)))
    kept, dropped, stats = run(str(tmp_path))
    assert list(zip(kept["record"], kept["format"], kept["page"], strict=True)) == [
        (2, "html", b"<p>page"),
        (5, "html", "<p>да".encode()),
        (6, "html", b"<p>packed"),
        (7, "html", b"<p>liar"),
        (8, "html", b"<p>chunk"),
        (9, "text", b"plain"),
    ]
    assert kept["url"][0] == "http://a.example/1"
    assert json.loads(kept["metadata"][0])["crawled"] == "2020-01-01T00:00:00Z"
    assert stats["reasons"] == {"HTTP status": 1, "no HTML or text": 1, "revisit without content": 1}
    assert dropped["record"].to_list() == [3, 4, 10]
    assert dropped["drop_detail"][0].endswith("image/png")


def test_wet_yields_text(tmp_path: Path) -> None:
    record = warc_record("conversion", "Grüße\n".encode(), url="http://www.a.example/1", content_type="text/plain")
    (tmp_path / "a.warc.wet").write_bytes(warc_record("warcinfo", b"x", content_type="text/plain") + record)
    kept, _, _ = run(str(tmp_path))
    assert kept["page"].to_list() == ["Grüße\n".encode()]
    assert kept["format"].to_list() == ["text"]
    assert kept["site"].to_list() == ["a.example"]


@pytest.mark.parametrize(
    ("ending", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress), (".bz2", bz2.compress)]
)
def test_compressed_files_may_have_many_members(tmp_path: Path, ending: str, pack) -> None:
    lines = [json.dumps({"text": f"page {number} " + "x" * (number * 977 % 5000)}) + "\n" for number in range(300)]
    members = ["".join(lines[:100]), "".join(lines[100:101])[:7], "".join(lines[100:])[7:], ""]
    data = b"".join(pack(member.encode()) for member in members)
    (tmp_path / f"a.jsonl{ending}").write_bytes(data)
    kept, dropped, _ = run(str(tmp_path))
    assert dropped.is_empty()
    assert kept["page"].to_list() == [json.loads(line)["text"].encode() for line in lines]


def test_zeros_may_follow_a_gzip_member(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"page") + b"\0" * 10_000)
    kept, dropped, _ = run(str(tmp_path))
    assert (kept["page"].to_list(), dropped.height) == ([b"page"], 0)


def test_ids_are_of_the_url_else_of_the_place(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "url": "http://a.example/1"},
        {"text": "b", "url": "http://a.example/1#part"},
        {"text": "c"},
        {"text": "d"},
        {"text": "e", "url": "http://a.example/2", "id": 17},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, rows[:1])))
    kept, _, _ = run(str(tmp_path))
    ids = kept["id"].to_list()
    assert ids[0] == ids[1] == ids[5] == xxhash.xxh3_128_hexdigest(b"http://a.example/1")
    assert len(set(ids)) == 4
    assert ids[4] == "17"
    assert all(len(found) == 32 for found in ids[:4])


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.Example.org/a", "example.org"),
        ("http://user:pw@news.example:8080/", "news.example"),
        ("http://xn--e1afmkfd.xn--p1ai/", "xn--e1afmkfd.xn--p1ai"),
        ("http://[::1]:80/", "[::1]"),
        ("no url at all", None),
        ("http://", None),
    ],
)
def test_site_is_the_host_of_the_url(tmp_path: Path, url: str, site: str | None) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "x", "url": url}))
    assert run(str(tmp_path))[0]["site"].to_list() == [site]


def test_site_as_the_input_names_it_where_there_is_no_url(tmp_path: Path) -> None:
    sites = ["WWW.Example.org", "The Guardian", "https://news.example/", "Local"]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": "x", "site": site}) for site in sites))
    assert run(str(tmp_path))[0]["site"].to_list() == ["example.org", "The Guardian", "news.example", "Local"]


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://u:secret@x.example/0?token=abc#u@v", "http://x.example/0?token=abc"),
        ("HTTPS://u@x.example", "HTTPS://x.example"),
        ("//u:secret@x.example/", "//x.example/"),
        ("http://a@b:c@x.example/", "http://x.example/"),
        ("http://x.example/@home?next=http://u:p@y.example/", "http://x.example/@home?next=http://u:p@y.example/"),
        ("mailto:ann@x.example", "mailto:ann@x.example"),
        ("http://x.example/a\nb\x1b[31m", "http://x.example/ab[31m"),
        ("\x00", None),
    ],
)
def test_urls_tell_no_credentials(tmp_path: Path, given: str, url: str | None) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "x", "url": given}))
    kept, _, _ = run(str(tmp_path))
    assert kept["url"].to_list() == [url]
    if url:
        assert kept["id"].to_list() == [xxhash.xxh3_128_hexdigest(url.encode())]


@pytest.mark.parametrize("given", ["a\nb", "a\x00b", "\x1b[31mred", "a\x7f", "a\x9bb", "a\u2028b", "é" * 101])
def test_given_ids_that_would_do_harm_are_not_used(tmp_path: Path, given: str) -> None:
    rows = [{"text": "x", "id": given, "n": 1}, {"text": "x"}, {"text": "x", "id": given, "url": "http://a.example/"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    kept, _, _ = run(str(tmp_path))
    of_places = [xxhash.xxh3_128_hexdigest(f"{tmp_path}/a.jsonl\n{number}".encode()) for number in (0, 1)]
    assert kept["id"].to_list() == [*of_places, xxhash.xxh3_128_hexdigest(b"http://a.example/")]
    assert json.loads(kept["metadata"][0]) == {"id": given, "n": 1}
    assert kept["metadata"][1] is None


def test_given_ids_of_200_bytes_are_used(tmp_path: Path) -> None:
    ids = ["é" * 100, "<urn:uuid:1 2>", " a "]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": "x", "id": given}) for given in ids))
    assert run(str(tmp_path))[0]["id"].to_list() == ["é" * 100, "<urn:uuid:1 2>", "a"]


def test_what_the_input_tells_stands_in_one_line(tmp_path: Path) -> None:
    told = {"title": "One\ntwo\x1b[2J", "author": ["Ann\x00", "Bo\r\n"], "published": "\t2020-01-02\x85x"}
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "x", **told}) + json.dumps({"text": "x"}).join("\n\n"))
    pl.DataFrame({"text": ["x"], "title": ["\x01\n\x02"]}).write_parquet(tmp_path / "b.parquet")
    kept, _, _ = run(str(tmp_path))
    assert kept.select("title", "author", "published").rows() == [
        ("One two [2J", "Ann , Bo", "2020-01-02 x"),
        (None, None, None),
        (None, None, None),
    ]


@pytest.mark.parametrize(
    ("told", "site"),
    [
        ({"site": "The Daily\nNews"}, None),
        ({"site": "\x1b]0;x\x07"}, None),
        ({"site": "వార్త " * 33}, ("వార్త " * 33).strip()),
        ({"site": "x" * 201}, None),
        ({"site": "a" * 201 + ".example"}, None),
        ({"url": f"http://{'a' * 201}.example/"}, None),
        ({"url": "http://\x00a.example/", "site": "b.example"}, "a.example"),
    ],
)
def test_a_site_is_a_name(tmp_path: Path, told: dict[str, str], site: str | None) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "x", **told}))
    assert run(str(tmp_path))[0]["site"].to_list() == [site]


def test_batches_are_of_500_rows_or_32_megabytes(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n' * 1201)
    config = read.Config(paths=[str(tmp_path)], shard_mb=64)
    assert heights(config) == [500, 500, 201]
    large = json.dumps({"text": "x" * 10_000_000}) + "\n"
    (tmp_path / "a.jsonl").write_text(large * 5)
    assert heights(config) == [4, 1]


def test_a_large_file_becomes_several_shards_of_the_same_documents(tmp_path: Path) -> None:
    lines = [json.dumps({"text": "x" * 250_000}) if n % 5 else "{broken" for n in range(20)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    paths = [str(tmp_path / "a.jsonl")]
    small, large = read.Config(paths=paths, shard_mb=1), read.Config(paths=paths, shard_mb=64)
    cut, whole = (
        execute(Task("read", 1, read.read_files, tuple(read.discover(config)[0]), config), str(tmp_path / "build"))
        for config in (small, large)
    )
    shards = read.shards(cut)
    assert len(shards) == 4 and len(read.shards(whole)) == 1
    assert sum(rows is END for _, rows in read.read_files(read.discover(small)[0], small)) == 8  # each file is closed
    assert [shard.files["kept"].rows for shard in shards] == [shard.stats["documents_kept"] for shard in shards]
    assert [shard.files["dropped"].rows for shard in shards] == [shard.stats["documents_dropped"] for shard in shards]
    for part in ("kept", "dropped"):
        pieces = [read_back(shard.files[part]) for shard in shards]
        assert pl.concat(pieces).equals(read_back(whole.files[part]))
    assert {name: value for name, value in cut.stats.items() if name != "shards"} == read.shards(whole)[0].stats


def heights(config: read.Config) -> list[int]:
    parts = read.read_files(read.discover(config)[0], config)
    return [rows.height for part, rows in parts if part == "kept" and rows is not END]


def test_dropped_rows_have_the_schema_and_the_decision(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("oops\n")
    _, dropped, _ = run(str(tmp_path))
    assert dropped.schema == pl.Schema({**READ_SCHEMA, **DECISION})


def test_metadata_names_the_columns_to_carry(tmp_path: Path) -> None:
    row = {"body": "A story.", "html": "<p>Other</p>", "section": "World", "views": 7, "empty": None}
    pl.DataFrame([row]).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text(json.dumps(row))
    for name in ("a.parquet", "b.jsonl"):
        everything, _, _ = run(f"{tmp_path}/{name}", columns={"text": "body"})
        assert json.loads(everything["metadata"][0]) == {"section": "World", "views": 7}
        some, _, _ = run(f"{tmp_path}/{name}", columns={"text": "body"}, metadata=["html", "empty"])
        assert json.loads(some["metadata"][0]) == {"html": "<p>Other</p>"}
        none, _, _ = run(f"{tmp_path}/{name}", columns={"text": "body"}, metadata=[])
        assert none["metadata"].to_list() == [None]
        assert none["page"].to_list() == [b"A story."]
