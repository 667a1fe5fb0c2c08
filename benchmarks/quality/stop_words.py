"""Count stop words by language: `python benchmarks/quality/stop_words.py [--texts JSONL_GZ] [--write]`.

JSONL_GZ has one text a line: `text`, `lang` (ISO 639), `source`, `variant`. Words are counted in prose (SOURCES);
whether they tell prose is tried on all other sources, declarations of rights and bibles. Printed is the share of
those texts of 50 words and more that have two stop words. With --write, writes curate/models/stop_words.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import polars as pl

from curate.stages.normalize import normalize_text

TEXTS = Path(__file__).parents[3] / "shared/bench/langid/dev.jsonl.gz"
WRITTEN = Path(__file__).parents[2] / "curate/models/stop_words.json"
SOURCES = ["lingua", "ud", "web"]
VARIANTS = ["plain", "web-main"]
MIN_WORDS = 2000
"""A language needs so many words of prose."""
MIN_SHARE, FEWEST, MOST = 0.008, 8, 16
"""A stop word is at least so frequent; a language has from FEWEST to MOST, the most frequent ones."""
MIN_RECALL = 0.98
"""Of the texts tried. A language with less is left out."""
GOPHER = ["the", "be", "to", "of", "and", "that", "have", "with"]
UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"


def read(path: Path) -> pl.DataFrame:
    """The words of each text: columns text (its number), language, prose, word."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["variant"] in VARIANTS]
    texts = pl.DataFrame(
        {
            "language": [row["lang"] for row in rows],
            "prose": [row["source"] in SOURCES for row in rows],
            "word": normalize_text([row["text"] for row in rows]),
        }
    ).with_row_index("text")
    texts = texts.filter(~pl.col("word").str.contains(UNSPACED))
    return texts.with_columns(pl.col("word").str.extract_all(r"\S+")).explode("word")


def most_frequent(words: pl.DataFrame) -> list[str]:
    """The stop words of a language: those of lower-case letters only, by frequency and then by alphabet."""
    plain = pl.col("word").str.contains(r"^[\p{L}\p{M}]+$") & (pl.col("word") == pl.col("word").str.to_lowercase())
    counts = words.filter(plain).group_by("word").agg(share=pl.len() / words.height)
    counts = counts.sort(["share", "word"], descending=[True, False]).head(MOST)
    return counts.filter((pl.col("share") >= MIN_SHARE) | (pl.int_range(pl.len()) < FEWEST))["word"].to_list()


def recall(words: pl.DataFrame, stop_words: list[str]) -> tuple[int, float]:
    """How many texts of 50 words and more there are, and the share of them with two stop words."""
    stop = pl.col("word").filter(pl.col("word").is_in(stop_words)).n_unique()
    texts = words.group_by("text").agg(words=pl.len(), stop=stop).filter(pl.col("words") >= 50)
    return texts.height, float((texts["stop"] >= 2).sum()) / max(texts.height, 1)


def main() -> None:
    """Count, try, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, default=TEXTS)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    words = read(arguments.texts)
    found = {}
    for (language,), own in sorted(words.group_by(["language"])):
        prose = own.filter("prose")
        if prose.height < MIN_WORDS:
            continue
        stop_words = GOPHER if language == "en" else most_frequent(prose)
        texts, share = recall(own.filter(~pl.col("prose")), stop_words)
        kept = share >= MIN_RECALL
        print(f"{language} {texts:4} texts {share:.3f} {'' if kept else 'left out: '}{' '.join(stop_words)}")
        found |= {str(language): stop_words} if kept else {}
    if arguments.write:
        WRITTEN.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found)} languages")


if __name__ == "__main__":
    main()
