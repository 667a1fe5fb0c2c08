"""The dedup stage on files: what it drops and says, whatever the order of the input and its shards."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from curate.document import undecided
from curate.neardup import candidates, pairing
from curate.neardup.in_memory import cluster
from curate.section import Section
from curate.stages import dedup
from curate.store import execute, finished
from curate.tasks import Done, File, Task, TaskFunction, read
from tests.unit.test_neardup import prose


class Rounds:
    """Runs rounds of tasks in this process, in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stats: dict[str, list[Any]] = {}

    def run(
        self, label: str, function: TaskFunction, inputs: Sequence[Sequence[File]], configs: Section | Sequence[Section]
    ) -> list[Done]:
        each = [configs] * len(inputs) if isinstance(configs, Section) else configs
        tasks = [Task(label, 1, function, tuple(group), config) for group, config in zip(inputs, each, strict=True)]
        done = [self.execute(task) for task in tasks]
        self.stats[label] = [one.stats for one in done]
        return done

    def execute(self, task: Task) -> Done:
        return execute(task, str(self.root))


class CachedRounds(Rounds):
    """Runs only what is not there yet, as a build does."""

    def execute(self, task: Task) -> Done:
        return finished(task, str(self.root)) or execute(task, str(self.root))


def documents(texts: Sequence[str], **columns: Sequence[Any]) -> pl.DataFrame:
    count = len(texts)
    given = {"id": [f"d{i:03d}" for i in range(count)], "published": [None] * count, "source": ["s"] * count}
    given |= {"record": list(range(count)), "text": texts, **columns}
    schema = {"id": pl.String, "published": pl.String, "source": pl.String, "record": pl.Int64, "text": pl.String}
    return pl.DataFrame(given, schema_overrides=schema)


def run(frame: pl.DataFrame, root: Path, shards: int = 1, **settings: Any) -> pl.DataFrame:
    """The documents with the stage's verdict, in the order given."""
    config, rounds = dedup.Config(**settings), Rounds(root)
    cuts = [frame[i * frame.height // shards : (i + 1) * frame.height // shards] for i in range(shards)]
    files = []
    for number, part in enumerate(cuts):
        part.write_parquet(root / f"shard-{number}.parquet")
        files.append(File(str(root / f"shard-{number}.parquet"), str(part.rows()), part.height))
    beside = dedup.prepare(files, config, rounds)
    judged = [dedup.apply(undecided(part.hstack(read(file))), config) for part, file in zip(cuts, beside, strict=True)]
    return pl.concat(judged)


def verdicts(frame: pl.DataFrame) -> dict[str, tuple[str, str | None, str | None]]:
    return {row["id"]: (row["cluster"], row["drop_reason"], row["drop_detail"]) for row in frame.iter_rows(named=True)}


def corpus() -> pl.DataFrame:
    story, other = prose(1), prose(2)
    texts = [
        " ".join(story),
        " ".join(story).upper(),
        "PARIS - " + " ".join(story),
        " ".join(story[:6]),
        " ".join(other),
        " ".join(prose(3)),
        "",
        "",
        "word",
    ]
    return documents(texts)


def test_reasons_and_details(tmp_path: Path) -> None:
    judged = run(corpus(), tmp_path)
    assert verdicts(judged) == {
        "d000": ("d002", "near-duplicate", "of d002: similarity 99%, containment 100%"),
        "d001": ("d002", "near-duplicate", "of d002: similarity 99%, containment 100%"),
        "d002": ("d002", None, None),
        "d003": ("d002", "near-duplicate", "of d002: similarity 51%, containment 100%"),
        "d004": ("d004", None, None),
        "d005": ("d005", None, None),
        "d006": ("d006", None, None),
        "d007": ("d007", None, None),
        "d008": ("d008", None, None),
    }
    assert set(judged.columns) == {*corpus().columns, "drop_reason", "drop_detail", "cluster"}


def test_exact_copies_are_named(tmp_path: Path) -> None:
    text = " ".join(prose(1))
    judged = verdicts(run(documents([text, text.upper() + "!!", "one", "One."]), tmp_path))
    assert judged["d001"] == ("d000", "exact duplicate", "same text as d000")
    assert judged["d003"] == ("d002", "exact duplicate", "same text as d002")


def test_two_documents_with_one_id_are_copies(tmp_path: Path) -> None:
    texts = [" ".join(prose(1, 9)), " ".join(prose(2, 12)), " ".join(prose(3, 6))]
    judged = run(documents(texts, id=["a", "a", "b"]), tmp_path)
    assert judged["drop_reason"].to_list() == ["duplicate id", None, None]
    assert judged["drop_detail"].to_list() == ["another document with this id is kept", None, None]
    assert judged["cluster"].to_list() == ["a", "a", "b"]


@pytest.mark.parametrize("keep", ["longest", "earliest", "first"])
def test_what_is_kept(keep: str, tmp_path: Path) -> None:
    story = prose(1)
    texts = [" ".join(story[1:]), " ".join(story), " ".join(story[:-1]), " ".join(story[2:])]
    frame = documents(texts, source=["b", "b", "c", "a"], published=["2019-11-22", None, "2019-11-21", "2020-01-01"])
    judged = run(frame, tmp_path, keep=keep)
    kept = {"longest": 1, "earliest": 2, "first": 3}[keep]
    assert judged["cluster"].unique().to_list() == [f"d{kept:03d}"]
    assert judged.filter(pl.col("drop_reason").is_null())["id"].to_list() == [f"d{kept:03d}"]


def test_ties_go_by_id(tmp_path: Path) -> None:
    text = " ".join(prose(1))
    judged = run(documents([text, text, text], id=["c", "a", "b"]), tmp_path)
    assert judged["cluster"].to_list() == ["a", "a", "a"]


def many(seed: int) -> pl.DataFrame:
    chance, texts = random.Random(seed), []
    for i in range(30):
        story = prose(i)
        texts.append(" ".join(story))
        for _ in range(chance.choice([0, 0, 1, 3])):
            cut = [sentence for sentence in story if chance.random() > 0.2]
            texts.append(" ".join([*cut, *prose(1000 + len(texts), 2)]))
    return documents(texts)


def test_same_verdicts_for_any_order_and_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = many(1)
    expected = verdicts(run(frame, _folder(tmp_path, "one")))
    assert {reason for _, reason, _ in expected.values()} == {None, "near-duplicate"}
    for seed, shards in ((1, 2), (2, 3), (3, 7)):
        shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)
        assert verdicts(run(shuffled, _folder(tmp_path, f"{shards}"), shards)) == expected
    with monkeypatch.context() as patch:
        patch.setattr(candidates, "PAIRS_AT_ONCE", 3)  # so that a pair comes up several times in one partition
        assert verdicts(run(frame, _folder(tmp_path, "blocks"), 2)) == expected
    monkeypatch.setattr(dedup, "PARTITION_DOCUMENTS", 10)
    assert verdicts(run(frame, _folder(tmp_path, "partitions"), 2)) == expected
    monkeypatch.setattr(pairing, "PAIRS_AT_ONCE", 3)
    assert verdicts(run(frame, _folder(tmp_path, "few pairs at once"), 2)) == expected
    monkeypatch.setattr(pairing, "SHINGLE_BYTES", 5_000)
    assert verdicts(run(frame, _folder(tmp_path, "few shingles at once"), 2)) == expected


def test_stage_and_function_agree(tmp_path: Path) -> None:
    frame = many(2)
    labels = cluster(frame["text"].to_list())
    assert run(frame, tmp_path, 2)["cluster"].to_list() == [f"d{label:03d}" for label in labels]


def test_kept_documents_are_kept_again(tmp_path: Path) -> None:
    kept = run(many(3), _folder(tmp_path, "once")).filter(pl.col("drop_reason").is_null())
    again = run(kept.drop("drop_reason", "drop_detail", "cluster"), _folder(tmp_path, "twice"))
    assert again["drop_reason"].null_count() == again.height == kept.height


def test_empty_shards_and_no_documents(tmp_path: Path) -> None:
    assert run(documents([]), _folder(tmp_path, "none"), 2).height == 0
    assert verdicts(run(documents(["a b"]), _folder(tmp_path, "some"), 3)) == {"d000": ("d000", None, None)}
    assert dedup.prepare([], dedup.Config(), Rounds(tmp_path)) == []


def test_what_was_capped_is_counted(tmp_path: Path) -> None:
    lines = prose(99, 12)
    texts = ["\n".join([*lines, *prose(i, 20)]) for i in range(candidates.MAX_BUCKET + 1)]
    rounds = prepare(documents(texts), tmp_path)
    assert rounds.stats["candidates"][0]["capped_buckets"] > 0
    assert rounds.stats["candidates"][0]["largest_bucket"] == candidates.MAX_BUCKET + 1
    assert rounds.stats["clusters"][0]["near_copies"] == 0


@pytest.mark.parametrize("keep", ["longest", "first"])
def test_pieces_of_what_many_have_from_any_shards_and_partitions(
    keep: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that they have is in more documents than are compared; with `first` they come before the copies."""
    story = prose(100, 30)
    pieces = [" ".join(story[start : start + 10]) for start in range(0, 21, 10)]
    copies = [" ".join(story) + f" Page {i} of {i * 7}." for i in range(candidates.MAX_BUCKET + 20)]
    frame = documents([*pieces, *copies], source=["a"] * len(pieces) + ["b"] * len(copies))
    whole = verdicts(run(frame, _folder(tmp_path, "whole"), keep=keep))
    kept = [name for name, (_, reason, _) in whole.items() if reason is None]
    assert len(kept) == 1 if keep == "longest" else kept == ["d000", "d001", "d002"]
    monkeypatch.setattr(dedup, "PARTITION_DOCUMENTS", 20)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    assert verdicts(run(shuffled, _folder(tmp_path, "parts"), 5, keep=keep)) == whole


def test_a_changed_threshold_runs_only_the_last_rounds(tmp_path: Path) -> None:
    frame = many(4)
    run(frame, tmp_path, threshold=0.6)
    before = {path.name for path in tmp_path.glob("*/*.json")}
    run(frame, tmp_path, threshold=0.7)
    after = {path.parent.name for path in tmp_path.glob("*/*.json") if path.name not in before}
    assert after == {"verified", "clusters", "search", "audit"}


@pytest.mark.parametrize(
    "settings",
    [{"threshold": 80}, {"threshold": 0}, {"containment": -1}, {"shingle": 0}, {"keep": "newest"}, {"treshold": 0.7}],
)
def test_config_is_checked(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        dedup.Config(**settings)


def test_audit_finds_what_was_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = many(5)
    rounds = prepare(frame, _folder(tmp_path, "good"))
    said = rounds.stats["audit"][0]
    assert said["similar_pairs"] == said["found_pairs"] > 10
    assert said["recall"] == said["recall_high"] == 1 > said["recall_low"] > 0.7
    monkeypatch.setattr(candidates, "MIN_SHARED", 0.9)  # signatures that hardly any pair passes
    missed = prepare(frame, _folder(tmp_path, "bad")).stats["audit"][0]
    assert missed["similar_pairs"] == said["similar_pairs"]
    assert missed["recall_low"] < missed["recall"] < missed["recall_high"] < 1


def test_audit_of_few_and_of_none(tmp_path: Path) -> None:
    said = prepare(documents(["", "one", "two"]), _folder(tmp_path, "few")).stats["audit"][0]
    assert (said["similar_pairs"], said["recall"], said["recall_low"]) == (0, 1, 0)
    assert "audit" not in prepare(documents(["one"]), _folder(tmp_path, "none"), audit=0).stats


def test_paragraphs_of_many_documents_are_cut(tmp_path: Path) -> None:
    plea = "Subscribe to our newsletter now, and never miss a story!"
    texts = ["\n".join([*prose(i, 6), plea if i % 2 else plea.upper()]) for i in range(5)]
    texts += ["\n".join(prose(9, 4)), plea]
    judged = run(documents(texts), tmp_path, 2, paragraphs={"min_count": 5})
    expected = ["\n".join(prose(i, 6)) for i in range(5)] + ["\n".join(prose(9, 4))]
    assert judged["text"].to_list()[:6] == expected
    assert judged["drop_reason"].to_list() == [None] * 6 + ["nothing but repeated paragraphs"]
    assert judged["cut"].to_list() == [True] * 5 + [False, True]


def test_paragraphs_of_copies_are_not_cut(tmp_path: Path) -> None:
    """A story on twelve sites is one document: its paragraphs are not furniture."""
    texts = ["\n".join([*prose(1, 10), *prose(100 + i, 1)]) for i in range(12)]
    judged = run(documents(texts), tmp_path, paragraphs={"min_count": 2})
    assert judged["text"].to_list() == texts
    assert judged["drop_reason"].null_count() == 1


def test_a_paragraph_repeated_in_a_document_is_kept_once(tmp_path: Path) -> None:
    long, short = "This was said before, and it is said again.", "Yes."
    judged = run(documents(["\n".join([long, short, "", long.upper(), short, "An end."])]), tmp_path, paragraphs={})
    assert judged["text"].to_list() == ["\n".join([long, short, "", short, "An end."])]


def files(frame: pl.DataFrame, root: Path, name: str) -> list[File]:
    frame.write_parquet(root / f"{name}.parquet")
    return [File(str(root / f"{name}.parquet"), str(frame.rows()), frame.height)]


def test_against_a_dataset_is_a_run_on_the_union(tmp_path: Path) -> None:
    """Of the union, too, the documents of source `a` are kept first."""
    frame = many(6)
    union = frame.with_columns(source=pl.Series(["a", "b", "b"] * frame.height).head(frame.height))
    together = run(union, _folder(tmp_path, "union"), keep="first").filter(source="b")
    earlier = files(union.filter(source="a"), tmp_path, "old")
    new = files(union.filter(source="b"), tmp_path, "new")
    alone = read(dedup.prepare(new, dedup.Config(keep="first"), Rounds(tmp_path), earlier)[0])
    clusters = pl.coalesce("duplicate_of", "id").alias("cluster")
    assert pl.read_parquet(new[0].url).hstack(alone).select(clusters).equals(together.select("cluster"))
    assert alone["copy"].is_not_null().to_list() == together["drop_reason"].is_not_null().to_list()
    assert 0 < alone["earlier"].sum() < alone["copy"].count() < alone.height


def test_what_was_released_is_kept_rather_than_a_longer_copy(tmp_path: Path) -> None:
    story = prose(1)
    earlier = files(documents([" ".join(story[1:])]), tmp_path, "old")
    new = files(documents([" ".join(story)], id=["new"]), tmp_path, "new")
    assert read(dedup.prepare(new, dedup.Config(), Rounds(tmp_path), earlier)[0])["duplicate_of"].to_list() == ["d000"]


def test_what_stands_in_a_release_keeps_its_place(tmp_path: Path) -> None:
    """Test before validation before train before what is new, and only then the longest; by exact copies too."""
    story, other = prose(1, 40), " ".join(prose(2))
    grown = [" ".join(story[: 40 - 2 * cut]) for cut in range(4)]
    frame = documents([*grown, other, other, "a third"], id=["new", "train", "val", "test", "b", "c", "d"])
    splits = {1: ["train", "b"], 2: ["val", "elsewhere"], 3: ["test", "c", "d"], 0: []}
    released = [
        (number, files(pl.DataFrame({"id": ids}, schema={"id": pl.String}), tmp_path, f"r{number}")[0])
        for number, ids in splits.items()
    ]
    (new,) = files(frame, tmp_path, "new")
    beside = dedup.prepare([new], dedup.Config(), Rounds(tmp_path), released=released)
    judged = dedup.apply(undecided(frame.hstack(read(beside[0]))), dedup.Config())
    reasons = ["near-duplicate", "split conflict", "split conflict", None, "split conflict", None, None]
    assert judged["drop_reason"].to_list() == reasons
    assert judged["cluster"].to_list() == ["test"] * 4 + ["c", "c", "d"]
    assert judged["drop_detail"][1] == "near test, which is kept in the split that it was released in"
    alone = run(frame, _folder(tmp_path, "alone"))
    assert alone.filter(pl.col("drop_reason").is_null())["id"].to_list() == ["new", "b", "d"]


def test_a_dataset_is_signed_once(tmp_path: Path) -> None:
    frame = many(7)
    config, rounds = dedup.Config(), Rounds(tmp_path)
    earlier = files(frame[::2], tmp_path, "old")
    first = read(dedup.prepare(files(frame[1::4], tmp_path, "new"), config, rounds, earlier)[0])
    (tmp_path / "old.parquet").unlink()
    again = dedup.prepare(files(frame[1::4], tmp_path, "new"), config, CachedRounds(tmp_path), earlier)
    assert read(again[0]).equals(first)
    dedup.prepare(files(frame[3::4], tmp_path, "later"), config, CachedRounds(tmp_path), earlier)


def test_details_say_where_the_other_is(tmp_path: Path) -> None:
    text = " ".join(prose(1))
    old = files(documents([text, "something else"], id=["x", "y"]), tmp_path, "old")
    new = documents([text.upper(), text + " More.", "short", "new"], id=["a", "b", "y", "c"])
    for against, where in (("release", "released before"), (["other/data"], "in another dataset")):
        config = dedup.Config(against=against)
        beside = read(dedup.prepare(files(new, tmp_path, "new"), config, Rounds(tmp_path), old)[0])
        judged = dedup.apply(undecided(new.hstack(beside)), config)
        assert judged["drop_detail"].to_list() == [
            f"same text as x, {where}",
            f"of x, {where}: similarity 99%, containment 100%",
            f"another document with this id is {where}",
            None,
        ]


def test_a_dataset_without_ids_and_pages_that_read_made(tmp_path: Path) -> None:
    text = " ".join(prose(1))
    bare = files(pl.DataFrame({"text": ["other", text, None]}), tmp_path, "bare")
    pages = files(pl.DataFrame({"id": ["p"], "page": [" ".join(prose(2)).encode()]}), tmp_path, "pages")
    new = files(documents([text + " More.", " ".join(prose(2))]), tmp_path, "new")
    beside = read(dedup.prepare(new, dedup.Config(), Rounds(tmp_path), [*bare, *pages])[0])
    assert beside["duplicate_of"].to_list() == ["1", "p"]


def test_sources_of_other_datasets(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    given = [f"{tmp_path}/v1/", "org/name", "org/name@v1.0.0", "data/*.jsonl.gz", "s3://bucket/x.parquet", "x.csv"]
    assert dedup.sources(given) == [
        f"{tmp_path}/v1/**/*.parquet",
        "hf://datasets/org/name/**/*.parquet",
        "hf://datasets/org/name@v1.0.0/**/*.parquet",
        *given[3:],
    ]


def prepare(frame: pl.DataFrame, root: Path, **settings: Any) -> Rounds:
    rounds = Rounds(root)
    frame.write_parquet(root / "shard.parquet")
    dedup.prepare([File(str(root / "shard.parquet"), "", frame.height)], dedup.Config(**settings), rounds)
    return rounds


def _folder(root: Path, name: str) -> Path:
    (root / name).mkdir()
    return root / name
