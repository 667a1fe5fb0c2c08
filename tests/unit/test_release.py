from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import datasets
import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from filelock import FileLock

from curate import config, pipeline, removal_list
from curate.errors import InputError, ReleaseError, StorageError
from curate.neardup.in_memory import cluster
from curate.release import build, card, disk, gate, leaks, manifest, order, shards
from curate.release.build import Config
from curate.release.card import size_category
from curate.release.content import content_sha256, content_sum
from curate.release.schema import FIELDS, SCHEMA
from curate.release.wording import cell
from curate.stages import dedup, split
from curate.tasks import batches
from tests.support.releases import LocalRounds, documents, release, shard, split_up

COUNT = 1200


@pytest.fixture(scope="module")
def corpus() -> pl.DataFrame:
    return split_up(documents(COUNT))


@pytest.fixture(scope="module")
def made(tmp_path_factory, corpus) -> build.Release:
    folder = tmp_path_factory.mktemp("made")
    return release(folder, [shard(folder, corpus, "corpus")])


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(folder: Path) -> pl.DataFrame:
    names = [file["path"] for file in manifest.read(folder).files if "rows" in file]
    frames = [
        pl.from_arrow(pq.read_table(folder / name)).with_columns(split=pl.lit(manifest.split_of(name)))
        for name in names
    ]
    return pl.concat(frames)


def test_a_release_holds_what_was_kept(made, corpus):
    assert made.created
    assert made.splits == dict(corpus["split"].value_counts().iter_rows())
    found = rows(made.path)
    assert found.columns == [*SCHEMA.names, "split"]
    shared = [name for name in found.columns if name in corpus.columns]
    assert found.select(shared).sort("id").equals(corpus.select(shared).sort("id"))


def test_files_are_what_docs_promise(made):
    assert sorted(content(made.path)) == [
        "CHANGELOG.md",
        "README.md",
        "data/test-00000-of-00001.parquet",
        "data/train-00000-of-00001.parquet",
        "data/validation-00000-of-00001.parquet",
        "manifest.json",
        "plots/languages.svg",
        "plots/lengths.svg",
        "plots/years.svg",
    ]
    parquet = pq.ParquetFile(made.path / "data/train-00000-of-00001.parquet")
    assert parquet.schema_arrow.remove_metadata().equals(SCHEMA)
    column = parquet.metadata.row_group(0).column(0)
    assert (column.compression, column.has_column_index) == ("ZSTD", True)
    assert stat.S_IMODE(made.path.stat().st_mode) & 0o055 == 0o055 & ~_umask()


def test_documents_stand_by_month_then_id(made):
    train = rows(made.path).filter(split="train")
    months = train["published"].str.head(7).to_list()
    undated = months.count(None)
    assert months[:undated] == [None] * undated
    assert months[undated:] == sorted(months[undated:])
    march = train.filter(pl.col("published").str.starts_with("2024-03"))
    assert march["id"].is_sorted()
    assert train[:undated]["source"].is_sorted()


def test_the_same_bytes_however_documents_arrive(tmp_path, made, corpus, monkeypatch):
    monkeypatch.setattr(order, "RUN_BYTES", 9_000)
    monkeypatch.setattr(order, "PART_BYTES", 7_000)
    monkeypatch.setattr(order, "SAMPLE_BYTES", 800)
    shuffled = corpus.sample(fraction=1, shuffle=True, seed=3)
    again = release(tmp_path, [shard(tmp_path, shuffled[i::5], f"s{i}") for i in range(5)])
    assert content(again.path) == content(made.path)


def test_the_same_bytes_from_work_that_was_done_before(tmp_path, made, corpus):
    """What a task says comes back from the store in another order of keys than from the task itself."""
    files = [shard(tmp_path, corpus, "corpus")]
    for _ in range(2):
        again = release(tmp_path, files)
        assert content(again.path) == content(made.path)
        shutil.rmtree(tmp_path / "news")


def test_an_unchanged_version_is_not_made_again(tmp_path, corpus):
    files = [shard(tmp_path, corpus, "corpus")]
    first = release(tmp_path, files)
    before = {path: path.stat().st_mtime_ns for path in first.path.rglob("*")}
    again = release(tmp_path, files)
    assert not again.created
    assert (again.content_sha256, again.splits) == (first.content_sha256, first.splits)
    assert {path: path.stat().st_mtime_ns for path in first.path.rglob("*")} == before


def test_a_version_with_other_content_is_refused(tmp_path, corpus):
    first = release(tmp_path, [shard(tmp_path, corpus, "all")])
    before = content(tmp_path / "news")
    with pytest.raises(ReleaseError, match=r"PATCH: 1 document removed\. Set `version` to 0\.1\.1"):
        release(tmp_path, [shard(tmp_path, corpus[1:], "fewer")])
    assert content(tmp_path / "news") == before
    assert manifest.verify(first.path)


def test_a_damaged_release_is_found_by_checksum_and_named(tmp_path, made):
    for name, damage in {
        "data/test-00000-of-00001.parquet": lambda path: path.unlink(),
        "data/train-00000-of-00001.parquet": lambda path: path.write_bytes(path.read_bytes()[:-9]),
        "data/validation-00000-of-00001.parquet": flip_a_byte,
        "README.md": flip_a_byte,
    }.items():
        folder = tmp_path / "damaged"
        shutil.copytree(made.path, folder)
        damage(folder / name)
        with pytest.raises(ReleaseError, match=name):
            manifest.verify(folder)
        shutil.rmtree(folder)


def test_a_newer_or_damaged_manifest_is_refused(tmp_path, made):
    raw = json.loads((made.path / "manifest.json").read_text())
    for text, said in (
        (json.dumps({**raw, "format": manifest.FORMAT + 1}), "newer curate"),
        (json.dumps({**raw, "surprise": 1}), "damaged: surprise: "),
        (json.dumps({**raw, "splits": ["train"]}), "damaged: splits: "),
        (json.dumps({**raw, "files": 7}), "damaged: files: "),
        ("[" * 100_000, "damaged"),
        (json.dumps(raw)[:-40], "damaged"),
    ):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(ReleaseError, match=said):
            manifest.read(tmp_path)
    with pytest.raises(ReleaseError, match="no release"):
        manifest.read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "path", ["../secret.parquet", "data/../../train-0-of-1.parquet", "/etc/passwd", "data/x.parquet", "a\nREADME.md"]
)
def test_a_manifest_names_no_file_outside_the_release(tmp_path, made, path):
    raw = json.loads((made.path / "manifest.json").read_text())
    raw["files"][0]["path"] = path
    (tmp_path / "manifest.json").write_text(json.dumps(raw))
    with pytest.raises(ReleaseError, match="is no file of a release"):
        manifest.read(tmp_path)


def test_a_password_in_an_address_stands_in_no_release():
    given = {"name": "news", "version": "1.0.0", "read": {"paths": ["s3://key:s3cr3t@bucket/news", "data/a@b.txt"]}}
    text = pipeline._request(config.Config.model_validate(given)).config
    assert "s3cr3t" not in text
    assert json.loads(text)["read"]["paths"] == ["s3://bucket/news", "data/a@b.txt"]


def test_a_link_in_a_release_is_refused(tmp_path, made):
    folder = shutil.copytree(made.path, tmp_path / "linked")
    shard = next((folder / "data").glob("test-*"))
    shard.rename(tmp_path / "elsewhere.parquet")
    shard.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(ReleaseError, match=f"{shard.name}: a link"):
        manifest.verify(folder)


def test_the_card_tells_the_truth(made):
    metadata = yaml.safe_load((made.path / "README.md").read_text().split("---\n")[1])
    assert metadata["license"] == "cc-by-4.0"
    assert metadata["language"] == ["en", "no"]
    assert metadata["size_categories"] == ["1K<n<10K"]
    counted = {info["name"]: info["num_examples"] for info in metadata["dataset_info"]["splits"]}
    assert counted == made.splits
    sizes = [path.stat().st_size for path in (made.path / "data").iterdir()]
    assert metadata["dataset_info"]["download_size"] == sum(sizes)


def test_what_a_person_wrote_stands_in_every_card(tmp_path, corpus):
    (tmp_path / "thanks.md").write_text("\ufeff## Thanks\n\nTo the three papers.\n")
    (tmp_path / "limits.md").write_text("No paper prints on Sunday.\n")
    own = Config(summary="News of five sites.", card=card.Parts(summary="thanks.md", limits="limits.md"))
    words = card.own_words(own.card, tmp_path)
    for version in ("1.0.0", "1.0.1"):
        files = [shard(tmp_path, corpus[int(version[-1]) :], version)]
        made = release(tmp_path, files, version, release=own, words=words)
        text = (made.path / "README.md").read_text()
        assert "\nNews of five sites.\n" in text
        assert "\n## Thanks\n\nTo the three papers.\n\n## Versions" in text
        assert "retelling is none.\n\nNo paper prints on Sunday.\n\n## Rebuild" in text
    fewer = {"summary": words["summary"]}
    with pytest.raises(ReleaseError, match=r"PATCH: card changed. Set `version` to 1\.0\.2"):
        release(tmp_path, files, "1.0.1", release=own, words=fewer)


def test_a_part_of_the_card_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    for name, said in (("gone.md", "No such file or directory; paths are relative"), ("latin.md", "not UTF-8")):
        with pytest.raises(InputError, match=rf"release\.card\.limits: .*{name}: {said}"):
            card.own_words(card.Parts(limits=name), tmp_path)


def test_the_card_shows_what_was_dropped_but_not_what_was_removed_on_request(tmp_path, corpus):
    said = ["too short"] * 5 + [removal_list.REMOVED] * 2
    dropped = documents(7, start=5000).select("id", drop_reason=pl.Series(said), drop_detail=pl.lit("12 words"))
    made = release(tmp_path, [shard(tmp_path, corpus, "corpus")], dropped=[shard(tmp_path, dropped, "dropped")])
    text = (made.path / "README.md").read_text()
    (shown,) = manifest.read(made.path).dropped
    assert shown["reason"] == "too short"
    assert f"| too short | {shown['id']} | 12 words |" in text
    assert "Removed on request so far: 2 documents," in text
    assert not [name for name in dropped["id"][5:] if name in text]


def test_plots_are_images(made):
    for path in (made.path / "plots").iterdir():
        root = ElementTree.fromstring(path.read_text())
        assert root.tag.endswith("svg")
        assert f"](plots/{path.name})" in (made.path / "README.md").read_text()


NASTY = [
    "![x](https://evil.example/p.png) hello",
    "a](https://evil.example) [c",
    "evil|site\n---\n<script>",
    "`code` *bold* _it_ ~~del~~ &lt; $x$ \\| C:\\",
    "safe\u202egnp.exe\u2066\x1b[31m\x00\x85\u200b\ufeff\U000e0041",
]


@pytest.mark.parametrize("nasty", NASTY)
def test_a_value_cannot_break_out_of_the_card(tmp_path, corpus, nasty):
    """Wherever a page's words stand, they are words: no mark is without a backslash, nothing hidden is left."""
    fields = ("site", "source", "title")
    frame = corpus.with_columns(**{name: pl.lit(nasty) for name in fields}, text=nasty + " " + pl.col("id"))
    gone = corpus[:1].select(pl.lit("id" + nasty).alias("id"), drop_reason=pl.lit("r"), drop_detail=pl.lit(nasty))
    release(tmp_path, [shard(tmp_path, frame, "nasty")], dropped=[shard(tmp_path, gone, "gone")])
    made = release(tmp_path, [shard(tmp_path, frame[1:], "fewer")], "0.1.1", dropped=[shard(tmp_path, gone, "gone")])
    for name in ("README.md", "CHANGELOG.md"):
        text = (made.path / name).read_text()
        assert cell(nasty) in text
        assert not any(shown in text.replace(cell(nasty), "") for shown in ("evil", "safe", "bold"))
        assert not re.search(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]", text)


@pytest.mark.parametrize("nasty", NASTY)
def test_a_cell_is_words(nasty):
    unescaped = re.sub(r"\\[\\`*_{}\[\]()#!|~$]|&(amp|lt|gt);", "", cell(nasty))
    assert not set(unescaped) & set("\\`*_{}[]()#!|~$&<>\n")


def test_a_cell_is_short():
    assert cell("s3://crawl/" + "a" * 300 + "/page.txt.gz") == f"s3://crawl/{'a' * 29}…{'a' * 27}/page.txt.gz"
    assert len(cell("x" * 81)) == 80
    assert cell("[" * 80) == "\\[" * 80


@pytest.mark.parametrize(
    ("documents", "category"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**9, "1B<n<10B"), (10**12, "n>1T")],
)
def test_size_categories(documents, category):
    assert size_category(documents) == category


def test_the_content_hash_knows_nothing_of_order_and_parts(corpus):
    whole = content_sha256([content_sum(corpus)])
    parts = [content_sum(corpus[1::2].reverse()), content_sum(corpus[::2])]
    assert content_sha256(parts) == whole
    for column in ("id", "text", "split"):
        other = corpus.with_columns(
            pl.when(pl.int_range(pl.len()) == 7).then(pl.lit("x")).otherwise(column).alias(column)
        )
        assert content_sha256([content_sum(other)]) != whole


def test_bytes_do_not_depend_on_how_documents_arrive(tmp_path, corpus, monkeypatch):
    """In parts of any size, of which a shard takes the end of one and the beginning of another."""
    monkeypatch.setattr(shards, "ROW_GROUP_BYTES", 4000)
    files = {}
    for name, part in (("one", order.PART_BYTES), ("many", 9000)):
        monkeypatch.setattr(order, "PART_BYTES", part)
        monkeypatch.setattr(order, "SAMPLE_BYTES", part // 4)
        rounds = LocalRounds(tmp_path / name)
        parts = order.sort([shard(tmp_path, corpus, "corpus")], rounds)
        folder = tmp_path / name / "data"
        paths = shards.write(parts, rounds, folder, 30_000)
        files[len(parts) > 1] = {path.name: path.read_bytes() for path in paths}
        assert sorted(files[len(parts) > 1]) == sorted(path.name for path in folder.iterdir())
    assert len(files) == 2 and len(files[True]) > 3
    assert files[True] == files[False]
    assert pq.read_metadata(paths[0]).num_row_groups > 2
    ids = [name for path in paths for name in pq.read_table(path, columns=["id"])["id"].to_pylist()]
    sizes = [name for part in parts for batch in batches(part.documents) for name in batch["id"].to_list()]
    assert ids == sizes and len(ids) == corpus.height


@pytest.mark.parametrize("links", [True, False])
def test_a_shard_has_its_room_once_where_links_can_be(tmp_path, corpus, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EXDEV, "another disk")))
    made = release(tmp_path, [shard(tmp_path, corpus, "corpus")])
    for path in (made.path / "data").iterdir():
        assert path.stat().st_nlink == 1 + links
    manifest.verify(made.path)


def test_shards_are_cut_by_content(tmp_path, corpus):
    big = split_up(documents(4000)).with_columns(text=pl.col("text") + " words" * 300)
    files = [shard(tmp_path, big, "big")]
    first = release(tmp_path, files, release=Config(shard_mb=1))
    shards = sorted((first.path / "data").glob("train-*.parquet"))
    assert len(shards) > 3
    assert all(path.name.endswith(f"of-{len(shards):05d}.parquet") for path in shards)
    fewer = big.filter(pl.col("id") != rows(first.path)["id"][1500])
    second = release(tmp_path, [shard(tmp_path, fewer, "fewer")], "0.1.1", release=Config(shard_mb=1))
    kept = {file["sha256"] for file in manifest.read(first.path).files} & {
        file["sha256"] for file in manifest.read(second.path).files
    }
    assert len(kept) >= len(list((first.path / "data").iterdir())) - 2


# The gate, broken in each way.


def test_gate_an_id_twice(tmp_path, corpus):
    twice = pl.concat([corpus, corpus[:1].with_columns(text=pl.lit("Another text of that id."))])
    with pytest.raises(ReleaseError, match=f"no id twice.* such as {corpus['id'][0]}"):
        release(tmp_path, [shard(tmp_path, twice, "twice")])
    assert not list((tmp_path / "news").glob("*v0*"))


def test_gate_a_cluster_in_two_splits(tmp_path, corpus):
    crossing = corpus.with_columns(cluster=pl.lit("one cluster"))
    with pytest.raises(ReleaseError, match=r"no cluster in two splits: 1 .* one cluster"):
        release(tmp_path, [shard(tmp_path, crossing, "crossing")])


def test_gate_a_site_in_two_splits(tmp_path, corpus):
    with pytest.raises(ReleaseError, match=r"no site in two splits: 5 sites broke this, such as site0\.example"):
        release(tmp_path, [shard(tmp_path, corpus, "corpus")], split=split.Config(by="site"))
    sites = split_up(documents(400, site=[f"site{n % 40}" for n in range(400)]), by="site")
    made = release(tmp_path, [shard(tmp_path, sites, "sites")], split=split.Config(by="site"))
    assert manifest.read(made.path).gate[2] == {"check": "no site in two splits", "checked": 40, "broken": 0}


def test_gate_works_in_any_number_of_buckets(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr(gate, "BUCKET_ROWS", 100)
    made = release(tmp_path, [shard(tmp_path, corpus, "corpus")])
    assert [check["checked"] for check in manifest.read(made.path).gate] == [COUNT, COUNT, COUNT]
    twice = pl.concat([corpus, corpus[:1]])
    with pytest.raises(ReleaseError, match="no id twice"):
        release(tmp_path / "other", [shard(tmp_path, twice, "twice")])


def test_gate_an_empty_split(tmp_path, corpus):
    with pytest.raises(ReleaseError, match=r"of 1,077 documents none fell into validation: raise split\.validation"):
        release(tmp_path, [shard(tmp_path, corpus.filter(pl.col("split") != "validation"), "two")])


def small(count: int, name: str) -> pl.DataFrame:
    """So few documents that with the default shares all fall into one split, as they are hashed."""
    frame = split_up(documents(400), validation=0.05, test=0.05)
    return frame.filter(split=name)[:count]


@pytest.mark.parametrize("count", [1, 8])
def test_a_small_corpus_is_released_without_the_splits_that_it_has_nothing_for(tmp_path, count, monkeypatch):
    """What a newcomer with a handful of pages wants is a release that loads."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    frame = small(count, "train")
    made = release(tmp_path, [shard(tmp_path, frame, "small")], split=split.Config())
    assert made.splits == {"train": count}
    documents = "1 document" if count == 1 else "8 documents"
    notes = [f"{name} is empty: of {documents} none fell into it" for name in ("validation", "test")]
    notes.append(leaks.UNCHECKED)
    assert manifest.read(made.path).notes == notes
    assert made.why == "; ".join(["First release", *notes])
    assert all(f"\nNote: {note}.\n" in (made.path / "README.md").read_text() for note in notes)
    for path in (made.path, made.path.parent):
        assert {name: part.num_rows for name, part in datasets.load_dataset(str(path)).items()} == {"train": count}


@pytest.mark.parametrize(
    ("rule", "name", "remedy"),
    [
        ({}, "validation", "none fell into train: lower split.validation or split.test"),
        ({"test": {"after": "2030-01-01"}}, "train", "none fell into test: set split.test.after to an earlier day"),
    ],
)
def test_an_empty_split_that_is_no_chance_is_refused_in_a_small_corpus_too(tmp_path, rule, name, remedy):
    with pytest.raises(ReleaseError, match=remedy):
        release(tmp_path, [shard(tmp_path, small(3, name), "small")], split=split.Config(**rule))


def test_a_split_not_asked_for_is_left_out(tmp_path, corpus):
    made = release(
        tmp_path, [shard(tmp_path, corpus.filter(split="train"), "one")], split=split.Config(validation=0, test=0)
    )
    assert list(made.splits) == ["train"]


def different(corpus: pl.DataFrame) -> pl.DataFrame:
    """With texts that have little in common."""
    texts = [" ".join(f"w{n * (k + 3) % 9973}" for k in range(80)) for n in range(corpus.height)]
    return corpus.with_columns(text=pl.Series(texts))


def leaking(corpus: pl.DataFrame, **texts: str) -> pl.DataFrame:
    """The corpus with another text for the first document of each of these splits."""
    first = {corpus.filter(split=name)["id"][0]: text for name, text in texts.items()}
    return corpus.with_columns(text=pl.col("id").replace_strict(first, default=pl.col("text")))


@pytest.mark.parametrize("partition", [25_000, 40])
def test_gate_near_duplicates_across_splits(tmp_path, corpus, monkeypatch, partition):
    monkeypatch.setattr(dedup, "PARTITION_DOCUMENTS", partition)
    monkeypatch.setattr(shards, "ROW_GROUP_BYTES", 10 * partition)
    monkeypatch.setattr(build, "PIECE_BYTES", 1)  # a row group each
    clean = different(corpus[:300])
    made = release(tmp_path, [shard(tmp_path, clean, "clean")], dedup=dedup.Config())
    texts, pairs = manifest.read(made.path).gate[-2:]
    assert texts == {"check": "no text in two splits", "checked": 300, "broken": 0}
    assert pairs["check"].startswith("no near-duplicates in two splits (similarity 0.55, containment 0.8)")
    train, test = (clean.filter(split=name)["id"][0] for name in ("train", "test"))
    leaked = leaking(clean, test=clean.filter(id=train)["text"][0] + " and more")
    both = rf"{train} \(train\) and {test} \(test\)|{test} \(test\) and {train} \(train\)"
    with pytest.raises(ReleaseError, match=rf"no near-duplicates in two splits .*1 pair broke this, such as ({both})$"):
        release(tmp_path / "leak", [shard(tmp_path, leaked, "leaking")], dedup=dedup.Config())
    same = leaking(clean, test=clean.filter(id=train)["text"][0].upper())
    with pytest.raises(ReleaseError, match=rf"no text in two splits: 1 pair broke this, such as ({both})$"):
        release(tmp_path / "copy", [shard(tmp_path, same, "same")], dedup=dedup.Config())
    unasked = release(tmp_path / "unasked", [shard(tmp_path, leaked, "leaking")])
    assert manifest.read(unasked.path).notes == [leaks.UNCHECKED]


def test_gate_a_pair_of_which_neither_represents_the_other(tmp_path, corpus):
    """A chain of three, of which the middle one is near both ends. The first is the longest and the middle one its
    copy, so that the last is near no representative; yet it is near the middle one, which is in another split."""
    words = [f"w{n}" for n in range(300)]
    chain = {"train": words[:204], "validation": words[50:250], "test": words[110:300]}
    texts = {name: " ".join(part) for name, part in chain.items()}
    frame = leaking(different(corpus[:300]), **texts).with_columns(
        split=pl.when(pl.col("text") == texts["validation"]).then(pl.lit("train")).otherwise("split")
    )
    assert cluster([texts["train"], texts["validation"], texts["test"]]) == [0, 0, 2]
    with pytest.raises(ReleaseError, match=r"no near-duplicates in two splits .*: 1 pair broke this"):
        release(tmp_path, [shard(tmp_path, frame, "chain")], dedup=dedup.Config())


def test_gate_near_duplicates_in_one_split_are_no_leak(tmp_path, corpus):
    train = different(corpus[:300]).filter(split="train")
    twice = pl.concat([train, train[:1].with_columns(id=pl.lit("again"))])
    release(
        tmp_path,
        [shard(tmp_path, twice, "twice")],
        dedup=dedup.Config(),
        split=split.Config(validation=0, test=0),
    )


def test_gate_a_text_that_changed_on_its_way(tmp_path, made):
    table = pq.read_table(made.path / "data/test-00000-of-00001.parquet")
    texts = table["text"].to_pylist()
    altered = table.set_column(1, "text", [[*texts[:-1], "Something else."]])
    pq.write_table(altered, tmp_path / "test.parquet")
    file = manifest.File(str(tmp_path / "test.parquet"), "altered", altered.num_rows)
    with pytest.raises(ReleaseError, match="text_hash differ"):
        gate.verify([("test", file)], split.Config(), LocalRounds(tmp_path))


def test_nothing_to_release(tmp_path, corpus):
    with pytest.raises(ReleaseError, match="no document"):
        release(tmp_path, [shard(tmp_path, corpus[:0], "none")])


# What can go wrong with a disk: nothing half-written is ever seen.


def test_a_folder_that_cannot_be_written(tmp_path, corpus):
    (tmp_path / "news").write_text("a file stands where the folder should")
    with pytest.raises(StorageError, match="news"):
        release(tmp_path, [shard(tmp_path, corpus, "corpus")])


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder(tmp_path, corpus):
    (tmp_path / "news").mkdir(mode=0o555)
    with pytest.raises(StorageError, match="no right to write"):
        release(tmp_path, [shard(tmp_path, corpus, "corpus")])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_fails_at_the_end(tmp_path, corpus, monkeypatch, code):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(disk, "sync", fail)
    files = [shard(tmp_path, corpus, "corpus")]
    with pytest.raises(StorageError):
        release(tmp_path, files)
    assert not [path for path in (tmp_path / "news").iterdir() if path.name != ".lock"]
    monkeypatch.undo()
    assert release(tmp_path, files).created


BUILD = """
import resource, signal, sys
from pathlib import Path
from tests.support.releases import documents, release, shard, split_up
from curate.errors import StorageError
folder = Path(sys.argv[1])
files = [shard(folder, split_up(documents(1200)), "corpus")]
limit = int(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN if limit > 0 else signal.SIG_DFL)
if limit:
    from curate.release import build
    fill = build._fill
    def limited(*args):
        resource.setrlimit(resource.RLIMIT_FSIZE, (abs(limit), abs(limit)))
        return fill(*args)
    build._fill = limited
try:
    release(folder, files)
except StorageError as error:
    print(error)
"""


def run_build(folder: Path, limit: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BUILD, str(folder), str(limit)], capture_output=True, text=True)


@pytest.mark.parametrize("limit", [1_000, 20_000, 200_000])
def test_a_file_that_cannot_grow(tmp_path, limit):
    """RLIMIT_FSIZE stands for the full disk: the system refuses a real write, in a shard or in the manifest."""
    done = run_build(tmp_path, limit)
    assert done.returncode == 0, done.stderr
    if limit < 200_000:
        assert "File too large" in done.stdout
        assert [path.name for path in (tmp_path / "news").iterdir()] == [".lock"]
    else:
        assert manifest.verify(tmp_path / "news/v0.1.0")


def test_killed_while_it_writes(tmp_path, made):
    """The signal of RLIMIT_FSIZE, not ignored, kills the process in the middle of a shard."""
    done = run_build(tmp_path, -20_000)
    assert done.returncode < 0
    assert not (tmp_path / "news/v0.1.0").exists()
    assert not (tmp_path / "news/README.md").exists()
    again = run_build(tmp_path, 0)
    assert again.returncode == 0, again.stderr
    assert content(tmp_path / "news/v0.1.0") == content(made.path)


def test_killed_before_the_parent_card(tmp_path, corpus):
    files = [shard(tmp_path, corpus, "corpus")]
    release(tmp_path, files)
    (tmp_path / "news/README.md").unlink()
    assert not release(tmp_path, files).created
    assert "config_name: v0.1.0" in (tmp_path / "news/README.md").read_text()


def test_a_link_in_the_drafts_place_is_not_followed(tmp_path, corpus, made):
    mine = {name: tmp_path / "mine" / name for name in (".v0.1.0.tmp", ".README.md.tmp")}
    (tmp_path / "news").mkdir()
    mine[".v0.1.0.tmp"].mkdir(parents=True)
    for name, path in mine.items():
        (tmp_path / "news" / name).symlink_to(path)
    mine[".README.md.tmp"].write_text("mine")
    again = release(tmp_path, [shard(tmp_path, corpus, "corpus")])
    assert not again.path.is_symlink()
    assert content(again.path) == content(made.path)
    assert content(tmp_path / "mine") == {".README.md.tmp": b"mine"}


def test_two_runs_at_once(tmp_path, corpus):
    (tmp_path / "news").mkdir()
    with FileLock(tmp_path / "news/.lock"), pytest.raises(StorageError, match="another run"):
        release(tmp_path, [shard(tmp_path, corpus, "corpus")])


def test_two_processes_release_the_same_version(tmp_path, made):
    """One of them makes it. The other is told to wait, or finds it there; both or none is never seen."""
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: run_build(tmp_path, 0), range(2)))
    assert not any(one.returncode for one in done), done
    said = [one.stdout for one in done if one.stdout]
    assert all("another run is releasing here" in text for text in said) and len(said) < 2
    assert content(tmp_path / "news/v0.1.0") == content(made.path)


def test_a_card_without_a_repository_loads_from_a_folder(tmp_path, made, corpus):
    said = 'load_dataset("path/to/news/v0.1.0")  # on the Hub: its name there, revision="v0.1.0"\n```'
    assert said in (made.path / "README.md").read_text()
    pushed = Config(license="cc-by-4.0", repo="org/news")
    text = (release(tmp_path, [shard(tmp_path, corpus, "corpus")], release=pushed).path / "README.md").read_text()
    assert 'load_dataset("org/news", revision="v0.1.0")' in text


def test_a_version_is_written_in_plain_digits():
    assert manifest.parse_version("1.20.3") == (1, 20, 3)
    assert not any(manifest.parse_version(text) for text in ("1.2.\u0663", "1.2", "01.2.3", "1.2.3\n"))


def test_parent_card_lists_all_versions_the_last_by_number_first(tmp_path, corpus):
    for i, version in enumerate(("0.9.0", "0.10.0")):
        release(tmp_path, [shard(tmp_path, corpus[i:], version)], version)
    metadata = yaml.safe_load((tmp_path / "news/README.md").read_text().split("---\n")[1])
    assert [config["config_name"] for config in metadata["configs"]] == ["v0.10.0", "v0.9.0"]
    assert [config.get("default") for config in metadata["configs"]] == [True, None]


def test_fields_have_a_meaning_each():
    assert all(what.endswith(".") for _, _, what in FIELDS)


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
