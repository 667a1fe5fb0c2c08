"""Whatever the bytes of a file: no reader raises, each record is counted, the same bytes give the same documents."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import math
import string
import unicodedata
from pathlib import Path

import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.readers.header import FIELDS, compiled, parsed
from curate.readers.records import SAMPLE_BYTES
from tests.support.read import run, warc_record

FORMATS = ["text", "html", "jsonl", "parquet", "csv", "warc", "wet"]
ENDINGS = ["", ".gz", ".zst", ".bz2"]
PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress, ".bz2": bz2.compress}

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["text", "html", "url", "id", "site", "title", "author", "published", "x", "y"])
rows = st.lists(st.dictionaries(names, json_values, max_size=6), max_size=8)
pieces = st.lists(
    st.binary(max_size=60)
    | st.sampled_from(
        [
            b'"',
            b",",
            b"\n",
            b"\r\n\r\n",
            b"{",
            b'{"text": "x"}\n',
            b"WARC/1.0\r\n",
            b"Content-Length: 3\r\n",
            b"Content-Length: 99999999\r\n",
            warc_record("response", b"<p>", http="text/html"),
            warc_record("conversion", b"text", content_type="text/plain", length=2),
            gzip.compress(b'{"text": "x"}\n', mtime=0),
            b"PAR1",
        ]
    ),
    max_size=12,
).map(b"".join)


@quick
@given(data=pieces, form=st.sampled_from(FORMATS), ending=st.sampled_from(ENDINGS), packed=st.booleans())
def test_no_bytes_raise(tmp_path: Path, data: bytes, form: str, ending: str, packed: bool) -> None:
    path = tmp_path / f"file{ending}"
    path.write_bytes(PACK[ending](data) if packed else data)
    first = run(str(path), format=form, header="{title} - {published}", max_record_bytes=200)
    again = run(str(path), format=form, header="{title} - {published}", max_record_bytes=200)
    assert first[0].equals(again[0])
    assert first[1].equals(again[1])
    assert (first[0]["page"].bin.size() <= 200).all()
    assert (first[1]["page"].bin.size() <= SAMPLE_BYTES).all()
    assert first[1].filter(first[1]["drop_reason"].is_null() | first[1]["drop_detail"].is_null()).is_empty()


@quick
@given(data=pieces, cut=st.integers(0, 400), ending=st.sampled_from(ENDINGS[1:]))
def test_lines_before_a_cut_are_the_file_s(tmp_path: Path, data: bytes, cut: int, ending: str) -> None:
    good = b"".join(json.dumps({"text": str(number)}).encode() + b"\n" for number in range(50))
    packed = PACK[ending](good + data)
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(packed[: max(1, len(packed) - cut)])
    kept, _, _ = run(str(path))
    pages = kept["page"].to_list()[:50]
    assert pages == [str(number).encode() for number in range(len(pages))]


@quick
@given(rows=rows)
def test_every_json_line_is_kept_or_dropped(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    kept, dropped, _ = run(str(path))
    assert sorted([*kept["record"], *dropped["record"]]) == list(range(len(rows)))
    for document in kept.iter_rows(named=True):
        row = rows[document["record"]]
        assert (
            document["page"].decode() == (row.get("html") or row.get("text") or "").encode("utf-8", "replace").decode()
        )
        metadata = json.loads(document["metadata"] or "{}")
        told = "".join(document[name] or "" for name in ("id", "url", "site", "title", "author", "published"))
        assert "Cc" not in map(unicodedata.category, told)
        assert set(metadata) - {"id"} == {name for name in row if name in ("x", "y") and not _is_nothing(row[name])}
    assert all(not isinstance(rows[at].get("html") or rows[at].get("text"), str) for at in dropped["record"])


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1, max_size=30)


@quick
@given(cells=st.lists(st.tuples(texts, texts), max_size=8), delimiter=st.sampled_from(",;\t|"))
def test_what_a_csv_writer_wrote_is_read(tmp_path: Path, cells: list[tuple[str, str]], delimiter: str) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "note"), *cells])
    (tmp_path / "a.csv").write_bytes(stream.getvalue().encode())
    kept, dropped, _ = run(f"{tmp_path}/a.csv")
    assert dropped.is_empty()
    assert [page.decode() for page in kept["page"]] == [text for text, _ in cells]
    assert [json.loads(found)["note"] for found in kept["metadata"]] == [note for _, note in cells]


@quick
@given(bodies=st.lists(st.binary(max_size=80), min_size=1, max_size=6), lie=st.integers(0, 500), packed=st.booleans())
def test_one_lying_length_costs_one_record(tmp_path: Path, bodies: list[bytes], lie: int, packed: bool) -> None:
    records = [warc_record("resource", body, content_type="text/plain") for body in bodies]
    liar = len(records) // 2
    records[liar] = warc_record("resource", bodies[liar], content_type="text/plain", length=lie)
    (tmp_path / "a.warc").write_bytes(b"".join(records))
    kept, _, _ = run(f"{tmp_path}/a.warc")
    found = dict(zip(kept["record"], kept["page"], strict=True))
    assert [found.get(at) for at in range(liar)] == bodies[:liar]


@given(
    values=st.fixed_dictionaries({name: st.text(string.ascii_letters, min_size=1, max_size=9) for name in FIELDS}),
    order=st.permutations(FIELDS),
    body=st.text(max_size=40),
)
def test_header_tells_what_was_written(values: dict[str, str], order: list[str], body: str) -> None:
    values["published"] += "1"
    line = " | ".join(values[name] for name in order)
    told, rest = parsed(f"{line}\n{body}".encode(), compiled(" | ".join(f"{{{name}}}" for name in order)))
    assert told == values
    assert rest == body.encode()
