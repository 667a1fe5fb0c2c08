"""`curate browse` over HTTP on loopback: search, pages, corrections, and what is refused."""

import json
import re
import socket
import sys
from dataclasses import replace

import polars as pl
import pytest

from curate.browse import browse
from curate.browse.corrections import Corrections, judged
from curate.browse.search import Query
from curate.browse.search import search as find
from curate.browse.server import serve
from curate.config import Config
from curate.errors import InputError, StorageError, UsageError
from curate.models import labelled
from curate.models.train import Examples
from curate.removal_list import REMOVED
from curate.report.pages import page, ways
from curate.report.trail import Trail
from curate.score import score
from tests.end_to_end.conftest import curate
from tests.support.browse import ask, browsing, correct


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return tmp_path_factory.mktemp("labels") / "news.jsonl"


@pytest.fixture(scope="module")
def port(built, labels):
    with browsing(built, "--labels", str(labels)) as port:
        yield port


def search(port, **asked):
    query = "&".join(f"{name}={value.replace(' ', '%20')}" for name, value in asked.items())
    status, text = ask(port, f"/search?{query}")
    assert status == 200, text
    return json.loads(text)


def letters(port, place):
    _, text = ask(port, f"/page/{place}")
    return re.search(r'data-judged="([10t?]*)" data-letters="([10t?]*)"', text).groups()


def saved(labels):
    return [json.loads(line) for line in labels.read_text().splitlines()]


@pytest.fixture(scope="module")
def corrected(port):
    """A page of which one line is corrected: its place, its letters as judged and as corrected."""
    place = search(port, site="northgate", stage="kept")["documents"][0]["place"]
    judged, _ = letters(port, place)
    wanted = judged.replace("1", "0", 1)
    assert json.loads(correct(port, place, wanted)[1]) == {"count": 1}
    return place, judged, wanted


def test_search_on_passes_every_document_once(port):
    found, after = [], {}
    while True:
        part = search(port, **after)
        found += [one["place"] for one in part["documents"]]
        if part["stopped"] is None:
            break
        after = {"after": part["stopped"]}
    assert len(found) == len(set(found)) == part["passed"] == part["of"] == 86


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"reason": "language not kept"}, 20),
        ({"stage": "dedup"}, 24),
        ({"stage": "kept"}, 29),
        ({"stage": "kept", "reason": "near-duplicate"}, 0),
        ({"stage": "kept", "site": "NORTHGATEecho"}, 8),
        ({"text": "OYSTER boat in Ellery Bay"}, 2),
        ({"text": "<!doctype"}, 5),
        ({"text": "no such words (anywhere["}, 0),
    ],
)
def test_search(port, asked, count):
    assert len(search(port, **asked)["documents"]) == count


def test_the_least_certain_documents_come_first(port):
    """As in the report; what a later stage dropped says so."""
    found = search(port, stage="least certain")["documents"]
    assert 10 < len(found) <= 50 and {one["reason"] for one in found} > {None, "language not kept"}
    only = search(port, stage="least certain", site="northgate")["documents"]
    assert 0 < len(only) < len(found) and all(one in found for one in only)


def test_search_by_the_first_characters_of_an_id(port):
    place = search(port, site="northgate")["documents"][0]["place"]
    id = re.search(r"\b[0-9a-f]{32}\b", ask(port, f"/page/{place}")[1])[0]
    assert [one["place"] for one in search(port, id=id[:10])["documents"]] == [place]


def test_a_correction_is_a_labelled_page_that_training_reads(port, labels, corrected):
    place, judged, wanted = corrected
    assert letters(port, place) == (judged, wanted)
    assert search(port, site="northgate", stage="kept")["documents"][0]["corrected"]

    (row,) = saved(labels)
    assert row["labels_page"].replace("_", "") == wanted and "_" in row["labels_page"]
    (page,) = labelled.read(str(labels))
    assert (page.site, page.source, page.lang) == ("northgateecho.example", "news", "en")
    assert page.gold == "\n".join(line for line, label in page.lines if label == "1")
    examples = Examples.of([page])
    assert "".join(examples.letters[examples.bounds[0] : examples.bounds[1]]) == wanted


def test_the_quality_gate_scores_corrections(built, labels, corrected):
    """The page is judged as before; people dropped one of its lines."""
    said = curate("score", "configs/news.yaml", str(labels), "--at-least", "1", "--json", cwd=built, expect=1).stdout
    whole, site = json.loads(said)
    assert (site["site"], site["pages"]) == ("northgateecho.example", 1)
    assert 0.8 < whole["fb"] == site["fb"] < 1
    with pytest.raises(InputError, match="no page with every line labelled"):
        score(Config(name="x", version="0.1.0", read={"paths": ["x"]}, boilerplate={}), [])


def test_the_last_correction_of_a_document_wins_and_can_be_withdrawn(port, labels, corrected):
    place = search(port, reason="near-duplicate")["documents"][0]["place"]
    judged, _ = letters(port, place)
    before = saved(labels)
    correct(port, place, "0" * len(judged))
    assert saved(labels)[len(before)]["gold_text"] == ""
    correct(port, place, "?" * len(judged))
    assert len(saved(labels)) == len(before) + 1
    assert saved(labels)[-1]["gold_text"] is None
    correct(port, place, None)
    assert saved(labels) == before


def test_corrections_of_html_pages_are_flattened_pages(port, labels):
    place = search(port, site="harrowdale", stage="kept")["documents"][0]["place"]
    judged, _ = letters(port, place)
    correct(port, place, judged)
    row = saved(labels)[-1]
    assert row["labels_page"] == judged and "<" not in row["text_page"]
    correct(port, place, None)


def test_what_weighed_on_each_line(port):
    place = search(port, site="northgate", stage="kept")["documents"][0]["place"]
    why = json.loads(ask(port, f"/why/{place}")[1])
    assert len(why) == len(letters(port, place)[0]) and any("its sentences +" in line for line in why)


def test_it_listens_on_loopback_alone(port):
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_other_hosts_and_origins_are_refused(port, labels, corrected):
    place = search(port, stage="kept")["documents"][1]["place"]
    judged, _ = letters(port, place)
    before = labels.read_text()
    assert ask(port, "/", Host="evil.example")[0] == 400
    assert ask(port, "/", Host=f"127.0.0.1.evil.example:{port}")[0] == 400
    for origin in ("http://evil.example", f"http://127.0.0.1:{port + 1}", "null", ""):
        assert correct(port, place, judged, Origin=origin)[0] == 403
    assert ask(port, f"/labels/{place}", "POST", json.dumps({"letters": judged}))[0] == 403
    assert ask(port, f"/labels/{place}")[0] == 405
    assert labels.read_text() == before


@pytest.mark.parametrize(
    "path",
    [
        "/page/../../../../etc/passwd",
        "/page/..%2f..%2f..%2fetc%2fpasswd",
        "/page/%2e%2e/%2e%2e/configs/news.yaml",
        "/../configs/news.yaml",
        "/data/build/news/run.json",
        "/page/0-0-kept-99999",
        "/page/99-0-kept-0",
        "/page/0-999999999-kept-0",
        "/page/0-0-gone-0",
        "/page/-1-0-kept-0",
        "/search?after=0-0-kept-0",
        "/search?after=..",
    ],
)
def test_only_rows_of_the_build_are_served(port, path):
    status, text = ask(port, path)
    assert status == 404 and "root:" not in text and "version:" not in text


def test_letters_that_do_not_fit_are_refused(port, labels, corrected):
    place = search(port, stage="kept")["documents"][1]["place"]
    judged, _ = letters(port, place)
    before = labels.read_text()
    for wrong in (judged + "1", "x" * len(judged), 7, [judged], {}):
        assert correct(port, place, wrong)[0] == 400
    own = {"Origin": f"http://127.0.0.1:{port}"}
    for body in (b"", b"[]", b'"1"', b"\xff", b"[" * 100_000):
        assert ask(port, f"/labels/{place}", "POST", body, **own)[0] == 400
    assert ask(port, f"/labels/{place}", "POST", b" " * 1_500_000, **own)[0] == 413
    assert labels.read_text() == before


def test_nothing_of_a_page_can_run(port):
    status, text = ask(port, "/")
    assert status == 200 and not re.search(r"<script src|\son\w+=\"|style=", text)
    place = search(port, stage="read")["documents"][0]["place"]
    assert "<script" not in ask(port, f"/page/{place}")[1]


def test_one_process_at_a_time_writes(port, labels):
    with pytest.raises(StorageError, match="another `curate browse` writes here"), Corrections(labels, "news"):
        pass
    with pytest.raises(UsageError, match=f"--port {port}: .*name another"):
        serve(None, port, print)


@pytest.mark.parametrize("row", [{"text": "no id"}, {"id": "2", "text_page": "a\n\nb", "labels_page": "1_"}, [], "1"])
def test_a_file_that_is_no_corrections_is_not_overwritten(tmp_path, row):
    (tmp_path / "mine.jsonl").write_text('{"id": "1"}\n' + json.dumps(row))
    with pytest.raises(InputError, match=r"mine.jsonl:2: is no correction"), Corrections(tmp_path / "mine.jsonl", "x"):
        pass


def test_a_missing_library_is_named(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "curate.browse.server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    config = Config(name="x", version="0.1.0", read={"paths": ["x"]})
    with pytest.raises(UsageError, match=r"uvicorn is not installed; `pip install 'curate\[browse\]'`"):
        browse(config, tmp_path / "x.jsonl", 0, print)


def test_a_run_that_was_interrupted_before_lines_were_judged(built, monkeypatch, tmp_path):
    """Lines have no verdict yet; people can give them one."""
    monkeypatch.chdir(built)
    whole = Trail.of("data/build/news")
    trail = replace(whole, record=replace(whole.record, stages=whole.record.stages[:2], release=None))
    place, _ = find(trail, Query(site="northgate", stage="kept")).rows[0]
    way = ways(trail, [place])[0]
    lines = judged(trail, way, page(trail, way))
    assert set(lines.letters) == {"?"} and lines.article is None
    assert lines.relabelled("1" * len(lines.letters)).article.count("\n") == len(lines.letters) - 1


def test_a_search_stops_when_its_time_is_over_and_goes_on(built, monkeypatch):
    monkeypatch.chdir(built)
    trail, after, passed = Trail.of("data/build/news"), None, []
    while not passed or after:
        found = find(trail, Query(text="no such words"), after, seconds=0)
        after = found.stopped
        passed.append(found.passed)
        assert found.rows == []
    assert passed == sorted(passed) and passed[-1] == 86 and len(passed) > 5


def test_what_was_removed_on_request_is_not_shown():
    frame = pl.DataFrame({"id": ["1", "2"], "drop_reason": [REMOVED, "near-duplicate"], "text": ["same", "same"]})
    assert frame.filter(Query(text="same").fits(frame.columns))["id"].to_list() == ["2"]
