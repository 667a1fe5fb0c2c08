from __future__ import annotations

import json
import tempfile
from pathlib import Path

import polars as pl
import pytest

from curate import display, removal_list
from curate.errors import InputError, ReleaseError
from curate.release import build, leaks, manifest
from curate.release.build import Config
from curate.release.difference import difference
from curate.stages import read, split
from curate.stages.split import Past
from tests.support.releases import documents, release, shard, split_up

LICENSED = Config(license="cc-by-4.0")


@pytest.fixture(scope="module")
def corpus() -> pl.DataFrame:
    return split_up(documents(400))


@pytest.fixture
def first(tmp_path, corpus) -> Path:
    release(tmp_path, [shard(tmp_path, corpus, "first")], "1.0.0")
    return tmp_path


def rewritten(corpus: pl.DataFrame) -> pl.DataFrame:
    return corpus.with_columns(text=pl.when(pl.col("title") == "Story 7").then(pl.lit("New.")).otherwise("text"))


CHANGES = {
    "added": (
        lambda corpus: pl.concat([corpus, split_up(documents(3, start=400))]),
        {},
        "1.1.0",
        "MINOR: 3 documents added",
    ),
    "changed": (rewritten, {}, "1.1.0", "MINOR: 1 text changed"),
    "removed": (lambda corpus: corpus[5:], {}, "1.0.1", "PATCH: 5 documents removed"),
    "updated": (
        lambda corpus: corpus.with_columns(author=pl.lit("B. Ray")),
        {},
        "1.0.1",
        "PATCH: 400 documents with another title or other fields",
    ),
    "card": (
        lambda corpus: corpus,
        {"release": Config(license="cc-by-4.0", summary="New words.")},
        "1.0.1",
        "PATCH: card changed",
    ),
    "licence": (lambda corpus: corpus, {"release": Config(license="odc-by")}, "2.0.0", "MAJOR: licence changed"),
    "split": (lambda corpus: corpus, {"split": split.Config(validation=0.2)}, "2.0.0", "MAJOR: split rule changed"),
    "both": (
        lambda corpus: pl.concat([corpus[1:], split_up(documents(1, start=400))]),
        {},
        "1.1.0",
        "added, 1 document removed",
    ),
}
SMALLER = {"1.0.1": "1.0.0", "1.1.0": "1.0.1", "2.0.0": "1.1.0"}


@pytest.mark.parametrize("what", CHANGES)
def test_the_needed_bump_is_named_and_a_smaller_one_refused(first, corpus, what):
    change, request, needed, why = CHANGES[what]
    files = [shard(first, change(corpus), "second")]
    before = sorted(path.name for path in (first / "news").iterdir())
    with pytest.raises(ReleaseError, match=rf"{why}.*Set `version` to {needed}"):
        release(first, files, SMALLER[needed], **request)
    assert sorted(path.name for path in (first / "news").iterdir()) == before
    made = release(first, files, needed, **request)
    assert made.created
    assert why in made.why


def test_a_larger_step_than_needed_is_fine(first, corpus):
    assert release(first, [shard(first, corpus[1:], "second")], "3.0.0").created


def test_unchanged_content_makes_no_version_and_says_so(first, corpus):
    made = release(first, [shard(first, corpus, "second")], "1.1.0")
    assert not made.created
    assert made.version == "1.0.0"
    assert made.why == "unchanged since v1.0.0: v1.1.0 is not made"
    assert not (first / "news/v1.1.0").exists()


def test_the_changelog_is_written_from_the_diff(first, corpus):
    second = pl.concat([corpus[2:], split_up(documents(3, start=400))])
    dropped = corpus[:1].select("id", drop_reason=pl.lit("near-duplicate"), drop_detail=pl.lit("of x"))
    noted = Config(license="cc-by-4.0", note="A second month.")
    release(first, [shard(first, second, "second")], "1.1.0", release=noted, dropped=[shard(first, dropped, "gone")])
    release(first, [shard(first, second[1:], "third")], "1.1.1")
    assert (first / "news/v1.1.1/CHANGELOG.md").read_text() == CHANGELOG


def test_diff_says_why_documents_are_gone(first, corpus, capsys):
    """From the manifest of the later release, where it follows on the other."""
    dropped = corpus[:2].select("id", drop_reason=pl.lit("near-duplicate"), drop_detail=pl.lit("of x"))
    files = [shard(first, corpus[3:], "second")]
    made = release(first, files, "1.0.1", dropped=[shard(first, dropped, "gone")])
    found = difference(first / "news/v1.0.0", made.path)
    reasons = {"near-duplicate": 2, "not in the input any more": 1}
    assert (found.json()["removed"], found.json()["reasons"]) == (3, reasons)
    display.difference(found)
    assert "removed because: near-duplicate: 2\n" in capsys.readouterr().out


CHANGELOG = """\
# Changes of news

## 1.1.1

PATCH: 1 document removed.

| source | removed |
|---|---:|
| crawl/2.jsonl | 1 |

## 1.1.0

A second month.

MINOR: 3 documents added, 2 documents removed.

Removed because:

- near-duplicate: 1
- not in the input any more: 1

| source | added | removed |
|---|---:|---:|
| crawl/0.jsonl | 1 | 1 |
| crawl/1.jsonl | 1 | 1 |
| crawl/2.jsonl | 1 | 0 |

## 1.0.0

First release.
"""


def test_the_manifest_says_what_changed(first, corpus):
    made = release(first, [shard(first, corpus[3:], "second")], "1.0.1")
    found = manifest.read(made.path)
    assert (found.previous, found.changes) == ("1.0.0", {"removed": 3, "reasons": {}})
    assert {"check": "no document moved since v1.0.0", "checked": 397, "broken": 0} in found.gate


def test_gate_a_document_that_moved(first, corpus):
    row = corpus.with_row_index().filter(pl.col("split") == "test")["index"][0]
    moved = corpus.with_columns(split=pl.when(pl.int_range(pl.len()) == row).then(pl.lit("train")).otherwise("split"))
    with pytest.raises(
        ReleaseError, match=rf"1 document moved since v1\.0\.0 \(1 test -> train\), such as {corpus['id'][row]}"
    ):
        release(first, [shard(first, moved, "moved")], "2.0.0")


def test_a_new_version_before_the_last_is_refused(first, corpus):
    """Nothing would hold its documents in the splits of v1.0.0."""
    said = r"0\.0\.5 was never released, and v1\.0\.0 was: set `version` to a later one"
    with pytest.raises(ReleaseError, match=said):
        release(first, [shard(first, corpus[1:], "second")], "0.0.5")
    with pytest.raises(ReleaseError, match=said):
        build.past(first / "news", "0.0.5")
    assert not (first / "news/v0.0.5").exists()
    (first / "news/v1.0.0/CHANGELOG.md").unlink()
    with pytest.raises(ReleaseError, match=r"v1\.0\.0 is damaged: CHANGELOG\.md: missing"):
        build.past(first / "news", "0.0.5")


def test_an_older_version_can_be_built_again(first, corpus):
    """Its bytes depend on what came before it, not on what came after."""
    release(first, [shard(first, corpus[1:], "second")], "1.0.1")
    files = {path.name: path.read_bytes() for path in (first / "news/v1.0.0").rglob("*.*")}
    (first / "news/v1.0.0").rename(first / "aside")
    assert release(first, [shard(first, corpus, "first")], "1.0.0").created
    assert {path.name: path.read_bytes() for path in (first / "news/v1.0.0").rglob("*.*")} == files


def test_the_last_release_must_be_sound(first, corpus):
    next((first / "news/v1.0.0/data").glob("test-*")).unlink()
    with pytest.raises(ReleaseError, match="missing"):
        release(first, [shard(first, corpus[1:], "second")], "1.0.1")


def test_the_past_is_all_earlier_releases_and_what_they_removed(first, corpus):
    gone = corpus[:2].select("id", drop_reason=pl.lit("removed on request"), drop_detail=pl.lit(None, pl.String))
    release(first, [shard(first, corpus[2:], "second")], "1.0.1", dropped=[shard(first, gone, "gone")])
    release(first, [shard(first, corpus[3:], "third")], "1.0.2")
    copies = [shard(first, corpus[:1], "copies")]
    known = build.past(first / "news", "1.0.3", copies=copies)
    assert len(known.released) == 9
    assert sum(file.rows for _, file in known.released) == 400 + 398 + 397
    assert known.tombstones == tuple(sorted(removal_list.tombstones(corpus["id"][:2])))
    assert known.copies == tuple(copies)
    assert build.past(first / "news", "1.0.0", copies=copies) == Past()
    assert build.past(first / "nowhere", "1.0.0") == Past()


def test_a_list_of_removals_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"release\.remove: .*gone\.txt: No such file"):
        build.past(tmp_path, "1.0.0", tmp_path / "gone.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(InputError, match=r"release\.remove: .*latin\.txt: not UTF-8"):
        build.past(tmp_path, "1.0.0", tmp_path / "latin.txt")


def listing(folder: Path, *lines: str) -> Config:
    (folder / "removed.txt").write_text("\n".join(lines))
    return Config(license="cc-by-4.0", remove=str(folder / "removed.txt"))


def gone(corpus: pl.DataFrame, reason: str) -> pl.DataFrame:
    return corpus.select("id", "url", drop_reason=pl.lit(reason), drop_detail=pl.lit(None, pl.String))


def test_lines_of_the_list_that_match_nothing_are_told(tmp_path, corpus):
    """Found: by URL, by id, by the id of a document that another stage dropped. The last three are typos."""
    url, name, short = corpus["url"][0] + "#top", corpus["id"][1], corpus["id"][2]
    listed = listing(tmp_path, "# asked by mail", "#", url, name, short, "#tag", "https://x.example/", "0000")
    dropped = [
        shard(tmp_path, gone(corpus[:2], removal_list.REMOVED), "a"),
        shard(tmp_path, gone(corpus[2:3], "short"), "b"),
    ]
    made = release(tmp_path, [shard(tmp_path, corpus[3:], "c")], "1.0.0", release=listed, dropped=dropped)
    told = f"3 lines of {listed.remove} match no document: #tag, https://x.example/, 0000"
    assert made.why == f"First release; {leaks.UNCHECKED}; {told}"
    assert manifest.read(made.path).removals == {"lines": 6, "unmatched": 3}
    texts = [path.read_text() for path in made.path.glob("*.*")]
    assert not any("x.example" in text or "removed.txt" in text for text in texts)
    again = release(tmp_path, [shard(tmp_path, corpus[3:], "c")], "1.0.1", release=listed, dropped=dropped)
    assert again.why.startswith("unchanged since v1.0.0: v1.0.1 is not made; 3 lines of ")


def test_a_line_of_the_list_that_matched_earlier_is_no_typo(tmp_path, corpus):
    """What was removed from v1.0.0 is not in the input of v1.0.1: only a hash of its id is known."""
    page = "https://a.example/1?x=2"
    old = corpus[:2].with_columns(url=pl.Series([None, page]), id=pl.Series(["mine", _id_of(page)]))
    listed = listing(tmp_path, "mine", page + "#part", "typo")
    for version, dropped in (("1.0.0", [shard(tmp_path, gone(old, removal_list.REMOVED), "old")]), ("1.0.1", [])):
        rows = corpus[2 + int(version[-1]) :]
        made = release(tmp_path, [shard(tmp_path, rows, version)], version, release=listed, dropped=dropped)
        assert made.why.endswith(f"; 1 line of {listed.remove} matches no document: typo")


def _id_of(url: str) -> str:
    """The id that `read` gives to a page that brings its URL and no id."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pages.jsonl"
        path.write_text(json.dumps({"url": url, "text": "Words."}))
        config = read.Config(paths=[str(path)])
        (group,) = read.discover(config)
        return next(frame["id"][0] for part, frame in read.read_files(group, config) if part == "kept")


def test_pages_that_are_a_file_each_are_told_by_folder(tmp_path, capsys):
    """Of a site's pages nobody wants a row each; of files with many documents one does."""
    pages = [f"pages/site{n % 30}/{n}.html" for n in range(330)]
    corpus = split_up(documents(330, source=pages))
    old = release(tmp_path, [shard(tmp_path, corpus[:270], "old")], "1.0.0")
    new = release(tmp_path, [shard(tmp_path, corpus, "new")], "1.1.0")
    assert "| pages/site0/ | 11 |" in (new.path / "README.md").read_text()
    changelog = (new.path / "CHANGELOG.md").read_text()
    assert "| pages/site0/ | 2 |" in changelog and "and 10 more sources" in changelog
    display.difference(difference(old.path, new.path))
    said = capsys.readouterr().out
    assert "pages/site0/" in said and "and 10 more sources" in said
