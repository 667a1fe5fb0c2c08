"""What is compared once more after a cut: pairs with a document that was cut, by the bounds that the gate has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curate.document import undecided
from curate.errors import ReleaseError
from curate.neardup import candidates
from curate.release import leaks
from curate.section import Section
from curate.stages import dedup, recompare
from curate.tasks import read
from tests.unit.test_dedup import Rounds, documents, files
from tests.unit.test_neardup import prose

CONFIG = dedup.Config(audit=0)


def run(frame: pl.DataFrame, root: Path, shards: int = 1, **known: Sequence[Any]) -> tuple[pl.DataFrame, Rounds]:
    """The documents with the verdict of the stage, in the order given, and the rounds that were run."""
    root.mkdir(exist_ok=True)
    rounds = Rounds(root)
    parts = [frame[i * frame.height // shards : (i + 1) * frame.height // shards] for i in range(shards)]
    inputs = [file for number, part in enumerate(parts) for file in files(part, root, f"shard-{number}")]
    beside = recompare.prepare(inputs, CONFIG, rounds, **known)
    given = [part.hstack(read(file)) for part, file in zip(parts, beside, strict=True)] if beside else parts
    return pl.concat([recompare.apply(undecided(part), CONFIG) for part in given]), rounds


def graded() -> pl.DataFrame:
    """Pairs of documents, the first one cut, that share from none to all of their sentences; and one alone."""
    texts = []
    for shared in range(13):
        story = prose(shared, 12)
        texts += [" ".join(story), " ".join([*story[:shared], *prose(100 + shared, 11 - shared)])]
    texts.append(" ".join(prose(99)))
    return documents(texts, cut=[i % 2 == 0 for i in range(len(texts))], cluster=[f"d{i:03d}" for i in range(27)])


def is_refused(pair: pl.DataFrame, root: Path) -> bool:
    """Whether the gate refuses two documents in two splits."""
    sides = [(split, files(pair[i], root, f"{pair['id'][0]}-{split}")[0]) for i, split in enumerate(("train", "test"))]
    try:
        leaks.refuse(sides, CONFIG, Rounds(root))
    except ReleaseError:
        return True
    return False


def test_the_pairs_that_the_gate_refuses_are_found_and_no_others(tmp_path: Path) -> None:
    frame = graded()
    judged, _ = run(frame, tmp_path)
    gone = judged.filter(pl.col("drop_reason").is_not_null())["id"].to_list()
    pairs = [frame[i : i + 2] for i in range(0, 26, 2)]
    refused = [is_refused(pair, tmp_path) for pair in pairs]
    assert refused == [not {pair["id"][0], pair["id"][1]}.isdisjoint(gone) for pair in pairs]
    assert 3 < sum(refused) == len(gone) < 11
    left = judged.filter(pl.col("drop_reason").is_null())
    alone = [(str(i), files(left[i], tmp_path, f"left-{i}")[0]) for i in range(left.height)]
    assert leaks.refuse(alone, CONFIG, Rounds(tmp_path))[1]["checked"] > 0, "pairs were candidates, and none is alike"


def test_what_was_not_cut_is_not_compared_again(tmp_path: Path) -> None:
    frame = graded()[:24].with_columns(cut=pl.col("id") == "d022")
    judged, _ = run(frame, tmp_path)
    told = judged.filter(pl.col("drop_reason").is_not_null()).rows_by_key("id", named=True)
    assert list(told) == ["d023"], "the shorter one goes, whichever was cut"
    assert told["d023"][0]["drop_reason"] == "near-duplicate"
    assert told["d023"][0]["drop_detail"] == "of d022: similarity 94%, containment 100%, once cut"
    assert set(judged.columns) == {*frame.columns, "drop_reason", "drop_detail"} - {"cut"}


def test_where_nothing_was_cut_nothing_is_done(tmp_path: Path) -> None:
    frame = graded().with_columns(cut=False)
    judged, rounds = run(frame, tmp_path, 3)
    assert judged.drop("drop_reason", "drop_detail").equals(frame.drop("cut"))
    assert judged["drop_reason"].null_count() == frame.height
    assert list(rounds.stats) == ["cut"]
    assert recompare.prepare([], CONFIG, Rounds(tmp_path)) == []


def test_same_verdicts_for_any_order_shards_and_partitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = graded()
    expected, _ = run(frame, tmp_path / "one")
    for seed, shards in ((1, 2), (2, 5)):
        judged, _ = run(frame.sample(fraction=1, shuffle=True, seed=seed), tmp_path / f"{shards}", shards)
        assert judged.sort("id").equals(expected)
    monkeypatch.setattr(dedup, "PARTITION_DOCUMENTS", 5)
    monkeypatch.setattr(candidates, "PAIRS_AT_ONCE", 3)
    assert run(frame, tmp_path / "partitions", 2)[0].equals(expected)


def test_what_was_released_is_kept_and_the_other_is_dropped(tmp_path: Path) -> None:
    """Of three pairs the longer is kept; then the shorter where it was released, of the last both, in two splits."""
    frame = graded()[18:24]
    assert run(frame, tmp_path / "new")[0]["drop_reason"].is_not_null().to_list() == [False, True] * 3
    released = [
        (level, files(pl.DataFrame({"id": ids}), tmp_path, f"r{level}")[0])
        for level, ids in ((1, ["d019", "d022"]), (3, ["d023"]))
    ]
    judged, _ = run(frame, tmp_path / "next", released=released)
    assert judged["drop_reason"].to_list() == ["near-duplicate", None, None, "near-duplicate", "split conflict", None]
    assert judged["drop_detail"][0].startswith("of d019: similarity")
    assert judged["drop_detail"][4] == "near d023, which is kept in the split that it was released in, once cut"


def test_what_other_datasets_hold_is_compared_too(tmp_path: Path) -> None:
    frame = graded()
    theirs = documents([frame["text"][0].upper(), " ".join(prose(77)), frame["text"][3] + " More."], id=["x", "y", "z"])
    judged, _ = run(frame, tmp_path, 2, earlier=files(theirs, tmp_path, "theirs"))
    alone, _ = run(frame, tmp_path)
    details = ["same text as x, in another dataset, once cut", *alone["drop_detail"][1:]]
    assert judged["drop_detail"].to_list() == details, "d003 is near z, and was not cut"


def test_what_became_a_copy_of_what(tmp_path: Path) -> None:
    dropped = pl.DataFrame({"id": ["a", "b"], "duplicate_of": ["c", None], "text": ["", ""]})
    inputs = [*files(dropped, tmp_path, "some"), *files(pl.DataFrame({"id": ["e"]}), tmp_path, "of no copies")]
    (done,) = Rounds(tmp_path).run("moved", recompare.list_moved, [inputs], Section())
    assert read(done.files["moved"]).rows() == [("a", "c")]
