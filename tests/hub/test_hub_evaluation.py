"""Evaluation sets on the Hub: by config, split, column and revision."""

from __future__ import annotations

import io

import polars as pl
import pytest

from curate.errors import InputError
from tests.hub.client import evaluation_records
from tests.hub.server import Blob, Repo

CARD = """---
configs:
- config_name: en
  data_files: [{split: train, path: en/train.parquet}, {split: test, path: "en/test-*.parquet"}]
- config_name: ur
  data_files: [{split: test, path: ur/test.parquet}]
---
# A quiz
"""


def parquet(*questions: str) -> bytes:
    stream = io.BytesIO()
    pl.DataFrame({"question": questions, "text": "another column"}).write_parquet(stream)
    return stream.getvalue()


@pytest.fixture
def read(hub, call, tmp_path):
    repo = Repo("org/quiz", private=False)
    files = {
        "README.md": CARD.encode(),
        "en/train.parquet": parquet("Which harbour is the oldest?"),
        "en/test-0.parquet": parquet("Which harbour freezes last?"),
        "en/test-1.parquet": parquet("Which one is never closed?"),
        "ur/test.parquet": parquet("کون سی بندرگاہ؟"),
    }
    tree = {path: Blob(data, large=False) for path, data in files.items()}
    repo.commit("main", "first", "", tree)
    repo.tags["v1"] = repo.branches["main"]
    repo.commit("main", "second", "", {path: blob for path, blob in tree.items() if "-1" not in path})
    hub.repos["org/quiz"] = repo
    return lambda path="org/quiz", **given: call(
        evaluation_records, str(tmp_path / "build"), path=path, column="question", **given
    )


def test_a_config_and_a_split(read):
    assert read(config="en", split="test") == ["Which harbour freezes last?"]
    assert read(config="ur") == ["کون سی بندرگاہ؟"]
    assert sorted(read(config="en")) == ["Which harbour freezes last?", "Which harbour is the oldest?"]
    assert len(read("org/quiz@v1", config="en", split="test")) == 2, "a revision's own files"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"config": "en", "split": "validation"}, "org/quiz: has no split 'validation'; it has test, train"),
        ({"config": "fr"}, "org/quiz: BuilderConfig 'fr' not found. Available: ['en', 'ur']"),
        ({}, "org/quiz: Config name is missing"),
        ({"path": "org/none"}, "org/none: Dataset 'org/none' doesn't exist on the Hub"),
        ({"path": "org/quiz@v9", "config": "en"}, "org/quiz"),
    ],
)
def test_what_is_not_there_is_named(read, given, said):
    with pytest.raises(InputError) as error:
        read(**given)
    assert str(error.value).startswith(said)


def test_a_script_of_a_dataset_does_not_run(hub, call, tmp_path):
    mark, repo = tmp_path / "it-ran", Repo("org/scripted", private=False)
    repo.commit("main", "first", "", {"scripted.py": Blob(f"open({str(mark)!r}, 'w')\n".encode(), large=False)})
    hub.repos["org/scripted"] = repo
    with pytest.raises(InputError, match="org/scripted: Dataset scripts are no longer supported"):
        call(evaluation_records, str(tmp_path / "build"), path="org/scripted", column="question")
    assert not mark.exists()
