"""Labelled pages to learn from, and their disguises.

PAGES.parquet, or the same as JSON lines in PAGES.jsonl (what `curate browse` saves), has one row a page:

    id          String         unique
    site        String         cross-validation never has a site on both sides
    text_X      String         the flattened page; any number of flatteners X
    labels_X    String         one character for each line of text_X: `1` keep, `0` drop, `t` title (drop), `?` not
                               known, `_` blank
    with        List[String]?  where labels_X is null: segments that must stay ...
    without     List[String]?  ... and segments that must go; lines with neither are not learned from
    gold_text   String?        the article body, empty where a page has none; pages that have one are scored. Beside
                               segments, empty means that it is not known
    source, lang String?       the score is reported by these

Text comes to us hard-wrapped, without blank lines, joined by bars, lower-cased, so every page is also shown in
disguise, its labels carried along.
"""

from __future__ import annotations

import json
import random
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

Labelled = list[tuple[str, str]]
"""Lines with their labels."""

_SPACE = re.compile(r"\s+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_SENTENCE = re.compile(r"(?<=[.!?][\"'”’) ]) *(?=[A-ZА-ЯŁŻŚĆÄÖÜΑ-Ω\"“])|(?<=[。！？])")


@dataclass(frozen=True)
class Page:
    """One flattening of a labelled page, plain or in disguise."""

    id: str
    site: str
    source: str
    lang: str
    flattener: str
    gold: str | None
    lines: Labelled
    disguised: bool = False
    wanted: tuple[str, ...] = ()  # segments that must stay, where there is no gold text
    unwanted: tuple[str, ...] = ()  # and those that must go

    @property
    def text(self) -> str:
        """The flattened page."""
        return "\n".join(line for line, _ in self.lines)


def read(path: str) -> list[Page]:
    """All flattenings of all pages of a file in the format above; of JSON lines with one id, the last.

    Raises ValueError where labels do not fit, or where a line is no JSON object.
    """
    frame = _json_lines(path) if path.endswith(".jsonl") else _parquet(path)
    names = sorted(name.removeprefix("text_") for name in frame.columns if name.startswith("text_"))
    if not names:
        raise ValueError(f"{path}: no column text_*; see curate/models/labelled.py for the format")
    return [
        page
        for row in frame.iter_rows(named=True)
        for name in names
        if row[f"text_{name}"]
        for page in _page(row, name)
    ]


def _parquet(path: str) -> pl.DataFrame:
    return pl.read_parquet(path, columns=[name for name in pl.read_parquet_schema(path) if name != "html"])


def _json_lines(path: str) -> pl.DataFrame:
    rows = {}
    for number, line in enumerate(Path(path).read_bytes().splitlines(), 1):
        try:
            row = json.loads(line)
            rows[row["id"]] = row
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}:{number}: no labelled page: {type(error).__name__}: {error}") from None
    return pl.DataFrame(list(rows.values()), infer_schema_length=None)


def _page(row: dict[str, object], flattener: str) -> Iterator[Page]:
    lines = str(row[f"text_{flattener}"]).split("\n")
    wanted, unwanted = (tuple(_segments(row.get(name))) for name in ("with", "without"))
    labels = row.get(f"labels_{flattener}") or _labels_of_segments(lines, wanted, unwanted)
    if len(str(labels)) != len(lines):
        raise ValueError(f"{row['id']}: {len(lines)} lines in text_{flattener}, {len(str(labels))} labels")
    source, lang = (str(row.get(name) or "?") for name in ("source", "lang"))
    unknown = row.get("gold_text") is None or (row["gold_text"] == "" and (wanted or unwanted))
    gold = None if unknown else str(row["gold_text"])
    pairs = list(zip(lines, str(labels), strict=True))
    page = Page(str(row["id"]), str(row["site"]), source, lang, flattener, gold, pairs)
    if any(label in "01t" for label in str(labels)):
        yield replace(page, wanted=wanted, unwanted=unwanted) if gold is None else page


def _labels_of_segments(lines: Sequence[str], wanted: Sequence[str], unwanted: Sequence[str]) -> str:
    return "".join(_label_of_segments(_SPACE.sub(" ", line).strip(), wanted, unwanted) for line in lines)


def _segments(value: object) -> list[str]:
    return [_SPACE.sub(" ", segment).strip() for segment in value or [] if segment.strip()]  # type: ignore[attr-defined]


def _label_of_segments(line: str, wanted: Sequence[str], unwanted: Sequence[str]) -> str:
    keep = any(segment in line for segment in wanted)
    drop = any(segment in line and 2 * len(segment) >= len(line) for segment in unwanted)
    return "?" if keep == drop else "1" if keep else "0"


def disguises(page: Page, furniture: Page | None) -> Iterator[Page]:
    """A page wrapped, spelled or cut otherwise, with less furniture or another's, and without its article."""
    rng = random.Random(f"{page.id} {page.flattener}")  # noqa: S311
    for change in (_wrapped, _respelled, _bared):
        yield _changed(page, change(page.lines, rng), rng)
    if furniture:
        yield _changed(page, _refurnished(page.lines, furniture.lines), rng)
    if rng.random() < 0.5:
        yield _changed(page, [(line, label) for line, label in page.lines if label != "1"], rng)


def _changed(page: Page, lines: Labelled, rng: random.Random) -> Page:
    if rng.random() < 0.35:
        lines = _without_blanks(lines)
    return replace(page, lines=lines, disguised=True, gold=None, wanted=(), unwanted=())


def _wrapped(lines: Labelled, rng: random.Random) -> Labelled:
    return wrapped(lines, rng.choice([60, 72, 72, 80, 100]))


def wrapped(lines: Labelled, width: int) -> Labelled:
    """Hard-wrapped at so many columns; letters of scripts without spaces take two."""
    return [(piece, label) for line, label in lines for piece in _wrap(line, width)]


def _wrap(line: str, width: int) -> list[str]:
    if _UNSPACED.search(line):
        return [line[i : i + width // 2] for i in range(0, len(line), width // 2)]
    return textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [line]


def _respelled(lines: Labelled, rng: random.Random) -> Labelled:
    change: Callable[[Labelled, random.Random], Labelled] = rng.choices([_joined, _merged, _in_sentences], [4, 3, 3])[0]
    lines = change(lines, rng)
    if rng.random() < 0.25:
        lines = [(line.lower(), label) for line, label in lines]
    return lines


def _joined(lines: Labelled, rng: random.Random) -> Labelled:
    """Runs of short dropped lines become one line, as where a menu is flattened with bars."""
    separator, often = rng.choice([" | ", " ", " / ", " · "]), rng.choice([0.4, 0.8])
    out: Labelled = []
    run: list[str] = []
    for line, label in [*_without_blanks(lines), ("", "1")]:
        if label == "0" and len(line) < 40 and len(run) < 12:
            run.append(line)
            continue
        joined = len(run) >= 3 and rng.random() < often
        out += [(separator.join(run), "0")] if joined else [(short, "0") for short in run]
        run = []
        out.append((line, label))
    return out[:-1]


def _merged(lines: Labelled, rng: random.Random) -> Labelled:
    """Neighbours of one label become one line."""
    often = {"1": rng.choice([0.2, 0.5, 0.8]), "0": rng.choice([0.0, 0.1, 0.3])}
    out: Labelled = []
    for line, label in _without_blanks(lines):
        if out and out[-1][1] == label and len(out[-1][0]) < 3000 and rng.random() < often.get(label, 0):
            out[-1] = (f"{out[-1][0]} {line}", label)
        else:
            out.append((line, label))
    return out


def _in_sentences(lines: Labelled, rng: random.Random) -> Labelled:
    """One sentence a line, or lines broken where a link stands."""
    sentences = rng.random() < 0.5
    return [(piece, label) for line, label in lines for piece in _pieces(line, sentences, rng)]


def _pieces(line: str, sentences: bool, rng: random.Random) -> list[str]:
    if len(line) <= 80:
        return [line]
    if sentences:
        return [piece for piece in _SENTENCE.split(line) if piece.strip()]
    words = line.split(" ")
    if len(words) <= 8 or rng.random() >= 0.25:
        return [line]
    at = rng.randrange(2, len(words) - 2)
    return [" ".join(words[:at]), words[at], " ".join(words[at + 1 :])]


def _bared(lines: Labelled, rng: random.Random) -> Labelled:
    """Blocks of furniture are missing."""
    often = rng.choice([0.2, 0.5, 0.8])
    out: Labelled = []
    left, gone = 0, False
    for line, label in lines:
        if label == "1" or not left:
            left, gone = rng.randrange(1, 25), rng.random() < often
        left -= 1
        if label == "1" or not gone:
            out.append((line, label))
    return out


def _refurnished(lines: Labelled, others: Labelled) -> Labelled:
    """The body of one page in the furniture of another."""
    spans = [[i for i, (_, label) in enumerate(page) if label == "1"] for page in (lines, others)]
    if not all(spans):
        return lines
    (start, *_, end), (before, *_, after) = ([*span, span[-1]] for span in spans)
    if sum(label == "0" for _, label in lines[start:end]) > 30:
        return lines
    return others[:before] + lines[start : end + 1] + others[after + 1 :]


def _without_blanks(lines: Labelled) -> Labelled:
    return [(_SPACE.sub(" ", line).strip(), label) for line, label in lines if line.strip()]
