"""Boilerplate removal side by side: `python benchmarks/boilerplate/compare.py PAGES.parquet [--held-out]`.

Runs curate, the C4 line rules and the HTML extractors that are installed (`pip install trafilatura lxml_html_clean
readability-lxml`) on the same pages in turns, some hundred pages at a time, so that a busy machine slows all alike.
Prints Fb (F1 over bags of tokens, mean over pages), F4 (over 4-gram shingles) and pages per second of processor time.
PAGES.parquet is as in curate/models/labelled.py, with `gold_text`, and `html` for the extractors.

The weights that curate ships were trained on the pages named in their cards (curate/models): on those this flatters it.
--held-out takes the pages of fold 1 alone, and weights that have not seen their sites (tests/quality).
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

import curate
from curate.models import flattened, html
from curate.models.command import fold_of
from curate.models.scoring import bag_f1, shingle_f1

Clean = Callable[[pl.DataFrame, str], Sequence[str]]

C4_ENDS = (".", "!", "?", '"', "”")
C4_NEVER = ("javascript", "cookie", "terms of use", "privacy policy")
HELD_OUT = Path(__file__).parents[2] / "tests/quality"
TURN = 100
"""Pages of a turn; those of a site come in one."""


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("pages")
    ask.add_argument("--limit", type=int, help="the first N pages")
    ask.add_argument("--held-out", action="store_true", help="pages of fold 1, weights that have not seen their sites")
    args = ask.parse_args()
    pages = pl.read_parquet(args.pages).filter(pl.col("gold_text").fill_null("") != "").head(args.limit or 1 << 30)
    if args.held_out:
        pages = pages.filter([fold_of(site) == 0 for site in pages["site"]])
        flattened.WEIGHTS = HELD_OUT / "without-fold-1.npz"
        html.WEIGHTS = HELD_OUT / "html-without-fold-1.npz"
    runs = list(contestants(pages.columns))
    for _, column, clean in runs:
        clean(pages.head(2), column)
    spent, bodies = take_turns(runs, pages.sort("site", maintain_order=True))
    print(f"{pages.height} pages\n")
    print("| | input | Fb | English | other | F4 | pages/s |\n|---|---|---|---|---|---|---|")
    for i, (name, column, _) in enumerate(runs):
        print(row(name, column, pages.sort("site", maintain_order=True), bodies[i], spent[i]))


def contestants(columns: Sequence[str]) -> Iterator[tuple[str, str, Clean]]:
    """Name, input column and function of everything that can run here."""
    for column in sorted(name for name in columns if name.startswith("text_")):
        yield "keep everything", column, lambda pages, column: pages[column].to_list()
        yield "C4 line rules", column, partial(each, c4)
        yield "curate.clean", column, lambda pages, column: curate.clean(pages[column].to_list())
        yield "curate.clean, sites given", column, with_sites
    if "html" not in columns:
        return
    yield "curate.extract", "html", lambda pages, column: curate.extract(pages[column].to_list())
    yield "resiliparse", "html", partial(each, resiliparse)
    for name, module, function in (
        ("trafilatura", "trafilatura", trafilatura),
        ("readability-lxml", "readability", readability),
    ):
        if importlib.util.find_spec(module):
            yield name, "html", partial(each, function)
        else:
            print(f"{name}: not installed\n")


def each(function: Callable[[Any], str], pages: pl.DataFrame, column: str) -> list[str]:
    return list(map(function, pages[column]))


def with_sites(pages: pl.DataFrame, column: str) -> list[str]:
    return curate.clean(pages[column].to_list(), sites=pages["site"].to_list())


def take_turns(
    runs: Sequence[tuple[str, str, Clean]], pages: pl.DataFrame
) -> tuple[dict[int, float], dict[int, list[str]]]:
    """Seconds of processor time and bodies, by the number of the contestant."""
    spent: dict[int, float] = defaultdict(float)
    bodies: dict[int, list[str]] = defaultdict(list)
    for turn in turns(pages):
        for i, (_, column, clean) in enumerate(runs):
            start = time.process_time()
            bodies[i] += clean(turn, column)
            spent[i] += time.process_time() - start
    return spent, bodies


def turns(pages: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Pages in groups of TURN or a few more, no site in two."""
    site_starts = [0, *(pages["site"] != pages["site"].shift(1)).arg_true().to_list(), pages.height]
    begin = 0
    for end in site_starts:
        if end - begin >= TURN or (end == pages.height and end > begin):
            yield pages[begin:end]
            begin = end


def row(name: str, column: str, pages: pl.DataFrame, bodies: Sequence[str], spent: float) -> str:
    """One line of the table."""
    bag = [bag_f1(body, gold) for body, gold in zip(bodies, pages["gold_text"], strict=True)]
    shingles = [shingle_f1(body, gold) for body, gold in zip(bodies, pages["gold_text"], strict=True)]
    english = [score for score, lang in zip(bag, pages["lang"], strict=True) if lang == "en"]
    others = [score for score, lang in zip(bag, pages["lang"], strict=True) if lang != "en"]
    scores = [statistics.fmean(some or [0.0]) for some in (bag, english, others, shingles)]
    speed = f"{pages.height / spent:.0f}" if spent > 0.01 else ""
    return f"| {name} | {column} | " + " | ".join(f"{score:.3f}" for score in scores) + f" | {speed} |"


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
