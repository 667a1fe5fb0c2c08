"""Decontamination: copies of records are found in whatever dress, stock phrases are not; the record is named."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.build import Build
from curate.document import undecided
from curate.engines.local import LocalEngine
from curate.errors import InputError
from curate.stages import decontaminate
from curate.stages.decontaminate import Config
from curate.tasks import File

QUESTION = (
    "A lighthouse keeper climbs the forty steps of his tower twice a day and counts one hundred and sixty steps in "
    "all; how many of them does he climb upwards, and how many days does it take until he has counted a thousand?"
)
CHINESE = "灯塔看守人每天两次爬上四十级台阶，他一共数了一百六十级；其中有多少级是向上走的，数到一千级需要多少天？"
SHORT = "Which harbour freezes last?"
OTHER = (
    "The council met on Tuesday to talk about the bridge, and nobody in the hall could say who is to pay for it. " * 3
)


@pytest.fixture
def judge(tmp_path):
    """Apply the stage to texts, against records in a file."""

    def judged(texts, records=(QUESTION, CHINESE, SHORT), **keys):
        path = tmp_path / "quiz.jsonl"
        rows = [{"id": f"q{number}", "question": record} for number, record in enumerate(records)]
        path.write_text("\n".join(map(json.dumps, rows)))
        config = Config(against=[{"path": str(path), "column": "question"}], **keys)
        shard = tmp_path / "shard.parquet"
        pl.DataFrame({"text": texts}, schema={"text": pl.String}).write_parquet(shard)
        with Build(str(tmp_path / "build"), LocalEngine(1)) as build:
            [beside] = decontaminate.prepare(
                [File(str(shard), str(hash(tuple(texts))), len(texts))], config, build.rounds("decontaminate", 1)
            )
        batch = undecided(pl.read_parquet(shard)).hstack(pl.read_parquet(beside.url))
        return decontaminate.apply(batch, config)

    return judged


def test_a_record_in_a_document_is_named_with_the_passage(judge):
    row = judge([f"{OTHER}\n{QUESTION} {OTHER}", OTHER]).to_dicts()
    assert row[0]["drop_reason"] == "in evaluation set quiz"
    assert row[0]["drop_detail"].startswith("record q0, 31 of 31 13-grams: “A lighthouse keeper climbs")
    assert row[1]["drop_reason"] is None and set(row[1]) == {"text", "drop_reason", "drop_detail"}


def test_other_dress_is_no_disguise(judge):
    dressed = [
        QUESTION.upper(),
        QUESTION.replace(" ", "\n  "),
        "“" + QUESTION.replace(",", " —").replace(";", "…") + "”",
        QUESTION.replace("a", "ａ"),
        OTHER + CHINESE.replace("，", " ") + OTHER,
        f"{OTHER}\n which HARBOUR freezes – last\n{OTHER}",
        SHORT,
    ]
    assert judge(dressed)["drop_reason"].null_count() == 0


def test_a_stock_phrase_is_no_record(judge):
    phrase = " ".join(QUESTION.split()[:14])
    assert judge([OTHER + phrase])["drop_reason"][0] is None
    assert judge([OTHER + phrase], min_overlap=0.01, min_matches=1)["drop_reason"][0]
    assert judge([OTHER + SHORT], near_duplicates=False)["drop_reason"][0] is None, "a short record inside a line"


def test_a_near_duplicate_of_a_record(judge):
    words = QUESTION.split()
    edited = " ".join("really" if number % 14 == 5 else word for number, word in enumerate(words))
    row = judge([edited])
    assert row["drop_detail"][0].startswith("record q0, similarity ")
    assert judge([edited], near_duplicates=False)["drop_reason"][0] is None


def test_passages_are_cut(judge):
    row = judge([f"{OTHER}\n{QUESTION} {OTHER}", QUESTION, OTHER], cut=True)
    assert row["drop_reason"].to_list() == [None, "in evaluation set quiz", None]
    assert row["text"][0] == f"{OTHER.strip()}\n{OTHER.strip()}"
    assert row["text"][2] == OTHER
    assert row["cut"].to_list() == [True, True, False]


def test_no_documents_and_no_tokens(judge):
    assert judge([]).height == 0
    assert judge(["", "…"], records=["…", QUESTION])["drop_reason"].null_count() == 2


@pytest.mark.parametrize("ngram", [8, 13])
def test_no_verbatim_copy_is_missed(judge, ngram):
    """Records of any length, in documents of any text, with case, spaces and quotes changed."""
    words = st.text("abcdeéя字", min_size=1, max_size=4)
    records = st.lists(words, min_size=1, max_size=40).map(" ".join)
    dresses = [str, str.upper, lambda record: f"“{record}”", lambda record: record.replace(" ", " \t ")]

    @settings(max_examples=25, deadline=None)
    @given(st.lists(records, min_size=1, max_size=4), st.sampled_from(dresses))
    def holds(many, dress):
        found = judge([f"{OTHER}\n{dress(record)}\n{OTHER}" for record in many], many, ngram=ngram)
        assert found["drop_reason"].null_count() == 0

    holds()


def test_a_set_without_the_column_and_one_that_is_not_there(judge, tmp_path):
    with pytest.raises(InputError, match=r"quiz\.jsonl: no record with the column 'question'"):
        judge([OTHER], records=[])
    config = Config(against=[str(tmp_path / "not-there.jsonl")])
    with Build(str(tmp_path / "build"), LocalEngine(1)) as build, pytest.raises(InputError, match=r"not-there"):
        decontaminate.prepare([], config, build.rounds("decontaminate", 1))


@pytest.mark.parametrize(
    "wrong", [{}, {"against": []}, {"against": ["a"], "ngram": 4}, {"against": ["a"], "min_overlap": 0}]
)
def test_config(wrong):
    with pytest.raises(ValidationError):
        Config(**wrong)
