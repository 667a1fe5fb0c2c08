"""Nothing gets lost between a stage's input, what it keeps and what it drops."""

import polars as pl
import pytest

from curate.document import drop
from curate.runner import judge
from curate.section import Section
from curate.stages import Stage
from curate.tasks import total


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
