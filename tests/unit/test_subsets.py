from __future__ import annotations

import datasets
import polars as pl
import pytest
import yaml
from datasets import load_dataset

import curate
from curate.errors import ReleaseError, UsageError
from curate.release import manifest, subsets
from curate.release.build import Config
from curate.stages import split
from tests.support.releases import documents, release, shard, split_up

BY_LANGUAGE = Config(license="cc-by-4.0", configs="language")


@pytest.fixture(scope="module")
def corpus() -> pl.DataFrame:
    return split_up(documents(400))


@pytest.fixture(scope="module")
def made(tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("made")
    return release(folder, [shard(folder, corpus, "corpus")], release=BY_LANGUAGE)


@pytest.fixture(autouse=True)
def _fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def ids(loaded) -> dict[str, list[str]]:
    return {name: sorted(part["id"]) for name, part in loaded.items()}


def expected(corpus: pl.DataFrame) -> dict[str, list[str]]:
    return {name: sorted(corpus.filter(split=name)["id"]) for name in ("train", "validation", "test")}


def test_a_config_for_each_language_beside_the_default(made, corpus):
    assert ids(load_dataset(str(made.path))) == expected(corpus)
    for language in ("en", "no"):
        assert ids(load_dataset(str(made.path), language)) == expected(corpus.filter(language=language))
    assert ids(load_dataset(str(made.path.parent), "v0.1.0")) == expected(corpus)


def test_the_same_through_curate_load(made, corpus):
    assert ids(curate.load(made.path)) == expected(corpus)
    assert ids(curate.load(made.path, config="no")) == expected(corpus.filter(language="no"))
    assert sum(1 for _ in curate.load(made.path, split="test", config="en", streaming=True)) > 0
    with pytest.raises(UsageError, match="has no config 'de'; it has default, en, no"):
        curate.load(made.path, config="de")


def test_every_document_lies_in_one_folder_and_counts_are_true(made, corpus):
    paths = [file["path"] for file in manifest.read(made.path).files if "rows" in file]
    assert len(paths) == 6
    assert {manifest.subset_of(path) for path in paths} == {"en", "no"}
    infos = yaml.safe_load((made.path / "README.md").read_text().split("---\n")[1])["dataset_info"]
    assert [info["config_name"] for info in infos] == ["default", "en", "no"]
    assert infos[0]["download_size"] == infos[1]["download_size"] + infos[2]["download_size"]
    assert sum(split["num_examples"] for split in infos[2]["splits"]) == corpus.filter(language="no").height


def test_the_content_is_the_same_as_without_configs(made, corpus, tmp_path):
    plain = release(tmp_path, [shard(tmp_path, corpus, "corpus")])
    assert plain.content_sha256 == made.content_sha256


@pytest.mark.parametrize(("before", "after", "needed"), [(None, "language", "1.1.0"), ("language", None, "2.0.0")])
def test_the_bump_of_other_configs(tmp_path, corpus, before, after, needed):
    files = [shard(tmp_path, corpus, "corpus")]
    release(tmp_path, files, "1.0.0", release=Config(license="cc-by-4.0", configs=before))
    with pytest.raises(ReleaseError, match=rf"configs changed\. Set `version` to {needed}"):
        release(tmp_path, files, "1.0.1", release=Config(license="cc-by-4.0", configs=after))


def test_years_and_what_has_none(tmp_path, corpus):
    made = release(tmp_path, [shard(tmp_path, corpus, "c")], release=Config(license="cc-by-4.0", configs="year"))
    assert list(manifest.read(made.path).counts["configs"]) == ["2024", "unknown"]


@pytest.mark.parametrize(
    "value", ["../../etc", "/root", "a/b", "Default", "default", "data", "unknown", "", ".", "x" * 300, "con.example"]
)
def test_a_value_is_no_path(value):
    """Sites come with the input: nothing that one says leads out of its folder, and no two share one."""
    name = subsets.name(value)
    assert name not in ("", ".", "..", "default", "data", "unknown", "con.example")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    assert len(name) <= subsets.LONGEST + 17
    assert subsets.name(value + " ") != name


def test_too_many_configs_are_refused(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr(subsets, "MOST", 3)
    by_site = Config(license="cc-by-4.0", configs="site")
    with pytest.raises(ReleaseError, match="site: 5 configs are more than 3"):
        release(tmp_path, [shard(tmp_path, corpus, "c")], release=by_site)
    assert not list((tmp_path / "news").glob("v*"))


def test_the_gate_reports_how_far_strata_are_off(tmp_path, corpus):
    """This corpus was split by hash, not by language: the report says how far that is from the share of each."""
    rule = split.Config(validation=0.1, test=0.1, stratify="language")
    made = release(tmp_path, [shard(tmp_path, corpus, "c")], split=rule)
    check = manifest.read(made.path).gate[-1]
    counted = corpus.group_by("language").agg(pl.len(), *((pl.col("split") == s).sum().alias(s) for s in rule.names))
    off = {
        row["language"]: max(abs(row[name] - 0.1 * row["len"]) for name in ("validation", "test"))
        for row in counted.to_dicts()
    }
    worst = max(off.values())
    assert check["check"].startswith(f"each language has its share of each split: at most {worst:.1f} documents of ")
    assert (check["checked"], check["broken"]) == (2, sum(distance > 1.6 for distance in off.values()))


def test_a_stratum_that_is_off_is_counted_and_named(tmp_path):
    """Of 100 documents in one language and 60 in another, all of these are in train."""
    frame = documents(160, language=["en"] * 100 + ["no"] * 60)
    places = ["validation"] * 10 + ["test"] * 10 + ["train"] * 140
    frame = split_up(frame).with_columns(split=pl.Series(places))
    rule = split.Config(validation=0.1, test=0.1, stratify="language")
    check = manifest.read(release(tmp_path, [shard(tmp_path, frame, "c")], split=rule).path).gate[-1]
    assert check == {
        "check": "each language has its share of each split: at most 6.0 documents of 60 off, in 'no'",
        "checked": 2,
        "broken": 1,
    }
