"""Nothing gets lost between a stage's input, what it keeps and what it drops."""

import polars as pl
import pyarrow.parquet as pq
import pytest

from curate import runner, store
from curate.contamination.matching import MATCHES
from curate.document import drop
from curate.errors import TaskError
from curate.report.trail import rows_at
from curate.runner import StageTask, judge
from curate.section import Section
from curate.stages import Stage, decontaminate, quality
from curate.tasks import File, Task, batches, columns_in, read, total


class Config(Section):
    shortest: int = 5


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Cut the text at its first full stop; drop the short ones."""
    size = pl.col("text").str.len_chars()
    judged = batch.with_columns(size=size, text=pl.col("text").str.split(".").list.first())
    judged = drop(judged, pl.col("size") == 0, "empty")
    return drop(judged, pl.col("size") < config.shortest, "too short", pl.format("{} < 5", "size"))


STAGE = Stage("cut", 1, apply)
BATCH = pl.DataFrame({"id": ["a", "b", "c", "d"], "text": ["Long one. More.", "abc.", "", "Another one"]})


def test_kept_and_dropped():
    kept, dropped = judge(STAGE, BATCH, Config())
    assert kept["id"].to_list() == ["a", "d"]
    assert kept["text"].to_list() == ["Long one", "Another one"]
    assert "drop_reason" not in kept.columns
    assert dropped.select("id", "drop_reason", "drop_detail").rows() == [
        ("b", "too short", "4 < 5"),
        ("c", "empty", None),
    ]


def test_a_dropped_document_keeps_the_text_it_came_with():
    _, dropped = judge(STAGE, BATCH, Config())
    assert dropped["text"].to_list() == ["abc.", ""]


def test_no_documents():
    kept, dropped = judge(STAGE, BATCH.clear(), Config())
    full_kept, full_dropped = judge(STAGE, BATCH, Config())
    assert kept.schema == full_kept.schema
    assert dropped.schema == full_dropped.schema


def test_a_stage_that_loses_a_row_is_caught():
    with pytest.raises(AssertionError, match=r"cut\.apply returned 3 rows for 4"):
        judge(Stage("cut", 1, lambda batch, _: batch.head(3)), BATCH, Config())


def test_totals_add_up_with_the_most_frequent_reason_first():
    summed = total([{"documents_in": 3, "reasons": {"a": 1, "b": 1}}, {"documents_in": 4, "reasons": {"b": 2}}])
    assert summed == {"documents_in": 7, "reasons": {"b": 3, "a": 1}}
    assert list(summed["reasons"]) == ["b", "a"]


def test_repairs_are_summed():
    assert total([{"repairs": {"nfc": 1}}, {}, {"repairs": {"nfc": 2, "spaces": 1}}])["repairs"] == {
        "nfc": 3,
        "spaces": 1,
    }


def pass_on(folder, shard, name, apply, keeps):
    """Run a stage over a shard, as a task of a build."""
    stage = Stage(name, 1, apply, keeps_text=lambda config: keeps)
    return store.execute(Task(name, 1, Passing(stage), (shard,), Config()), str(folder)).files["kept"]


class Passing(StageTask):
    def __init__(self, stage):
        object.__setattr__(self, "stage", stage.name)
        object.__setattr__(self, "table", (stage,))

    def __call__(self, inputs, config):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runner, "STAGES", self.table)
            return (yield from super().__call__(inputs, config))


@pytest.mark.parametrize("rows", [7, 500])
def test_texts_that_stay_are_not_written_again(tmp_path, rows):
    """Two stages that keep the texts, of which each drops some: all is as if they were written."""
    frame = pl.DataFrame({"id": [f"d{i}" for i in range(1203)], "text": [f"text {i}" * 9 for i in range(1203)]})
    frame.write_parquet(tmp_path / "shard.parquet", row_group_size=100)
    shard = File(str(tmp_path / "shard.parquet"), "0", 1203)
    odd = pass_on(tmp_path, shard, "odd", lambda b, _: drop(b, pl.col("id").str.contains("[02468]$"), "even"), True)
    some = pass_on(tmp_path, odd, "some", lambda b, _: drop(b.with_columns(n=1), pl.col("id") < "d3", "low"), True)
    expected = frame.filter(~pl.col("id").str.contains("[02468]$") & (pl.col("id") >= "d3")).with_columns(n=1)
    parts = list(batches(some, rows=rows))
    assert max(part.height for part in parts) <= rows
    assert pl.concat(parts).select("id", "text", "n").equals(expected.select("id", "text", "n"), null_equal=True)
    assert columns_in(some) == ["id", "n", "text"]
    assert [odd.texts, some.texts] == [shard.url, shard.url]
    assert "text" not in pq.read_schema(some.url).names
    assert read(some, ["id"])["id"].to_list() == expected["id"].to_list()
    assert rows_at(some, [1, 300])["text"].to_list() == expected["text"][[1, 300]].to_list()


def test_no_text_is_left(tmp_path):
    pl.DataFrame({"id": ["a", "b"], "text": ["one", "two"]}).write_parquet(tmp_path / "shard.parquet")
    shard = File(str(tmp_path / "shard.parquet"), "0", 2)
    for name in ("first", "second"):
        shard = pass_on(tmp_path, shard, name, lambda b, _: drop(b, pl.lit(True), "all"), True)
    assert read(shard).schema == pl.Schema({"id": pl.String, "text": pl.String})


def test_other_texts_make_another_file(tmp_path):
    """Columns that are alike over texts that are not: what follows must run again."""
    digests = []
    for text in ("one", "two"):
        pl.DataFrame({"id": ["a"], "text": [text]}).write_parquet(tmp_path / f"{text}.parquet")
        shard = File(str(tmp_path / f"{text}.parquet"), text, 1)
        digests.append(pass_on(tmp_path, shard, "same", lambda b, _: b, True).sha256)
    assert digests[0] != digests[1]


def test_a_stage_that_changes_a_text_it_says_it_keeps_is_caught(tmp_path):
    pl.DataFrame({"id": ["a"], "text": ["one"]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(TaskError, match="changed texts that it says it keeps"):
        pass_on(
            tmp_path,
            File(str(tmp_path / "a.parquet"), "a", 1),
            "two",
            lambda b, _: b.with_columns(text=pl.lit("two")),
            True,
        )


@pytest.mark.parametrize(
    ("stage", "config"),
    [
        ("quality", quality.Config(preset="c4", min_sentences=None)),
        ("decontaminate", decontaminate.Config(against=["quiz.jsonl"], cut=True)),
    ],
)
def test_a_text_that_a_stage_cuts_is_written(tmp_path, stage, config):
    text = "A line of five words ends here.\nMenu"
    shard = pl.DataFrame(
        {"id": ["a"], "source": ["a"], "record": [0], "text": [text]}, schema_overrides={"record": pl.Int64}
    )
    match = [
        {
            "evaluation_record": "q",
            "evaluation_set": "quiz",
            "evaluation_found": "all",
            "evaluation_passages": [{"start": 31, "end": 36}],
        }
    ]
    shard.write_parquet(tmp_path / "shard")
    pl.DataFrame(match, schema=MATCHES).write_parquet(tmp_path / "beside")
    names = ["shard", "beside"] if stage == "decontaminate" else ["shard"]
    files = tuple(File(str(tmp_path / name), name, 1) for name in names)
    kept = store.execute(Task(stage, 1, StageTask(stage), files, config), str(tmp_path)).files["kept"]
    assert read(kept, ["text"])["text"].to_list() == ["A line of five words ends here."]


@pytest.mark.parametrize(("characters", "heights"), [(100, [2000, 2000, 1000]), (2000, [1000] * 5), (9000, [500] * 10)])
@pytest.mark.parametrize("apart", [False, True])
def test_batches_of_short_documents_have_more_rows(tmp_path, characters, heights, apart):
    """Two megabytes or 500 rows, whichever is more, and 2,000 rows at most; also where the texts stand elsewhere."""
    frame = pl.DataFrame({"id": [f"d{i}" for i in range(5000)], "text": ["a" * characters] * 5000})
    frame.write_parquet(tmp_path / "shard.parquet", row_group_size=2500)
    shard = File(str(tmp_path / "shard.parquet"), "0", 5000)
    if apart:
        shard = pass_on(tmp_path, shard, "same", lambda batch, _: batch, True)
    parts = list(batches(shard))
    assert [part.height for part in parts] == heights
    assert pl.concat(parts).select("id", "text").equals(frame)
