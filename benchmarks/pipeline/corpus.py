"""A corpus of any size for the pipeline benchmark: articles written for this project, recombined on invented sites.

    python benchmarks/pipeline/corpus.py FOLDER --documents 5000 [--pages] [--files 8]

A document of some 5 KB is sentences of the sample crawl with other words and numbers in them, so that two documents
have little in common. Planted: copies (exact ones, and with some words changed), documents in other languages, and ones
that the Gopher rules drop. Document number n depends on n and the seed alone: a larger corpus begins with the smaller
one. With --pages each text stands inside the furniture of its site, as a flattened page.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

ARTICLES = Path(__file__).parents[2] / "tests/support/crawl/articles"
ENGLISH = ("coastalherald", "harrowdalepost", "meridianwire", "northgateecho", "thesundial")
SITES = 400
SEED = 7
COPIES, FOREIGN, POOR = 0.12, 0.08, 0.08
"""Shares of the documents that are copies of an earlier one, not English, or of poor quality."""
_WORD = re.compile(r"\b[a-z]{5,}\b|\d+")
_NAVIGATION = ("Home", "News", "Sport", "Business", "Opinion", "Weather", "Travel", "Culture", "Science", "Archive")


def document(number: int) -> dict[str, str]:
    """Document `number` as a record: id, url, title, text."""
    chance = random.Random(f"{SEED}-{number}")
    kind = chance.random()
    if number and kind < COPIES:
        record = _copy(document(chance.randrange(number)), chance)
    elif kind < COPIES + FOREIGN:
        record = {"text": _text(chance, "other", 0)}
    elif kind < COPIES + FOREIGN + POOR:
        record = {"text": _poor(chance)}
    else:
        record = {"text": _text(chance, "english", 0.35)}
    site = f"paper{chance.randrange(SITES):03}.example"
    title = record["text"].split(".", 1)[0][:80]
    return {"id": f"doc-{number:08}", "url": f"https://{site}/{number}", "title": title, "text": record["text"]}


def page(record: dict[str, str]) -> dict[str, str]:
    """The record with its text inside the furniture of its site."""
    site = record["url"].split("/")[2]
    chance = random.Random(site)
    links = chance.sample(_NAVIGATION, 9)
    footer = [f"About {site}", "Privacy policy", "Terms of use", f"© 2024 {site}. All rights reserved."]
    parts = [*links, record["title"], "By our staff", "Share", record["text"], "Read more", *links[:4], *footer]
    return {**record, "text": "\n".join(parts)}


def write(folder: Path, documents: int, files: int, pages: bool = False) -> int:
    """Write `documents` as JSON lines in `files` files; the bytes written."""
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    for part in range(files):
        with (folder / f"{part:05}.jsonl").open("w", encoding="utf-8") as stream:
            for number in range(documents * part // files, documents * (part + 1) // files):
                record = document(number)
                size += stream.write(json.dumps(page(record) if pages else record, ensure_ascii=False) + "\n")
    return size


def _copy(original: dict[str, str], chance: random.Random) -> dict[str, str]:
    """The same text, or with a twentieth of its sentences replaced."""
    if chance.random() < 0.4:
        return original
    sentences = original["text"].split(". ")
    for _ in range(max(1, len(sentences) // 20)):
        sentences[chance.randrange(len(sentences))] = _sentence(chance, "english", 0.35).rstrip(".")
    return {**original, "text": ". ".join(sentences)}


def _poor(chance: random.Random) -> str:
    """Too short, a list of bullets, or the same line again and again."""
    kind = chance.randrange(3)
    if kind == 0:
        return _sentence(chance, "english", 0.35)
    if kind == 1:
        return "\n".join("- " + _sentence(chance, "english", 0.35)[:40] for _ in range(60))
    return "\n".join([_sentence(chance, "english", 0.35)] * 30)


def _text(chance: random.Random, language: str, changed: float) -> str:
    paragraphs = [
        " ".join(_sentence(chance, language, changed) for _ in range(chance.randint(2, 5)))
        for _ in range(chance.randint(6, 18))
    ]
    return "\n".join(paragraphs)


def _sentence(chance: random.Random, language: str, changed: float) -> str:
    """A sentence with a share of its words changed for others that end alike, and all numbers for others."""

    def other(found: re.Match[str]) -> str:
        word = found[0]
        if word[0].isdigit():
            return str(chance.randrange(1, 10 ** len(word)))
        return chance.choice(_vocabulary()[word[-2:]]) if chance.random() < changed else word

    return _WORD.sub(other, chance.choice(_sentences(language)))


@cache
def _sentences(language: str) -> list[str]:
    english = language == "english"
    paths = [path for path in sorted(ARTICLES.glob("*.txt")) if path.name.startswith(ENGLISH) == english]
    bodies = "\n".join(line for path in paths for line in path.read_text("utf-8").splitlines() if len(line) > 100)
    return [sentence for sentence in re.split(r"(?<=[.!?。])\s+", bodies) if len(sentence) > 30]


@cache
def _vocabulary() -> dict[str, list[str]]:
    """Words by their last two letters."""
    found: dict[str, list[str]] = defaultdict(list)
    for word in sorted(set(re.findall(r"\b[a-z]{5,}\b", " ".join(_sentences("english"))))):
        found[word[-2:]].append(word)
    return defaultdict(lambda: ["matter"], found)


def main() -> None:
    """Write a corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--pages", action="store_true")
    arguments = parser.parse_args()
    size = write(arguments.folder, arguments.documents, arguments.files, arguments.pages)
    print(f"{arguments.documents:,} documents, {size / 1e6:.1f} MB in {arguments.folder}")


if __name__ == "__main__":
    main()
