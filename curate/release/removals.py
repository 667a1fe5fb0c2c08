"""What became of the list of removals: a line that matches no document is a typo, or a document that is not here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from curate import removal_list
from curate.errors import InputError
from curate.release.wording import counted
from curate.tasks import File, Json, batches

SHOWN = 3
"""Lines that are told."""


@dataclass(frozen=True)
class Removals:
    """The list of removals, and which of its lines match no document."""

    name: str = ""
    lines: int = 0
    unmatched: tuple[str, ...] = ()

    def json(self) -> Json:
        """For the manifest: numbers alone, since the lines are for nobody to read."""
        return {"lines": self.lines, "unmatched": len(self.unmatched)} if self.name else {}

    def __str__(self) -> str:
        if not self.unmatched:
            return ""
        verb = "matches" if len(self.unmatched) == 1 else "match"
        more = ", ..." if len(self.unmatched) > SHOWN else ""
        shown = ", ".join(self.unmatched[:SHOWN]) + more
        return f"{counted(len(self.unmatched), 'line')} of {self.name} {verb} no document: {shown}"


def listed(path: Path) -> pl.DataFrame:
    """See `removal_list.lines`. Raises InputError where the list cannot be read."""
    try:
        return removal_list.lines(str(path))
    except OSError as error:
        raise InputError(f"release.remove: {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"release.remove: {path}: not UTF-8: {error}") from None


def followed(path: Path, dropped: Sequence[File], tombstones: Collection[str]) -> Removals:
    """Look up each line of the list among what the stages dropped, and what was removed earlier."""
    lines = listed(path)
    left = lines.filter(~removal_list.buried(lines, tombstones))
    for file in dropped:
        for batch in batches(file, ["id", "url"]) if left.height else ():
            left = left.filter(~(_is_in(left, batch, "line", "id") | _is_in(left, batch, "url", "url")))
    return Removals(str(path), lines.height, tuple(left["line"].to_list()))


def _is_in(lines: pl.DataFrame, documents: pl.DataFrame, column: str, among: str) -> pl.Series:
    return lines[column].is_in(documents[among].drop_nulls().implode()).fill_null(False)
