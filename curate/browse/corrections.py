"""What people say of a page's lines: a JSON line a document, as curate/models/labelled.py reads it.

    id, site, lang   of the document
    url              String?  where it is from
    source           the name of the build
    text_page        the flattened page as the line model is given it
    labels_page      a letter a line: `1` keep, `0` drop, `t` title, `?` not known, `_` blank
    gold_text        String?  the kept lines; null where a line is not known, so that the page is not scored

The file has one line for each document, the last correction; it is written anew each time, whole or not at all. It is
the work of people, so it is small.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from curate.errors import InputError, StorageError
from curate.repair.wrapping import unwrap
from curate.report.pages import CUT, DROP, KEEP, TITLE, Page, Way
from curate.report.trail import Trail
from curate.store import create
from curate.tasks import Json

LETTERS = {KEEP: "1", CUT: "1", DROP: "0", TITLE: "t", "": "?"}
"""Verdicts as labels. What a later stage cut was article all the same."""
_BLANK = "_"


@dataclass(frozen=True)
class Labelled:
    """A flattened page and a letter for each of its lines that is not blank."""

    text: str
    letters: str

    @property
    def lines(self) -> list[str]:
        """The lines, blank ones too."""
        return self.text.split("\n")

    def relabelled(self, letters: str) -> Labelled:
        """The page with other letters. Raises ValueError where they do not fit."""
        if len(letters) != len(self.letters) or set(letters) - set("10t?"):
            raise ValueError(f"{len(self.letters)} lines need as many letters of 1, 0, t and ?")
        return Labelled(self.text, letters)

    @property
    def labels(self) -> str:
        """A letter for each line, blank ones too."""
        letters = iter(self.letters)
        return "".join(next(letters, "?") if line.strip() else _BLANK for line in self.lines)

    @property
    def article(self) -> str | None:
        """The kept lines, None where a line is not known."""
        kept = (line.strip() for line, label in zip(self.lines, self.labels, strict=True) if label == "1")
        return None if "?" in self.letters else "\n".join(kept)


def judged(trail: Trail, way: Way, page: Page) -> Labelled:
    """A page as the stages judged its lines."""
    letters = "".join(LETTERS[line.verdict] for line in page.lines)
    texts = [line.text.replace("\n", " ").strip() for line in page.lines]
    whole = _before_boilerplate(trail, way)
    same = whole is not None and [line.strip() for line in whole.split("\n") if line.strip()] == texts
    return Labelled(whole if same and whole else "\n".join(texts), letters)


def _before_boilerplate(trail: Trail, way: Way) -> str | None:
    """What the line model was given, with its blank lines; None where it was given none."""
    at = trail.stages.index("boilerplate") if "boilerplate" in trail.stages else len(way)
    return unwrap(way[at - 1][1]["text"] or "") if 0 < at < len(way) else None


class Corrections:
    """The file of corrections, held by one process at a time.

    Raises InputError where a line of it is no correction, StorageError where another process holds it.
    """

    def __init__(self, path: Path, source: str) -> None:
        self.path = path
        self._source = source
        self._saved: dict[str, Json] = {}

    def __enter__(self) -> Self:
        self._lock = FileLock(f"{self.path}.lock")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise StorageError(f"{self.path}: another `curate browse` writes here") from None
        except OSError as error:
            raise StorageError(f"{self.path}: cannot be written: {error.strerror}") from None
        self._saved = {row["id"]: row for row in _read(self.path)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def __len__(self) -> int:
        return len(self._saved)

    def __contains__(self, id: str) -> bool:
        return id in self._saved

    def of(self, page: Page, labelled: Labelled) -> Labelled:
        """The page with the letters saved for it, where its text is still the same."""
        saved = self._saved.get(page.id, {})
        if saved.get("text_page") != labelled.text:
            return labelled
        return labelled.relabelled(saved["labels_page"].replace(_BLANK, ""))

    def save(self, page: Page, labelled: Labelled) -> None:
        """Write the letters of a page; they take the place of those saved for it before."""
        self._saved[page.id] = {
            "id": page.id,
            "site": page.site or "unknown",
            "lang": page.language,
            "url": page.url,
            "source": self._source,
            "text_page": labelled.text,
            "labels_page": labelled.labels,
            "gold_text": labelled.article,
        }
        self._write()

    def withdraw(self, id: str) -> None:
        """Forget what was saved for a page."""
        if self._saved.pop(id, None):
            self._write()

    def _write(self) -> None:
        with create(str(self.path)) as stream:
            stream.writelines(f"{json.dumps(row, ensure_ascii=False)}\n".encode() for row in self._saved.values())


def _read(path: Path) -> Sequence[Json]:
    rows = []
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else (), 1):
        try:
            rows.append(dict(json.loads(line)))
            if not isinstance(rows[-1]["id"], str) or not _fits(rows[-1]):
                raise ValueError("id is no text, or labels_page has not a letter for each line of text_page")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}:{number}: is no correction: {type(error).__name__}: {error}") from None
    return rows


def _fits(row: Json) -> bool:
    """Whether the labels are as this module writes them; a page of another flattener has others."""
    if "text_page" not in row:
        return True
    letters = row["labels_page"].replace(_BLANK, "")
    return bool(Labelled(row["text_page"], letters).labels == row["labels_page"] and not set(letters) - set("10t?"))
