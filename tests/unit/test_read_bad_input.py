"""Bad input ends in a counted drop with its place or a clear message, and costs its neighbours nothing."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import random
import time
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from curate.errors import InputError
from curate.readers import streams
from curate.stages import read
from tests.support.read import run, run_groups, warc_record


def json_lines(count: int) -> bytes:
    """Lines that compress badly, so that damage has a place among them."""
    rows = (
        {"text": f"{number} " + "".join(f"{(number * k * k) % 997:x}" for k in range(300))} for number in range(count)
    )
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def random_text(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size // 2).hex().encode()


@pytest.mark.parametrize(
    ("ending", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress), (".bz2", bz2.compress)]
)
def test_truncated_file_gives_the_records_before_the_damage(tmp_path: Path, ending: str, pack) -> None:
    lines = json_lines(2000)
    data = b"".join(pack(lines[start : start + 100_000]) for start in range(0, len(lines), 100_000))
    (tmp_path / f"a.jsonl{ending}").write_bytes(data[: len(data) * 3 // 4])
    kept, dropped, stats = run(str(tmp_path))
    assert kept["page"].to_list() == [json.loads(line)["text"].encode() for line in lines.splitlines()][: kept.height]
    assert kept.height > 1000
    assert stats["reasons"] == {"truncated": 1}
    assert dropped["record"].item() == kept.height
    assert "bytes into the file" in dropped["drop_detail"].item()
    assert lines.splitlines()[kept.height].startswith(dropped["page"].item())


def test_corrupt_gzip_gives_the_records_before_the_damage(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(json_lines(2000)))
    data[len(data) // 2 : len(data) // 2 + 100] = bytes(100)
    (tmp_path / "a.jsonl.gz").write_bytes(data)
    kept, _, stats = run(str(tmp_path))
    assert kept.height > 800
    assert stats["reasons"]["corrupt"] == 1


def test_gzip_with_a_wrong_checksum_is_said_to_be_corrupt(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(json_lines(10)))
    data[-6] ^= 1
    (tmp_path / "a.jsonl.gz").write_bytes(data)
    kept, _, stats = run(str(tmp_path))
    assert (kept.height, stats["reasons"]) == (10, {"corrupt": 1})


@pytest.mark.parametrize("name", ["a.txt.gz", "a.jsonl.zst", "a.html.bz2", "a.warc.gz"])
def test_file_that_is_not_compressed_as_its_name_says(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"just text\n")
    (tmp_path / "b.txt").write_text("neighbour")
    kept, dropped, _ = run(str(tmp_path))
    assert kept["page"].to_list() == [b"neighbour"]
    assert dropped["drop_reason"].item().startswith("not ")
    assert dropped["source"].item().endswith(name)


def test_truncated_page_is_dropped_whole(tmp_path: Path) -> None:
    (tmp_path / "a.html.gz").write_bytes(gzip.compress(random_text(50_000))[:-100])
    kept, dropped, stats = run(str(tmp_path))
    assert (kept.height, stats["reasons"]) == (0, {"truncated": 1})
    assert dropped["page"].item()


def test_packed_file_without_a_byte_is_truncated(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").touch()
    assert run(str(tmp_path))[2]["reasons"] == {"truncated": 1}


@pytest.mark.parametrize("content", [b"", b"\n\r\n\n"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.warc", "a.jsonl.gz"])
def test_empty_file_has_no_documents(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert run(str(tmp_path))[2]["documents_in"] == 0


def test_empty_page_is_a_document(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert run(str(tmp_path))[0]["page"].to_list() == [b""]


def test_html_that_is_a_png_goes_on_as_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    assert run(str(tmp_path))[0]["page"].to_list() == [b"\x89PNG\r\n\x1a\n\0\0"]


def test_broken_json_lines_are_dropped_with_their_numbers(tmp_path: Path) -> None:
    good = json.dumps({"text": "good"})
    bad = ['{"text": "cut in ha', "[1, 2]", '"text"', "{}", '{"text": null}', '{"text": 5}', '{"text": ["x"]}', "\0"]
    (tmp_path / "a.jsonl").write_text("\n".join([good, *bad, good]))
    kept, dropped, _ = run(str(tmp_path))
    assert kept["record"].to_list() == [0, 9]
    assert dropped["record"].to_list() == list(range(1, 9))
    assert dropped["page"].to_list() == [line.encode() for line in bad]
    assert dropped["drop_reason"].to_list() == [
        "broken JSON",
        "not a JSON object",
        "not a JSON object",
        "missing column",
        "page is null",
        "page is not a string",
        "page is not a string",
        "broken JSON",
    ]
    assert dropped["drop_detail"][0].startswith("line 2: ")


def test_missing_column_names_what_was_wanted_and_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"body": "x", "href": "y"}')
    _, dropped, _ = run(str(tmp_path), columns={"text": "content"})
    assert dropped["drop_detail"].item() == "line 1: no `content` among `body`, `href`"


@pytest.mark.parametrize("packed", [False, True])
def test_line_of_200_megabytes_is_dropped_without_being_held(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("a.jsonl.gz" if packed else "a.jsonl")
    good = b'{"text": "good"}\n'
    if packed:
        path.write_bytes(
            b"".join([gzip.compress(good), gzip.compress(random_text(1 << 20)) * 200, gzip.compress(b"\n" + good)])
        )
    else:
        path.write_bytes(good)
        os.truncate(path, 200 << 20)
        with path.open("ab") as stream:
            stream.write(b"\n" + good)
    begin = time.perf_counter()
    kept, dropped, stats = run(str(tmp_path))
    assert time.perf_counter() - begin < 20
    assert kept["record"].to_list() == [0, 2]
    assert stats["reasons"] == {"too large": 1}
    assert len(dropped["page"].item()) == 1 << 20
    assert stats["chars_dropped"] >= 199 << 20


def test_nul_and_lone_surrogates_and_undecodable_bytes(tmp_path: Path) -> None:
    lines = [
        b'{"text": "a\\u0000b", "title": "\\udead", "x\\ud800": "\\udfff"}',
        b'{"text": "lone \\ud800 \\udc80, pair \\ud83d\\ude00"}',
        b'{"text": "caf\xe9 \\ud800", "title": "d\xe9j\xe0", "note": "\xe9"}',
        b'{"text": "nul \0 inside"}',
    ]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    kept, dropped, _ = run(str(tmp_path))
    assert kept["page"].to_list() == [
        b"a\0b",
        "lone \ufffd \ufffd, pair \U0001f600".encode(),
        b"caf\xe9 \xef\xbf\xbd",
    ]
    assert kept["title"].to_list() == ["\ufffd", None, "d\ufffdj\ufffd"]
    assert kept["metadata"].to_list() == ['{"x\ufffd": "\ufffd"}', None, '{"note": "\ufffd"}']
    assert dropped["drop_reason"].to_list() == ["broken JSON"]


@pytest.mark.parametrize("depth", [65, 900, 10_000, 200_000])
def test_json_nested_too_deep(tmp_path: Path, depth: int) -> None:
    deep = '{"text": "x", "a": ' + "[" * depth + "]" * depth + "}"
    (tmp_path / "a.jsonl").write_text(f'{deep}\n{{"text": "{"[{" * 500}", "a": {"[" * 60}1{"]" * 60}}}')
    kept, dropped, stats = run(str(tmp_path))
    assert stats["reasons"] == {"nested too deep": 1}
    assert kept["record"].to_list() == [1]
    assert "64 levels" in dropped["drop_detail"].item()


def test_numbers_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"text": "x", "a": NaN, "b": [Infinity], "c": 123456789012345678901234567890}\n{"text": "y", "n": '
        + "9" * 5000
        + "}"
    )
    kept, _, stats = run(str(tmp_path))
    assert json.loads(kept["metadata"].item()) == {"b": [None], "c": 123456789012345678901234567890}
    assert stats["reasons"] == {"broken JSON": 1}


def test_csv_rows_that_do_not_fit_the_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,good\n2\n3,too,many\n\n4,good\n5,\n")
    kept, dropped, _ = run(str(tmp_path))
    assert kept["id"].to_list() == ["1", "4"]
    assert dropped["record"].to_list() == [1, 2, 4]
    assert dropped["drop_reason"].to_list() == ["wrong number of fields", "wrong number of fields", "page is null"]
    assert dropped["drop_detail"][1] == "line 4: 3 fields, the header has 2"
    assert dropped["page"].to_list() == [b"2", b"3,too,many", b"5,"]


def test_csv_quote_that_is_not_closed_costs_one_row(tmp_path: Path) -> None:
    rows = [f'{number},"text {number}"' for number in range(200)]
    rows[7] = '7,"never closed'
    rows[150] = '150,"closed" badly'
    rows[199] = '199,"never closed'
    (tmp_path / "a.csv").write_text("\n".join(["id,text", *rows]))
    kept, dropped, stats = run(str(tmp_path))
    assert kept["id"].to_list() == [str(number) for number in range(200) if number not in (7, 150, 199)]
    assert dropped["record"].to_list() == [7, 150, 199]
    assert stats["reasons"] == {"broken CSV": 3}
    assert dropped["drop_detail"][0].startswith("line 9: ")


def test_csv_of_quotes_that_open_again_and_again_ends(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,good\n" + 'a","\n' * 20_000)
    begin = time.perf_counter()
    kept, dropped, _ = run(str(tmp_path), max_record_bytes=50_000)
    assert time.perf_counter() - begin < 10
    assert kept["id"].to_list() == ["1"]
    assert dropped.height > 1
    assert "gave up" in dropped["drop_detail"][-1]


def test_csv_header_that_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('"id,text\n1,x\n')
    assert run(str(tmp_path))[2]["reasons"] == {"broken header": 1}


@pytest.mark.parametrize("length", [5, 200, 100_000])
@pytest.mark.parametrize("packed", [False, True])
def test_warc_record_with_a_lying_length_costs_no_neighbour(tmp_path: Path, length: int, packed: bool) -> None:
    records = [warc_record("response", f"<p>{number}".encode(), http="text/html") for number in range(20)]
    records[10] = warc_record("response", b"<p>lies" + b" " * 100, http="text/html", length=length)
    data = b"".join(map(gzip.compress, records)) if packed else b"".join(records)
    (tmp_path / ("a.warc.gz" if packed else "a.warc")).write_bytes(data)
    kept, dropped, _ = run(str(tmp_path))
    assert kept["page"].to_list() == [f"<p>{number}".encode() for number in range(20) if number != 10]
    assert dropped["drop_reason"].to_list() == ["wrong length"]
    assert dropped["record"].item() == 10
    assert dropped["page"].item() == records[10]


def test_warc_record_larger_than_allowed_is_passed_over(tmp_path: Path) -> None:
    body = random_text(3_000_000)
    records = [warc_record("response", page, http="text/html") for page in (b"<p>1", body, b"<p>3")]
    (tmp_path / "a.warc").write_bytes(b"".join(records))
    kept, dropped, stats = run(str(tmp_path), max_record_bytes=1_000_000)
    assert kept["page"].to_list() == [b"<p>1", b"<p>3"]
    assert dropped["page"].item() == records[1][: 1 << 20]
    assert stats["chars_dropped"] == len(records[1])


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.compress)]
)
def test_warc_bomb_inside_a_response(tmp_path: Path, encoding: str, pack) -> None:
    record = warc_record(
        "response", pack(bytes(20_000_000)), http="text/html", more=f"Content-Encoding: {encoding}\r\n"
    )
    (tmp_path / "a.warc").write_bytes(record + warc_record("response", b"<p>2", http="text/html"))
    kept, _, stats = run(str(tmp_path), max_record_bytes=1_000_000)
    assert (kept.height, stats["reasons"]) == (1, {"too large": 1})


def test_warc_garbage_between_records_and_a_cut_at_the_end(tmp_path: Path) -> None:
    page = warc_record("response", b"<p>1", http="text/html")
    no_length = b"WARC/1.0\r\nWARC-Type: response\r\n\r\n<p>\r\n\r\n"
    no_http = warc_record("response", b"nothing of HTTP")
    no_chunks = warc_record("response", b"<p>1", http="text/html", more="Transfer-Encoding: chunked\r\n")
    broken = page + no_length + no_chunks + no_http + page[:-20]
    (tmp_path / "a.warc").write_bytes(b"garbage\r\n\r\n" + broken)
    kept, dropped, _ = run(str(tmp_path))
    assert kept["page"].to_list() == [b"<p>1"] * 2
    assert dropped["drop_reason"].to_list() == ["no WARC record", "no WARC record", "broken HTTP", "wrong length"]


def test_warc_truncated_gzip(tmp_path: Path) -> None:
    records = [gzip.compress(warc_record("response", random_text(5000, seed), http="text/html")) for seed in range(5)]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(records)[:-2000])
    kept, dropped, stats = run(str(tmp_path))
    assert (kept.height, stats["reasons"]) == (4, {"truncated": 1})
    assert dropped["page"].item().startswith(b"WARC/1.0")


def test_warc_with_damaged_members_costs_no_other(tmp_path: Path) -> None:
    pages = [random_text(5000, seed) for seed in range(30)]
    members = [bytearray(gzip.compress(warc_record("response", page, http="text/html"))) for page in pages]
    members[3][1000:1100] = bytes(100)
    members[10][1500] ^= 4
    members[20][:3] = b"???"
    del members[29][-200:]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(members))
    kept, dropped, _ = run(str(tmp_path))
    assert [pages.index(page) for page in kept["page"] if page in pages] == [
        number for number in range(30) if number not in (3, 10, 20, 29)
    ]
    assert dropped["drop_reason"].to_list() == ["corrupt", "corrupt", "corrupt", "truncated"]
    assert kept["record"].is_sorted()


def test_parquet_files_with_other_schemas_and_missing_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x"], "n": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"n": ["one"], "text": [b"\xff"]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"body": ["x", "y"]}), tmp_path / "c.parquet")
    pq.write_table(pa.table({"text": [["x"]]}), tmp_path / "d.parquet")
    (tmp_path / "e.parquet").write_bytes(b"no Parquet")
    (tmp_path / "f.parquet.gz").write_bytes(b"no Parquet")
    kept, dropped, _ = run(str(tmp_path))
    assert kept["page"].to_list() == [b"x", b"\xff"]
    assert kept["metadata"].to_list() == ['{"n": 1}', '{"n": "one"}']
    assert dropped["drop_detail"][1] == "row 2: no `text` or `html` among `body`"
    assert dropped["drop_reason"].to_list() == [
        "missing column",
        "missing column",
        "page is not a string",
        "not Parquet",
        "compressed Parquet",
    ]


def test_parquet_row_without_a_value_in_python_costs_no_other(tmp_path: Path) -> None:
    far = pa.array([[0], [1 << 62], [1]], pa.list_(pa.timestamp("us")))
    pq.write_table(pa.table({"text": ["a", "b", "c" * 2000], "seen": far}), tmp_path / "a.parquet")
    kept, dropped, _ = run(str(tmp_path), metadata=["seen"], max_record_bytes=1000)
    assert kept["record"].to_list() == [0]
    assert dropped.select("record", "drop_reason").rows() == [(1, "corrupt"), (2, "too large")]
    assert dropped["drop_detail"][0] == "row 2: date value out of range"


def test_parquet_row_group_that_is_damaged_costs_no_other(tmp_path: Path) -> None:
    pages = [random_text(2000, seed).decode() for seed in range(30)]
    options = {"row_group_size": 10, "compression": "zstd", "use_dictionary": False}
    pq.write_table(pa.table({"text": pages}), tmp_path / "a.parquet", **options)
    column = pq.read_metadata(tmp_path / "a.parquet").row_group(1).column(0)
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    at = column.data_page_offset + column.total_compressed_size // 2
    data[at : at + 1000] = bytes(1000)
    (tmp_path / "a.parquet").write_bytes(data)
    kept, dropped, _ = run(str(tmp_path))
    assert kept["record"].to_list() == [*range(10), *range(20, 30)]
    assert dropped["drop_reason"].to_list() == ["corrupt"]
    assert "row group 2" in dropped["drop_detail"].item()


@pytest.mark.parametrize(
    ("name", "pack"), [("a.json", bytes), ("a.jsonl", b"\n \r\n".__add__), ("a.jsonl.gz", gzip.compress)]
)
@pytest.mark.parametrize("indent", [None, 1, 4])
def test_json_array_is_one_fault_that_says_what_to_do(tmp_path: Path, name: str, pack, indent: int | None) -> None:
    data = json.dumps([{"text": f"page {number}"} for number in range(100)], indent=indent).encode()
    (tmp_path / name).write_bytes(pack(data))
    kept, dropped, stats = run(str(tmp_path))
    assert kept.is_empty()
    assert stats["reasons"] == {"a JSON array, not JSON lines": 1}
    assert "`jq -c '.[]'` writes one object a line" in dropped["drop_detail"].item()
    assert dropped["page"].item() == data + b"\n"
    assert stats["chars_dropped"] == len(data) + 1


def test_large_json_array_takes_no_memory(tmp_path: Path) -> None:
    data = json.dumps([{"text": "x" * 1000}] * 5000)
    (tmp_path / "a.json").write_text(data)
    (tmp_path / "b.json").write_text(data.replace(",", ",\n"))
    _, dropped, stats = run(str(tmp_path), max_record_bytes=4000)
    assert stats["reasons"] == {"a JSON array, not JSON lines": 2}
    assert (dropped["page"].bin.size() <= 1 << 20).all()
    assert stats["chars_dropped"] == 2 * len(data) + 4999 + 2


def test_json_object_over_several_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"text": "x", "n": [1, 2]}, indent=2))
    _, dropped, stats = run(str(tmp_path))
    assert stats["reasons"] == {"JSON over several lines": 1}
    assert "`jq -c .`" in dropped["drop_detail"].item()


def test_first_line_that_is_an_array_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('["url", "text"]\n{"text": "x"}\n[\n{\n')
    kept, _, stats = run(str(tmp_path))
    assert kept["page"].to_list() == [b"x"]
    assert stats["reasons"] == {"a JSON array, not JSON lines": 1, "broken JSON": 2}


def test_json_array_in_a_damaged_file(tmp_path: Path) -> None:
    data = gzip.compress(b"[\n" + json_lines(2000))
    (tmp_path / "a.json.gz").write_bytes(data[: len(data) // 2])
    assert run(str(tmp_path))[2]["reasons"] == {"truncated": 1}


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, pack) -> None:
    monkeypatch.setattr(streams, "RATIO_FREE_BYTES", 4_000_000)
    line = json.dumps({"text": "x" * 989}).encode() + b"\n"
    (tmp_path / f"a.jsonl{ending}").write_bytes(pack(line * 100_000))
    kept, dropped, _ = run(str(tmp_path), max_ratio=100)
    assert dropped["drop_reason"].to_list() == ["expands too much"]
    assert "max_ratio 100" in dropped["drop_detail"].item()
    assert 4000 <= kept.height < 30_000


def test_text_that_repeats_is_no_bomb(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "the same"}\n' * 10_000))
    assert run(str(tmp_path))[2]["documents_dropped"] == 0


def test_record_over_the_limit_in_every_format(tmp_path: Path) -> None:
    text = "x" * 5000
    (tmp_path / "a.txt").write_text(text)
    (tmp_path / "b.html").write_text(text)
    (tmp_path / "c.jsonl").write_text(json.dumps({"text": text}) + '\n{"text": "small"}')
    (tmp_path / "d.csv").write_text(f"text\n{text}\nsmall\n")
    pq.write_table(pa.table({"text": [text, "small"]}), tmp_path / "e.parquet")
    kept, _, stats = run(str(tmp_path), max_record_bytes=4000)
    assert stats["reasons"] == {"too large": 5}
    assert kept["page"].to_list() == [b"small"] * 3


def test_failure_of_the_disk_is_no_fault_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [random_text(20_000, seed).decode() for seed in range(20)]
    pq.write_table(pa.table({"text": pages}), tmp_path / "a.parquet", row_group_size=2)
    (tmp_path / "b.jsonl").write_text("\n".join(json.dumps({"text": page}) for page in pages))
    before, calls = streams.Readable.read, iter(range(100))

    def failing(stream: streams.Readable, size: int = -1) -> bytes:
        stream._stream = stream._stream if next(calls) < 4 else Broken()
        return before(stream, size)

    monkeypatch.setattr(streams.Readable, "read", failing)
    for name in ("a.parquet", "b.jsonl"):
        with pytest.raises(InputError, match=f"{name}: cannot be read: .*the disk is gone"):
            while True:
                run(f"{tmp_path}/{name}")


class Broken:
    """A stream that cannot be read."""

    def read(self, _: int) -> bytes:
        raise OSError(5, "the disk is gone")


def test_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x"}\n' * 600)
    config = read.Config(paths=[str(path)])
    rows = read.read_files(read.discover(config)[0], config)
    next(rows)
    with path.open("a") as stream:
        stream.write('{"text": "y"}\n')
    with pytest.raises(InputError, match=r"a\.jsonl: changed"):
        list(rows)


def test_file_that_changed_or_went_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x"}\n')
    config = read.Config(paths=[str(path)])
    groups = read.discover(config)
    path.write_text('{"text": "xy"}\n')
    with pytest.raises(InputError, match="changed"):
        run_groups(groups, config)
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        run_groups(groups, config)
