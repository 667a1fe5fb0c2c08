"""Floors for language and repair on the texts of ../shared, sampled; the whole is measured in benchmarks/language."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import polars as pl
import pytest

from curate import clean as clean_pages
from curate.langid import detectors, paragraphs
from curate.langid.languages import LANGDETECT, UNKNOWN, base
from curate.repair import Repairs, normalize_text, repaired
from curate.repair.lost import LOST, restore_lost
from curate.stages.language import detect, identify

DATA = Path(__file__).parents[3] / "shared" / "bench" / "langid"
KNOWN = {base(code) for code in LANGDETECT}
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="../shared/bench/langid is not there")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(DATA / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines][::3]


@pytest.fixture(scope="module")
def clean(rows) -> list[dict[str, str]]:
    return [row for row in rows if row["variant"] in ("plain", "web-main")]


def test_equal_to_langdetect(rows) -> None:
    texts = [row["text"] for row in rows][::50]
    expected = detectors.langdetect_python(texts)
    assert [one for one in zip(detect(texts), expected, strict=True) if one[0] != one[1] and one[0][0] != UNKNOWN] == []
    assert sum(language == UNKNOWN for language, _ in detect(texts)) <= 2


def test_accuracy(clean) -> None:
    for shortest, longest, floor in ((50, 200, 0.98), (200, 100_000, 0.994)):
        some = [r for r in clean if shortest <= len(r["text"]) < longest and r["lang"] in KNOWN]
        found = detect([row["text"] for row in some])
        right = sum(base(code) == row["lang"] for row, (code, _) in zip(some, found, strict=True))
        assert right >= floor * len(some)


def test_confidence_is_calibrated_and_keeps_english(clean) -> None:
    found = identify([row["text"] for row in clean])
    right = [base(code) == row["lang"] for row, (code, _) in zip(clean, found, strict=True)]
    judged = pl.DataFrame({"sure": [sure for _, sure in found], "right": right})
    bins = judged.group_by((pl.col("sure") * 10).floor().clip(0, 9)).agg(
        n=pl.len(), gap=(pl.col("sure").mean() - pl.col("right").mean()).abs()
    )
    assert (bins["n"] * bins["gap"]).sum() / len(clean) < 0.03
    pairs = zip(clean, found, strict=True)
    kept = [(r["lang"], code == "en" and sure >= 0.8) for r, (code, sure) in pairs if len(r["text"]) >= 200]
    assert sum(lang == "en" for lang, keep in kept if keep) >= 0.94 * sum(keep for _, keep in kept)
    assert sum(keep for lang, keep in kept if lang == "en") >= 0.98 * sum(lang == "en" for lang, _ in kept)


def test_junk_is_no_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(DATA), *sys.path])
    from junk import J

    real = {"en_FFFD", "en_NUL", "surrogate", "bom", "upper", "5MB_line", "5MB_cjk"}
    for name, text in J.items():
        ((_, score),) = detect([text])
        assert name in real or score < 0.9, name


def test_crawled_pages(rows) -> None:
    """Whole pages, the article in another language than the menus around it."""
    pages = [row for row in rows if row["variant"] == "crawled-raw"]
    found = detect(clean_pages(normalize_text([row["text"] for row in pages])))
    right = sum(row["lang"] == base(code) for row, (code, _) in zip(pages, found, strict=True))
    english = sum(row["lang"] != "en" == base(code) for row, (code, _) in zip(pages, found, strict=True))
    assert right >= 0.965 * len(pages)
    assert english <= 0.02 * len(pages)


def test_mixed_documents(rows, clean) -> None:
    def flagged(texts: list[str]) -> float:
        judged = paragraphs.judge(paragraphs.lines_of(pl.Series(texts)), detectors.langdetect)
        found = pl.DataFrame({"shares": paragraphs.shares(judged, len(texts))}).select(paragraphs.is_mixed("shares"))
        return float(found.to_series().mean())

    mixed = {share: [row["text"] for row in rows if row.get("mix") == share] for share in (0.5, 0.8)}
    assert flagged(mixed[0.5]) >= 0.95
    assert flagged(mixed[0.8]) >= 0.85
    assert flagged([r["text"] for r in clean if r["lang"] in KNOWN and len(r["text"]) >= 400]) <= 0.02


def test_lost_punctuation_is_restored_rightly(clean) -> None:
    kinds = {"’": "'", "‘": "'", "–": "-", "—": "-"} | dict.fromkeys("“”„«»‚‹›", '"')
    texts = [row["text"] for row in clean if len(row["text"]) > 60]
    damaged = ["".join(LOST if not c.isascii() and c.encode("cp1252", "ignore") else c for c in text) for text in texts]
    put = [
        (was, now)
        for text, broken, mended in zip(texts, damaged, restore_lost(damaged), strict=True)
        for was, gone, now in zip(text, broken, mended, strict=True)
        if gone == LOST != now
    ]
    assert len(put) > 200
    right = sum(kinds.get(was) == kinds[now] or (kinds[now] == '"' and was in "‘’") for was, now in put)
    assert right >= 0.98 * len(put)
    assert not any(now.isalpha() for _, now in put)


def test_clean_text_is_left_alone(clean) -> None:
    texts = pl.Series([row["text"] for row in clean])
    _, counts = repaired(texts, Repairs(), pl.Series(range(len(texts)), dtype=pl.UInt32))
    assert counts["mojibake"].sum() <= 0.01 * len(texts)  # what is touched has mojibake, as the source had it
    sound = texts.filter(counts["mojibake"] == 0)
    for variant in (
        sound.str.to_uppercase(),
        "«" + sound + "\xa0»",
        sound.str.to_uppercase().str.replace_all("(?m)$", "”"),
    ):
        _, counts_there = repaired(variant, Repairs(join_lines=False), pl.arange(len(sound), eager=True))
        assert counts_there["mojibake"].sum() <= 0.001 * len(sound)
    assert (counts["join_lines"] > 0).sum() <= 0.002 * len(texts)
