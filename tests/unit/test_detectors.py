"""The detectors beside langdetect: second opinions, fastText model files, and what the config says of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from curate.langid import detectors
from curate.stages.language import Config, apply
from tests.unit.test_language import TEXTS, documents

# fastText over six languages of TEXTS: dim 4, character n-grams 1-3 in 800 buckets, trained on windows of six words.
MODEL = Path(__file__).parent.parent / "support" / "fasttext-tiny.bin"


def test_py3langid_answers_in_our_codes() -> None:
    answers = detectors.get("py3langid").detect([TEXTS["en"], TEXTS["zh-Hans"], TEXTS["no"]])
    assert [language for language, _ in answers] == ["en", "zh", "no"]
    assert all(0.5 < score <= 1 for _, score in answers)
    assert {"en", "de", "zh", "la"} <= detectors.get("py3langid").languages()


def test_fasttext_answers_in_our_codes() -> None:
    detector = detectors.get("fasttext", str(MODEL))
    answers = detector.detect([TEXTS["en"], TEXTS["de"] + "\n" + TEXTS["de"], TEXTS["zh-Hans"], TEXTS["no"]])
    assert [language for language, _ in answers] == ["en", "de", "zh", "no"]
    assert all(0.5 < score <= 1 for _, score in answers)
    assert detector.languages() == {"en", "de", "fr", "ru", "zh", "no"}


def test_another_detector_answers() -> None:
    texts = documents([TEXTS["en"], TEXTS["ru"], "1 2 3"])
    for config in (Config(detector="py3langid"), Config(detector="fasttext", model=str(MODEL))):
        assert apply(texts, config)["language"].to_list() == ["en", "ru", "und"]


def test_verify_drops_what_is_disputed(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = documents([TEXTS["en"], TEXTS["de"], TEXTS["zh-Hans"], "1 2 3"])
    verified = Config(keep=("en", "zh"), verify="fasttext", model=str(MODEL))
    assert apply(batch, verified)["drop_reason"].to_list() == [None, "language not kept", None, "no language"]
    monkeypatch.setattr(detectors, "_fasttext", lambda model, texts: [("sco", 0.9)] * len(texts))
    result = apply(batch, verified)
    assert result["drop_reason"].to_list()[0] == "language disputed"
    assert result["drop_detail"].to_list()[0] == "en, fasttext says sco 0.90"


def test_norwegian_standards_are_not_disputed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "_py3langid", lambda texts: [("nn", 0.9)] * len(texts))
    assert apply(documents([TEXTS["no"]]), Config(verify="py3langid"))["drop_reason"].to_list() == [None]


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detectors, "find_spec", lambda name: None)
    with pytest.raises(ValidationError, match=r"pip install 'curate\[py3langid\]'"):
        Config(verify="py3langid")


def test_model_file_and_checksum(tmp_path: Path) -> None:
    checksum = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    assert Config(detector="fasttext", model=str(MODEL)).model_sha256 == checksum
    with pytest.raises(ValidationError, match="not model_sha256"):
        Config(detector="fasttext", model=str(MODEL), model_sha256="0" * 64)
    with pytest.raises(ValidationError, match="No such file"):
        Config(detector="fasttext", model=str(tmp_path / "none.bin"))
    with pytest.raises(ValidationError, match="needs `model`"):
        Config(detector="fasttext")
    (tmp_path / "cut.bin").write_bytes(MODEL.read_bytes()[:9000])
    with pytest.raises(ValidationError, match="is cut short or damaged"):
        Config(detector="fasttext", model=str(tmp_path / "cut.bin"))
    (tmp_path / "broken.bin").write_bytes(b"not a model")
    with pytest.raises(ValidationError, match="no fastText model"):
        Config(detector="fasttext", model=str(tmp_path / "broken.bin"))


def test_a_detector_cannot_verify_itself() -> None:
    with pytest.raises(ValidationError, match="cannot verify itself"):
        Config(verify="langdetect")
