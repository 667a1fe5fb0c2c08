from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from curate.document import DECISION, undecided
from curate.removal_list import tombstones
from curate.stages import split
from curate.stages.split import Config, Past, apply, assign, prepare
from curate.tasks import File, read
from tests.support.releases import LocalRounds, documents, shard, split_up


@pytest.fixture(scope="module")
def clusters() -> pl.DataFrame:
    return pl.DataFrame({"cluster": [f"cluster {n}" for n in range(20_000)], "site": None, "published": None})


def test_shares_are_what_was_asked_for(clusters):
    counts = assign(clusters, Config(validation=0.1, test=0.02)).value_counts()
    shares = {name: count / len(clusters) for name, count in counts.iter_rows()}
    assert shares["validation"] == pytest.approx(0.1, abs=0.01)
    assert shares["test"] == pytest.approx(0.02, abs=0.005)


def test_zero_means_none_and_close_to_one_leaves_train_little(clusters):
    assert set(assign(clusters, Config(validation=0, test=0))) == {"train"}
    assert set(assign(clusters, Config(validation=0.999, test=0))) == {"train", "validation"}


@pytest.mark.parametrize("raised", [{"validation": 0.3}, {"test": 0.3}])
def test_raising_a_share_takes_from_train_only(clusters, raised):
    shares = {"validation": 0.1, "test": 0.1}
    before, after = assign(clusters, Config(**shares)), assign(clusters, Config(**{**shares, **raised}))
    moved = before.filter(before != after)
    assert set(moved) == {"train"}


def test_the_salt_gives_another_split(clusters):
    assert (assign(clusters, Config(salt="a")) != assign(clusters, Config(salt="b"))).any()


@pytest.mark.parametrize(
    "shares",
    [{"validation": 0.5, "test": 0.5}, {"validation": -0.1}, {"test": 5}, {"validation": 1}, {"tset": 0.1}],
)
def test_impossible_shares_are_refused(shares):
    with pytest.raises(ValidationError):
        Config(**shares)


def test_a_site_or_a_month_stays_together():
    frame = split_up(documents(3000), by="month", validation=0.2, test=0.2)
    dated = frame.filter(pl.col("published").is_not_null())
    assert dated.group_by(pl.col("published").str.head(7)).agg(pl.n_unique("split"))["split"].max() == 1
    undated = frame.filter(pl.col("published").is_null())
    assert undated["split"].n_unique() == 3
    sites = [f"site{n % 40}.example" for n in range(3000)]
    frame = split_up(documents(3000, site=sites), by="site", validation=0.2, test=0.2)
    assert frame.group_by("site").agg(pl.n_unique("split"))["split"].max() == 1
    assert frame["split"].n_unique() == 3


def test_a_split_by_date():
    config = {"test": {"after": "2024-10-05"}, "validation": 0.2}
    frame = split_up(documents(3000), **config)
    later = frame["published"].fill_null("") > "2024-10-05"
    assert set(frame.filter(later)["split"]) == {"test"}
    assert set(frame.filter(~later)["split"]) == {"train", "validation"}
    assert Config(**config).names == ("train", "validation", "test")


@pytest.mark.parametrize(
    ("given", "where", "said"),
    [
        ({"test": {"after": "June"}}, ("test", "after", "after"), "valid date"),
        ({"test": {"before": "2024-01-01"}}, ("test", "after", "after"), "required"),
        ({"test": 5}, ("test", "share"), "less than 1"),
        ({"by": "author"}, ("by",), "'cluster', 'site' or 'month'"),
    ],
)
def test_faults_of_the_rule_are_told_once_each(given, where, said):
    with pytest.raises(ValidationError) as caught:
        Config(**given)
    fault = caught.value.errors()[0]
    assert (fault["loc"], said in fault["msg"]) == (where, True)


def test_names_are_those_with_a_share():
    assert Config(validation=0).names == ("train", "test")
    assert Config().names == ("train", "validation", "test")


def test_near_duplicates_go_together():
    frame = split_up(documents(3000, cluster=[f"{n % 100}" for n in range(3000)]), validation=0.3, test=0.3)
    assert frame.group_by("cluster").agg(pl.n_unique("split"))["split"].max() == 1
    assert frame["split"].n_unique() == 3


def test_without_dedup_a_document_is_its_own_cluster():
    frame = split_up(documents(50).drop("cluster"))
    assert frame["cluster"].equals(frame["id"])


def judged(tmp_path: Path, *frames: pl.DataFrame) -> list[pl.DataFrame]:
    shards = [shard(tmp_path, frame, f"shard{i}") for i, frame in enumerate(frames)]
    verdicts = prepare(shards, Config(), LocalRounds(tmp_path))
    return [
        apply(undecided(read(one).hstack(read(verdict))), Config())
        for one, verdict in zip(shards, verdicts, strict=True)
    ]


def test_an_id_keeps_its_first_document_by_source_and_record(tmp_path):
    later = documents(3, source=["b", "b", "a"], record=[0, 1, 7], id=["x", "y", "x"])
    first = documents(3, source=["a", "a", "c"], record=[3, 4, 0], id=["x", "z", "x"])
    one, two = judged(tmp_path, later, first)
    assert one["drop_reason"].to_list() == ["duplicate id", None, "duplicate id"]
    assert two["drop_reason"].to_list() == [None, None, "duplicate id"]
    assert one["drop_detail"][0] == "first in a, record 3"
    assert set(one.columns) == {*later.columns, "split", *DECISION}, "what `prepare` found is in the verdict alone"


def test_verdicts_are_the_same_whatever_the_buckets(tmp_path, monkeypatch):
    frame = documents(1200).with_columns(id=pl.Series([f"{n % 900}" for n in range(1200)]))
    expected = [part["drop_detail"].to_list() for part in judged(tmp_path / "one", frame[:700], frame[700:])]
    monkeypatch.setattr(split, "BUCKET_ROWS", 100)
    monkeypatch.setattr(split, "ROWS_AT_ONCE", 150)
    found = [part["drop_detail"].to_list() for part in judged(tmp_path / "many", frame[:700], frame[700:])]
    assert found == expected
    assert len(list((tmp_path / "many/ids").iterdir())) == 2 * (12 + 1), "of each shard 12 buckets, and a ledger entry"
    assert not (tmp_path / "many/clusters").exists(), "nothing is to be looked for"
    assert sum(detail is not None for part in found for detail in part) == 300


def test_an_empty_shard_is_nothing_special(tmp_path):
    none, some = judged(tmp_path, documents(0), documents(2))
    assert none.height == 0
    assert some["drop_reason"].to_list() == [None, None]


# What earlier releases and removals decide.


def later(tmp_path: Path, frame: pl.DataFrame, config: Config | None = None, **past) -> pl.DataFrame:
    """The frame after the stage, as a run that knows of the past."""
    config = config or Config(validation=0.1, test=0.1)
    file = shard(tmp_path, frame, "now")
    (verdict,) = prepare([file], config, LocalRounds(tmp_path / "rounds"), Past(**past))
    return apply(undecided(frame.hstack(read(verdict))), config)


def before(tmp_path: Path, **splits: list[str]) -> tuple[tuple[str, File], ...]:
    """An earlier release that has these ids in these splits."""
    return tuple((name, shard(tmp_path, pl.DataFrame({"id": ids}), name)) for name, ids in splits.items())


def found(frame: pl.DataFrame) -> dict[str, str]:
    """The split of each document, or why it is dropped."""
    return dict(frame.select("id", pl.coalesce("drop_reason", "split")).iter_rows())


def test_a_released_document_keeps_its_split_whatever_the_config(tmp_path):
    frame = documents(60)
    ids = frame["id"].to_list()
    released = before(tmp_path, train=ids[:20], validation=ids[20:40], test=ids[40:])
    judged = later(tmp_path, frame, Config(validation=0, test=0.9, salt="new"), released=released)
    assert judged["split"].to_list() == ["train"] * 20 + ["validation"] * 20 + ["test"] * 20
    assert judged["drop_reason"].null_count() == 60


def test_a_new_document_joins_its_cluster(tmp_path):
    frame = documents(40, id=[f"d{n}" for n in range(40)], cluster=["c"] * 40)
    judged = later(tmp_path, frame, released=before(tmp_path, test=["d7"]))
    assert set(found(judged).values()) == {"test"}


def test_a_new_document_joins_what_dedup_dropped_as_its_copy(tmp_path):
    """d0 was released in test. Now the longer d1 stands for both, and must not be trained on."""
    kept = documents(30, id=[f"new{n}" for n in range(30)], cluster=[f"new{n}" for n in range(30)])
    copies = documents(30, id=[f"old{n}" for n in range(30)], cluster=[f"new{n}" for n in range(30)])
    released = before(tmp_path, test=copies["id"].to_list())
    judged = later(tmp_path, kept, released=released, copies=(shard(tmp_path, copies, "copies"),))
    assert set(found(judged).values()) == {"test"}


@pytest.mark.parametrize(
    ("released", "expected"),
    [
        ({"train": ["a"], "test": ["b"]}, {"a": "split conflict", "b": "test", "c": "test"}),
        ({"train": ["a"], "validation": ["b"]}, {"a": "split conflict", "b": "validation", "c": "validation"}),
        ({"validation": ["a"], "test": ["b"]}, {"a": "split conflict", "b": "test", "c": "test"}),
        ({"train": ["a", "b"]}, {"a": "train", "b": "train", "c": "train"}),
    ],
)
def test_where_clusters_merge_across_splits_train_loses(tmp_path, released, expected):
    frame = documents(3, id=["a", "b", "c"], cluster=["x", "x", "x"])
    judged = later(tmp_path, frame, released=before(tmp_path, **released))
    assert found(judged) == expected
    if "split conflict" in expected.values():
        assert (
            judged["drop_detail"][0]
            == f"its place is {next(iter(released))}, but it is near what was released in {judged['split'][1]}"
        )


@pytest.mark.parametrize("rule", [{"by": "site"}, {"test": {"after": "2024-06-30"}}])
def test_what_cannot_join_its_cluster_is_dropped(tmp_path, rule):
    """By site or date the split of a new document is given; near what was released elsewhere it must not be at all."""
    frame = documents(2, id=["a", "b"], published=["2024-07-01", "2024-07-01"], site=["s", "s"])
    config = Config(validation=0, **{"test": 0.999, **rule})
    judged = later(tmp_path, frame, config, released=before(tmp_path, train=["a"]))
    assert found(judged) == {"a": "train", "b": "test"}
    near = frame.with_columns(cluster=pl.lit("a"))
    judged = later(tmp_path / "near", near, config, released=before(tmp_path / "near", train=["a"]))
    assert found(judged) == {"a": "train", "b": "split conflict"}
    assert judged["drop_detail"][1] == "its place is test, but it is near what was released in train"


def test_removals_take_their_clusters_along(tmp_path):
    frame = documents(6, id=list("abcdef"), cluster=["a", "a", "c", "d", "e", "f"])
    copies = documents(1, start=50, id=["gone"], cluster=["d"])
    listed = [f"# asked by mail\n{frame['url'][0]}", "", "gone", "  f  ", "unknown"]
    (tmp_path / "removed.txt").write_text("\n".join(listed))
    judged = later(
        tmp_path,
        frame,
        removals=File(str(tmp_path / "removed.txt"), "digest"),
        copies=(shard(tmp_path, copies, "copies"),),
    )
    assert [name for name, said in found(judged).items() if said == "removed on request"] == ["a", "b", "d", "f"]


def test_lines_of_removals_are_read_as_urls_are(tmp_path):
    """As `read` does it, without fragment and password; an id is taken as it stands, also where it begins with a #."""
    urls = ["https://a.example/1", "https://a.example/2", None, "http://b.example/4"]
    frame = documents(4, id=["a", "b", "#c", "d"], url=urls)
    listed = ["\ufeffhttps://a.example/1#part", "#c", "# b", "#", "b#part", "http://me:pw@b.example/4#x"]
    (tmp_path / "removed.txt").write_text("\n".join(listed), encoding="utf-8")
    judged = later(tmp_path, frame, removals=File(str(tmp_path / "removed.txt"), "digest"))
    assert [name for name, said in found(judged).items() if said == "removed on request"] == ["a", "#c", "d"]


def test_with_what_became_a_copy_go_the_copies_of_it(tmp_path):
    """`gone` was a copy of b, and b is one of a since something was cut: the removal of `gone` takes a."""
    frame = documents(2, id=["a", "z"], cluster=["a", "z"])
    moved = documents(1, start=60, id=["b"], cluster=["b"]).with_columns(duplicate_of=pl.lit("a"))
    cut = shard(tmp_path, moved, "moved")
    copies = (shard(tmp_path, documents(1, start=50, id=["gone"], cluster=["b"]), "copies"), cut)
    (tmp_path / "removed.txt").write_text("gone")
    removals = File(str(tmp_path / "removed.txt"), "digest")
    judged = later(tmp_path, frame, removals=removals, copies=copies, moved=(cut,))
    assert [name for name, said in found(judged).items() if said == "removed on request"] == ["a"]


def test_what_was_removed_stays_removed(tmp_path):
    """And so does what dedup keeps for it now."""
    frame = documents(4, id=["a", "b", "c", "d"])
    copies = (shard(tmp_path, documents(1, start=50, id=["gone"], cluster=[frame["cluster"][2]]), "copies"),)
    judged = later(tmp_path, frame, copies=copies, tombstones=tuple(tombstones(pl.Series(["b", "gone"]))))
    assert [name for name, said in found(judged).items() if said == "removed on request"] == ["b", "c"]


def test_the_past_is_the_same_in_any_number_of_buckets(tmp_path, monkeypatch):
    frame = documents(500).with_columns(cluster=pl.Series([f"c{n % 85}" for n in range(500)]))
    ids = frame["id"].to_list()
    past = {
        "released": before(tmp_path, train=ids[:300:2], test=ids[1:300:2]),
        "copies": (shard(tmp_path, documents(80, start=900, cluster=[f"c{n}" for n in range(80)]), "copies"),),
    }
    expected = later(tmp_path / "one", frame, **past)
    assert set(expected["drop_reason"]) == {None, "split conflict"}
    monkeypatch.setattr(split, "BUCKET_ROWS", 300)
    monkeypatch.setattr(split, "ROWS_AT_ONCE", 100)
    assert later(tmp_path / "many", frame, **past).equals(expected)


# Stratified.


def stratified(tmp_path: Path, frame: pl.DataFrame, **past) -> pl.DataFrame:
    config = Config(validation=0.1, test=0.2, stratify="language")
    return later(tmp_path, frame, config, **past)


def shares(judged: pl.DataFrame, language: str) -> dict[str, int]:
    kept = judged.filter(pl.col("drop_reason").is_null(), pl.col("language") == language)
    return dict(kept["split"].value_counts().iter_rows())


def test_each_stratum_has_its_share(tmp_path):
    """Of 100, 57 and 20 documents; a hash of all would leave a small language without a test document now and then."""
    languages = ["en"] * 100 + ["pl"] * 57 + ["no"] * 20
    judged = stratified(tmp_path, documents(177, language=languages))
    for language, count in (("en", 100), ("pl", 57), ("no", 20)):
        found = shares(judged, language)
        assert found["test"] == pytest.approx(0.2 * count, abs=1)
        assert found["validation"] == pytest.approx(0.1 * count, abs=1)
    assert set(judged.columns) & {"test_below", "validation_from"} == set()


def test_strata_of_a_document_each_have_their_share_together(tmp_path):
    judged = stratified(tmp_path, documents(200, language=[f"l{n:03d}" for n in range(200)]))
    counts = dict(judged["split"].value_counts().iter_rows())
    assert (counts["test"], counts["validation"]) == (40, 20)


def test_what_is_held_counts_towards_the_share(tmp_path):
    """50 are released, all in train: of 50 new ones test takes 20, which is its share of all 100."""
    frame = documents(100, language=["en"] * 100)
    judged = stratified(tmp_path, frame, released=before(tmp_path, train=frame["id"][:50].to_list()))
    assert set(judged["split"][:50]) == {"train"}
    assert shares(judged, "en") == {"train": 70, "test": 20, "validation": 10}
    many = tmp_path / "many"
    judged = stratified(many, frame, released=before(many, test=frame["id"][:50].to_list()))
    assert shares(judged, "en") == {"train": 40, "test": 50, "validation": 10}


def test_a_large_stratum_is_cut_within_a_bin(tmp_path):
    frame = documents(10_000, language=["en"] * 10_000)
    found = shares(stratified(tmp_path, frame), "en")
    assert found["test"] == pytest.approx(2000, abs=1 + 10_000 / 4096)
    assert found["validation"] == pytest.approx(1000, abs=1 + 10_000 / 4096)


YEARS = ["2023", "2024", None, "2025", "2026"]


def strata_of_each_kind(count: int) -> pl.DataFrame:
    """Documents that language, site, source and year put into the same five strata, one of them of what is unknown."""
    rows = range(count)
    published = [year and f"{year}-{n % 12 + 1:02d}-01" for n in rows for year in [YEARS[n % 5]]]
    names = {column: [YEARS[n % 5] for n in rows] for column in ("language", "site", "source")}
    return documents(count, **names, published=published, cluster=[f"c{n}" for n in rows])


@pytest.mark.parametrize("by", ["language", "site", "source", "year"])
def test_what_goes_is_no_part_of_a_stratum(tmp_path, by):
    """What is test by its date, and what is dropped, whatever part of a stratum it is: half, or all of it."""
    frame = strata_of_each_kind(4300)  # more than two batches
    assert set(frame.select(split.stratum(by)).to_series()) == {"2023", "2024", "", "2025", "2026"}
    gone = frame.filter(pl.int_range(pl.len()) % 3 == 1)["id"]
    config = Config(validation=0.2, test={"after": "2025-03-01"}, stratify=by)
    judged = later(tmp_path, frame, config, tombstones=tuple(tombstones(gone)))
    assert judged.filter(pl.col("drop_reason").is_not_null())["id"].to_list() == gone.to_list()
    late = pl.col("published").fill_null("") > "2025-03-01"
    kept = judged.filter(pl.col("drop_reason").is_null())
    assert set(kept.filter(late)["split"]) == {"test"}
    for (_,), stratum in kept.filter(~late).group_by("language"):
        assert (stratum["split"] == "validation").sum() == pytest.approx(0.2 * stratum.height, abs=1)
        assert set(stratum["split"]) == {"train", "validation"}


def test_stratified_by_cluster_alone():
    with pytest.raises(ValidationError, match="stratify works with `by: cluster` alone"):
        Config(by="site", stratify="language")
