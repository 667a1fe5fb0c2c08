"""Scores, tokens, the top share and a sample, through the command line: what they leave, and what is said of it."""

import json
import random

import polars as pl
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.end_to_end.conftest import ROOT, curate, release_bytes

CONFIG = """
name: sampled
version: 0.1.0
read:
  paths: [pages.jsonl]
quality:
  min_words: 20
  classifier: {path: model.bin, label: eng_Latn}
  keep_top: 0.5
  tokenizer: tokenizer.json
  sample: {tokens: 700, by: metadata.license, mix: {cc0: 0.6, cc-by: 0.4}}
decontaminate:
  against: [{path: quiz.jsonl, column: question}]
split: {validation: 0, test: 0}
"""
SENTENCE = "the harbour was closed and nobody in town could say when that old bridge will be mended or who pays for it"


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sampled")
    made = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(folder / "tokenizer.json"))
    (folder / "model.bin").write_bytes((ROOT / "tests/support/fasttext-tiny.bin").read_bytes())
    (folder / "config.yaml").write_text(CONFIG)
    draw = random.Random(5)
    rows = [
        {
            "id": f"p{i}",
            "text": " ".join(draw.choices(SENTENCE.split(), k=30)) + ".",
            "license": "cc0" if i % 3 else "cc-by",
            "robots": "noai" if i % 2 else "all",
        }
        for i in range(120)
    ]
    quiz = [{"question": rows[0]["text"].upper()}, {"question": "Which harbour freezes last?"}]
    (folder / "quiz.jsonl").write_text("\n".join(map(json.dumps, quiz)))
    (folder / "pages.jsonl").write_text("\n".join(map(json.dumps, rows)))
    curate("run", "config.yaml", "--workers", "2", cwd=folder)
    return folder


def test_what_is_left_is_counted(sampled):
    release = sampled / "data/releases/sampled/v0.1.0"
    documents = pl.concat(pl.read_parquet(path) for path in release.glob("data/*.parquet"))
    assert documents["tokens"].to_list() == [31] * documents.height, "30 words and a stop"
    columns = [json.loads(row) for row in documents["metadata"]]
    licences = [row["license"] for row in columns]
    assert [licences.count(name) for name in ("cc0", "cc-by")] == [13, 9], "of 31 tokens: 420 and 280"
    assert {row["robots"] for row in columns} == {"all", "noai"}, "columns of the input are carried through"
    manifest = json.loads((release / "manifest.json").read_text())
    assert manifest["counts"]["splits"]["train"]["tokens"] == 22 * 31
    assert manifest["counts"]["splits"]["train"]["words"] == 22 * 30
    rows = {row["stage"]: row for row in manifest["funnel"]}
    for before, after in (("quality", "decontaminate"), ("decontaminate", "select")):
        assert rows[before]["tokens_kept"] == rows[after]["tokens_in"] == 31 * rows[before]["documents_kept"]
    assert rows["select"]["tokens_kept"] == 22 * 31
    assert rows["select"]["reasons"]["not in the top share"] == rows["select"]["documents_in"] // 2
    card = (release / "README.md").read_text()
    assert "| train | 22 |" in card and "| 660 | 682 |" in card


def test_hits_are_listed_by_evaluation_set(sampled):
    release = sampled / "data/releases/sampled/v0.1.0"
    told = json.loads((release / "manifest.json").read_text())["decontamination"]
    assert told["sets"] == {"quiz": {"records": 2, "documents": 1}}
    assert told["grams"] == 18 and all(len(digest) == 64 for digest in told["index"].values())
    assert "| quiz | 2 | 1 |" in (release / "README.md").read_text()
    curate("report", "config.yaml", "--out", "report.html", cwd=sampled)
    assert '<tr><th>quiz</th><td class="n">2</td><td class="n">1</td></tr>' in (sampled / "report.html").read_text()


def test_the_top_half_has_the_highest_scores(sampled):
    record = json.loads((sampled / "data/build/sampled/run.json").read_text())
    [task] = next(stage for stage in record["stages"] if stage["stage"] == "select")["tasks"]
    kept, dropped = (pl.read_parquet(sampled / task["files"][part]["url"]) for part in ("kept", "dropped"))
    scores = dict(dropped.group_by("drop_reason").agg("classifier_score").iter_rows())
    top = [*kept["classifier_score"], *scores["not in the sample"]]
    assert min(top) >= max(scores["not in the top share"])
    assert len(top) == len(scores["not in the top share"]) + 1, "of 119"


def test_one_worker_makes_the_same_bytes(sampled, tmp_path):
    for path in sampled.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    curate("run", "config.yaml", "--workers", "1", cwd=tmp_path)
    assert release_bytes(tmp_path) == release_bytes(sampled)


def test_a_classifier_that_is_none_is_said_before_the_run(sampled, tmp_path):
    for path in sampled.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.bin").write_bytes(b"\xba\x16\x4f\x2f not a model")
    said = curate("run", "config.yaml", cwd=tmp_path, expect=2).stderr
    assert said.startswith("config.yaml:8:3: quality.classifier: model.bin: is cut short or damaged")
    assert not (tmp_path / "data").exists()
