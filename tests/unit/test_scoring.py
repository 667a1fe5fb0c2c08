"""What models of the user's say of documents: scores, perplexities, tokens; files that are no such models."""

import hashlib
import json
import struct
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer as Trained
from tokenizers import models, pre_tokenizers

from curate.contamination.matching import MATCHES
from curate.document import undecided
from curate.runner import judge
from curate.scoring import fasttext_file
from curate.scoring.files import needs
from curate.stages import STAGES, decontaminate, privacy, quality
from curate.stages.quality import Config
from tests.unit.test_language import TEXTS
from tests.unit.test_quality import OFF, PROSE

MODEL = Path(__file__).parents[1] / "support/fasttext-tiny.bin"
ARPA = """\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-1.0\t<unk>\t0
-99\t<s>\t-0.3
-1.2\t</s>\t0
-0.7\tthe\t-0.2
-0.8\tsea\t-0.1

\\2-grams:
-0.2\t<s> the
-0.3\tthe sea
-0.1\tsea </s>

\\end\\
"""


@pytest.fixture
def arpa(tmp_path):
    path = tmp_path / "sea.arpa"
    path.write_text(ARPA)
    return str(path)


@pytest.fixture
def tokenizer(tmp_path):
    """Words, of which a model takes four at most: a limit that must cut nothing here."""
    made = Trained(models.WordLevel({"[UNK]": 0, "the": 1, "sea": 2}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.enable_truncation(4)
    made.save(str(tmp_path / "tokenizer.json"))
    return str(tmp_path / "tokenizer.json")


def applied(texts, **keys):
    return quality.apply(undecided(pl.DataFrame({"text": texts})), Config(**OFF | keys))


def fault(**keys):
    with pytest.raises(ValidationError) as error:
        Config(**keys)
    [one] = error.value.errors()
    return ".".join(map(str, one["loc"])), one["msg"]


def test_the_probability_of_a_label_is_the_score():
    texts = [TEXTS["en"], TEXTS["de"], "", "12"]
    found = applied(texts, classifier={"path": str(MODEL), "label": "eng_Latn", "min_score": 0.5})
    scores = found["classifier_score"].to_list()
    assert scores[0] > 0.9 > 0.1 > scores[1] and 0 <= scores[3] <= 1
    assert found["drop_reason"].to_list()[:2] == [None, "classifier score too low"]
    assert found["drop_detail"][1] == f"{round(scores[1], 4)} < 0.5"


def test_the_expected_value_of_labels_is_the_score():
    values = {"__label__eng_Latn": 5, "deu_Latn": 1}
    scores = applied([TEXTS["en"], TEXTS["de"]], classifier={"path": str(MODEL), "label": values})["classifier_score"]
    assert scores[0] > 4.5 and 0.9 < scores[1] < 1.5


def test_what_a_rule_drops_is_not_scored():
    found = applied(["short", TEXTS["en"]], min_words=5, classifier={"path": str(MODEL), "label": "eng_Latn"})
    assert found["classifier_score"].is_null().to_list() == [True, False]


def test_line_ends_make_no_difference_to_the_classifier():
    given = {"path": str(MODEL), "label": "eng_Latn"}
    one, other = applied([PROSE, PROSE.replace(" ", "\n ")], classifier=given)["classifier_score"]
    assert one == other


def test_labels_are_read_without_fasttext():
    known = {"eng_Latn", "deu_Latn", "fra_Latn", "rus_Cyrl", "cmn_Hani", "nob_Latn"}
    assert set(fasttext_file.labels(MODEL)) == known


@pytest.mark.parametrize("size", [0, 3, 4, 60, 90, 1000, 4000, 17120])
def test_a_classifier_that_is_cut_short(tmp_path, size):
    (tmp_path / "cut.bin").write_bytes(MODEL.read_bytes()[:size])
    key, said = fault(classifier={"path": str(tmp_path / "cut.bin"), "label": "en"})
    assert key == "classifier"
    assert "is cut short or damaged" in said or (size < 4 and "is no fastText model" in said)


def test_files_that_are_no_classifiers(tmp_path):
    path = tmp_path / "other.bin"
    data = MODEL.read_bytes()
    words = data[:36] + struct.pack("<i", 1) + data[40:]
    for bytes_, expected in (
        (b"PK\x03\x04 not a model", "is no fastText model"),
        (data + b"\0", "is longer than it says"),
        (data[:4] + struct.pack("<i", 99) + data[8:], "format version 99"),
        (words, "holds word vectors and is no classifier"),
    ):
        path.write_bytes(bytes_)
        assert expected in fault(classifier={"path": str(path), "label": "en"})[1]
    assert "No such file" in fault(classifier={"path": str(tmp_path / "none.bin"), "label": "en"})[1]
    assert "does not know 'hq'; it knows cmn_Hani" in fault(classifier={"path": str(MODEL), "label": "hq"})[1]


def test_perplexity_is_ccnets(arpa):
    found = applied(["the sea\n\nthe sea", "sea"], perplexity={"path": arpa, "max_perplexity": 5})
    assert found["perplexity"].to_list() == [round(10 ** (0.6 * 2 / 6), 3), round(10 ** ((0.3 + 0.8 + 0.1) / 2), 3)]
    assert found["drop_reason"].to_list() == [None, None]
    far = applied(["zebra\nsea zebra", ""], perplexity={"path": arpa, "max_perplexity": 5})
    assert far["drop_reason"].to_list() == ["perplexity too high"] * 2


def test_a_language_model_with_a_tokenizer_of_its_own(arpa, tokenizer):
    plain, cut = (applied(["the sea?"], perplexity={"path": arpa} | more) for more in ({}, {"tokenizer": tokenizer}))
    assert plain["perplexity"][0] != cut["perplexity"][0], "`sea?` is one word, and two tokens"


@pytest.mark.parametrize("content", ["", "hello\n", ARPA[:150], "mmap lm http://kheafield.com/code format version 5\n"])
def test_files_that_are_no_language_models(tmp_path, content):
    (tmp_path / "other").write_text(content)
    key, said = fault(perplexity={"path": str(tmp_path / "other")})
    assert key == "perplexity" and "is no KenLM model" in said


def test_perplexities_that_nothing_has(arpa):
    said = fault(perplexity={"path": arpa, "min_perplexity": 9, "max_perplexity": 2})[1]
    assert "min_perplexity is above max_perplexity" in said


def test_tokens_are_counted_and_kept_up_where_a_text_changes(tokenizer):
    text = "the sea and the sea again: write to jan@harbour.org"
    stages = {stage.name: stage for stage in STAGES}
    batch = pl.DataFrame({"id": ["a"], "text": [text]})
    kept, _ = judge(stages["quality"], batch, Config(**OFF, tokenizer=tokenizer))
    assert kept.select("words", "tokens").row(0) == (9, 14), "no limit of length is left"
    masked, _ = judge(stages["privacy"], kept, privacy.Config())
    assert masked["text"][0] != text
    fresh, _ = judge(stages["quality"], masked.select("id", "text"), Config(**OFF, tokenizer=tokenizer))
    assert masked.select("words", "tokens").row(0) == fresh.select("words", "tokens").row(0) != (9, 14)


def test_what_is_dropped_counts_with_the_text_it_came_with(tokenizer):
    stages = {stage.name: stage for stage in STAGES}
    text = "Menu of the sea\nThe sea was calm, and nobody said so.\nMore"
    config = Config(**OFF | {"take_out": ["unfinished"], "min_words": 9}, tokenizer=tokenizer)
    _, dropped = judge(stages["quality"], pl.DataFrame({"id": ["a"], "text": [text]}), config)
    assert dropped.select("text", "words", "tokens").row(0) == (text, 13, None)
    kept, _ = judge(stages["quality"], pl.DataFrame({"id": ["a"], "text": [text]}), Config(**OFF, tokenizer=tokenizer))
    record = {"evaluation_record": "q", "evaluation_set": "quiz", "evaluation_found": "all"}
    whole = pl.DataFrame([record | {"evaluation_passages": [{"start": 0, "end": len(text)}]}], schema=MATCHES)
    cutting = decontaminate.Config(against=["quiz.jsonl"], cut=True)
    _, gone = judge(stages["decontaminate"], kept.hstack(whole), cutting)
    assert gone.select("words", "tokens").row(0) == kept.select("words", "tokens").row(0) == (13, 15)


def test_a_tokenizer_of_another_version(tmp_path, tokenizer):
    path = Path(tokenizer)
    pinned = {"path": tokenizer, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert Config(tokenizer=pinned).tokenizer == Config(tokenizer=tokenizer).tokenizer
    made = json.loads(path.read_text())
    path.write_text(json.dumps(made | {"version": "2.0"}))
    assert "is another version: its checksum is" in fault(tokenizer=pinned)[1]
    key, said = fault(tokenizer=tokenizer)
    assert key == "tokenizer" and "Unknown tokenizer version '2.0'" in said
    path.write_text("{}")
    assert "is no tokenizer.json" in fault(tokenizer=tokenizer)[1]
    assert "No such file" in fault(tokenizer=str(tmp_path / "none.json"))[1]


def test_what_to_install_is_said():
    with pytest.raises(ValueError, match=r"pip install 'curate\[kenlm\]'"):
        needs("no_such_module", "kenlm")


def test_what_selection_needs():
    assert "keep_top: needs a classifier or perplexity" in fault(keep_top=0.3)[1]
    assert "sample.tokens: needs a tokenizer" in fault(sample={"tokens": 5})[1]
