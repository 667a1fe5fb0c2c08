"""Boilerplate removal side by side: `python benchmarks/boilerplate/compare.py PAGES.parquet`.

Runs curate, the C4 line rules and the HTML extractors that are installed (`pip install trafilatura readability-lxml`)
on the same pages, and prints Fb (F1 over bags of tokens, mean over pages), F4 (over 4-gram shingles) and pages per
second of processor time. PAGES.parquet is as in curate/models/labelled.py, with `gold_text`, and `html` for the
extractors.

The weights that curate ships were trained on the pages named in curate/models/CARD.md: on those this flatters it. Fair
figures come from other pages, or from the cross-validation in the card.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import polars as pl

import curate
from curate.models.scoring import bag_f1, shingle_f1

Clean = Callable[[list[Any]], list[str]]

C4_ENDS = (".", "!", "?", '"', "”")
C4_NEVER = ("javascript", "cookie", "terms of use", "privacy policy")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("pages")
    ask.add_argument("--limit", type=int, help="the first N pages")
    args = ask.parse_args()
    pages = pl.read_parquet(args.pages).filter(pl.col("gold_text").fill_null("") != "").head(args.limit or 1 << 30)
    print(f"{pages.height} pages\n")
    print("| | input | Fb | English | other | F4 | pages/s |\n|---|---|---|---|---|---|---|")
    for name, column, clean in contestants(pages):
        print(row(name, column, pages, clean), flush=True)


def contestants(pages: pl.DataFrame) -> Iterator[tuple[str, str, Clean]]:
    """Name, input column and function of everything that can run here."""
    for column in sorted(name for name in pages.columns if name.startswith("text_")):
        yield "keep everything", column, list
        yield "C4 line rules", column, partial(each, c4)
        yield "curate.clean", column, curate.clean
        yield "curate.clean, sites given", column, partial(clean_with_sites, pages["site"].to_list())
    if "html" not in pages.columns:
        return
    yield "curate.extract", "html", curate.extract
    yield "resiliparse", "html", partial(each, resiliparse)
    for name, module, function in (
        ("trafilatura", "trafilatura", trafilatura),
        ("readability-lxml", "readability", readability),
    ):
        if importlib.util.find_spec(module):
            yield name, "html", partial(each, function)
        else:
            print(f"| {name} | html | not installed | | | | |")


def each(function: Callable[[Any], str], given: list[Any]) -> list[str]:
    return list(map(function, given))


def clean_with_sites(sites: list[str], texts: list[str]) -> list[str]:
    return curate.clean(texts, sites=sites[: len(texts)])


def row(name: str, column: str, pages: pl.DataFrame, clean: Clean) -> str:
    """One line of the table."""
    given = pages[column].to_list()
    clean(given[:2])
    start = time.process_time()
    bodies = clean(given)
    spent = time.process_time() - start
    bag = [bag_f1(body, gold) for body, gold in zip(bodies, pages["gold_text"], strict=True)]
    shingles = [shingle_f1(body, gold) for body, gold in zip(bodies, pages["gold_text"], strict=True)]
    english = [score for score, lang in zip(bag, pages["lang"], strict=True) if lang == "en"]
    others = [score for score, lang in zip(bag, pages["lang"], strict=True) if lang != "en"]
    scores = [statistics.fmean(some or [0.0]) for some in (bag, english, others, shingles)]
    return f"| {name} | {column} | " + " | ".join(f"{score:.3f}" for score in scores) + f" | {len(given) / spent:.0f} |"


def c4(text: str) -> str:
    """The line rules of C4 (Raffel et al. 2020, section 2.2)."""
    lines = (line.strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line.endswith(C4_ENDS) and is_c4_prose(line))


def is_c4_prose(line: str) -> bool:
    return len(line.split()) >= 5 and not line.endswith("...") and not any(word in line.lower() for word in C4_NEVER)


def resiliparse(source: bytes) -> str:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    html = bytes_to_str(source, detect_encoding(source) or "utf-8")
    return str(extract_plain_text(html, main_content=True, alt_texts=False, links=False))


def trafilatura(source: bytes) -> str:
    from trafilatura import extract

    return extract(source, include_comments=False) or ""


def readability(source: bytes) -> str:
    from lxml.html import document_fromstring
    from readability import Document

    try:
        return str(document_fromstring(Document(source.decode(errors="replace")).summary()).text_content())
    except Exception:  # it raises many kinds on pages it cannot read
        return ""


if __name__ == "__main__":
    main()
