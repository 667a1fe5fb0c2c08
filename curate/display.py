"""What commands print on stdout: tables for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from curate.cleanup import Cleaned
from curate.pipeline import Planned
from curate.release.build import Release
from curate.release.difference import Difference
from curate.release.wording import LISTED, by_source
from curate.report.pages import CUT, DROP, KEEP, TITLE, Line, Page
from curate.report.write import MAX_CHANGES
from curate.score import Scored
from curate.starter import Look
from curate.tasks import Json
from curate.trial import Result

if TYPE_CHECKING:
    from curate.release.hub import Pushed

_SAMPLES = 5
_WIDE = 120  # columns where stdout is no terminal
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def look(seen: Look, path: Path) -> None:
    """What `curate new` saw, and what to do next."""
    table = Table.grid(padding=(0, 2))
    table.add_row("files", _plain(_counted(seen.formats)))
    table.add_row(
        "columns", _plain(", ".join(f"{ours}: {theirs}" for ours, theirs in seen.columns.items()) or "as named")
    )
    table.add_row("header line", _plain(seen.header or "none"))
    table.add_row(f"of {seen.pages} pages", _plain(_counted(seen.languages) or "no article in a known language"))
    _print(table)
    _print(_plain(f"{path}: written. Read it, then: curate run {path}", "bold"))


def funnel(rows: Sequence[Json]) -> None:
    """A row a stage: documents and characters in and out, words or tokens out, the most frequent reasons for drops."""
    unit = next((unit for unit in ("tokens", "words") if any(f"{unit}_kept" in row for row in rows)), None)
    table = Table("stage", title="What each stage kept", title_justify="left", box=None, pad_edge=False)
    for name in ("documents in", "dropped", "out", "characters in", "out", *([f"{unit} out"] if unit else [])):
        table.add_column(name, justify="right")
    table.add_column("dropped because", overflow="fold")
    for row in rows:
        counts = [row.get(f"documents_{part}", 0) for part in ("in", "dropped", "kept")]
        counts += [row.get(f"chars_{part}", 0) for part in ("in", "kept")]
        counts += [row.get(f"{unit}_kept")] if unit else []
        cells = ["" if count is None else f"{count:,}" for count in counts]
        table.add_row(row["stage"], *cells, _plain(_reasons(row["reasons"])))
    _print(table)


def release(made: Release) -> None:
    """Where the release lies, and the line that loads it."""
    splits = ", ".join(f"{name} {count:,}" for name, count in made.splits.items())
    said = f"written. {made.why}" if made.created else made.why
    _print(_plain(f"{made.path} ({splits}): {said}"))
    _print(Text(f'load_dataset("{made.path}")', style="bold"))


def plan(rows: Sequence[Planned]) -> None:
    """A row a stage: what a run would do, in how many tasks, and why."""
    table = Table("stage", "would", "tasks", "why", box=None, pad_edge=False)
    for row in rows:
        tasks = f"{row.missing} of {row.tasks}" if row.tasks is not None else ""
        table.add_row(row.stage, row.verdict, tasks, _plain(row.why))
    _print(table)


def trial(found: Result) -> None:
    """The funnel that a sample lets expect, setting by setting; time and disk of a full run."""
    about = "" if found.drawn.exact else "about "
    _print(_plain(f"{found.drawn.size:,} of {about}{found.drawn.documents:,} documents", "bold"))
    for setting, rows in zip([*found.settings, ""], found.funnels, strict=False):
        table = Table("stage", title=_plain(setting), title_justify="left", box=None, pad_edge=False)
        for name in ("left of all", "95% interval", "documents left"):
            table.add_column(name, justify="right")
        table.add_column("dropped because (of the sample)", overflow="fold")
        for row in rows:
            left = f"{row.low * found.drawn.documents:,.0f} to {row.high * found.drawn.documents:,.0f}"
            interval = f"{row.low:.1%} to {row.high:.1%}"
            table.add_row(row.stage, f"{row.share:.1%}", interval, left, _plain(_reasons(row.reasons)))
        _print(table)
    if len(found.funnels) == 2:
        _changes(found)
    minutes, hours = found.seconds / 60, found.seconds / 3600
    cpu = f"{hours:,.1f} h" if hours > 2 else f"{minutes:,.1f} min" if minutes > 2 else f"{found.seconds:,.0f} s"
    _print(_plain(f"A full run: some {cpu} of processor time, to be shared by {found.cores} workers;"))
    _print(_plain(f"some {found.bytes / 1e6:,.0f} MB of disk for the build, without the release."))
    _print(_plain("Copies of documents outside the sample, and what the pages of a site share, are not seen here."))
    _print(_plain(found.out))


def scores(rows: Sequence[Scored]) -> None:
    """A row a site."""
    table = Table("site", box=None, pad_edge=False)
    table.add_column("Fb", justify="right")
    table.add_column("pages", justify="right")
    for row in rows:
        table.add_row(_plain(row.site or "all"), f"{row.fb:.4f}", f"{row.pages:,}")
    _print(table)


def _changes(found: Result) -> None:
    """The first documents on which two settings differ, each with its first lines."""
    count, lines = len(found.changes), sum(len(change.lines) for change in found.changes)
    shown = "all of them" if count <= MAX_CHANGES else f"the first {MAX_CHANGES} documents"
    _print(_plain(f"{count:,} documents change, with {lines:,} lines; {shown} in {found.out}", "bold"))
    for change in found.changes[:_SAMPLES]:
        page, ends = change.page, " -> ".join(dict.fromkeys(change.ends))
        _print(_plain(f"{page.id}  {page.title or page.url or page.source}: {ends}"))
        for text, one, other in change.lines[:3]:
            _print(_plain(f"  {_MARKS[one][0]} -> {_MARKS[other][0]}  {_shortened(text)}", "dim"))


def difference(found: Difference) -> None:
    """Counts by source and by reason, a few documents of each kind, and the bump that the difference asks for."""
    before, after = found.documents
    _print(_plain(f"{found.old} -> {found.new}: {before:,} -> {after:,} documents; a {found.bump}"))
    counts = found.changes.counts
    table = Table("source", *counts, box=None, pad_edge=False)
    sources = by_source(found.changes.sources)
    for source, count in [*list(sources.items())[:LISTED], ("all", counts)]:
        table.add_row(_plain(source), *(f"{count[kind]:,}" for kind in counts))
    if len(sources) > LISTED:
        table.add_row(f"and {len(sources) - LISTED:,} more sources")
    if counts:
        _print(table)
    for reason, removed in found.changes.reasons.items():
        _print(_plain(f"removed because: {reason}: {removed:,}"))
    for reason, (then, now) in found.dropped.items():
        if then != now:
            _print(_plain(f"dropped by the stages: {reason}: {then:,} -> {now:,}"))
    for kind, documents in found.changes.samples.items():
        for document in documents[:_SAMPLES]:
            _print(_plain(f"{kind}: {document['id']}  {document.get('url') or document.get('source') or ''}"))


def pushed(done: Pushed) -> None:
    """What went up, or would."""
    xet = f", of which about {done.xet_bytes:,} go up with Xet" if done.xet_bytes is not None else ""
    _print(_plain(f"{done.repo} {done.tag}: {done.state}; {len(done.uploads)} files, {done.bytes:,} bytes{xet}"))
    for name in done.uploads:
        _print(_plain(f"  + {name}"))
    for name in done.deletes:
        _print(_plain(f"  - {name}"))
    if done.state == "published":
        _print(Text(f'load_dataset("{done.repo}", revision="{done.tag}")', style="bold"))


def cleaned(done: Cleaned) -> None:
    """What was removed from a build, or would be."""
    _print(_plain(f"{done.files:,} files, {done.bytes / 1e6:,.1f} MB; {done.left / 1e6:,.1f} MB are left"))


def explanation(found: Page) -> None:
    """The stages' verdicts, then the page line by line with the score of each: `+` kept, `-` dropped, `T` title,
    `x` kept at first and taken out by a later stage."""
    _print(_plain(f"{found.id}  {found.url or ''}", "bold"))
    _print(_plain(f"{found.source}, record {found.record}", "bold"))
    table = Table("stage", "verdict", "characters", "found", box=None, pad_edge=False)
    for verdict in found.verdicts:
        said = f"dropped: {verdict.reason} {_in_brackets(verdict.detail)}" if verdict.reason else "kept"
        seen = ", ".join(f"{name}: {value}" for name, value in verdict.found.items())
        table.add_row(verdict.stage, _plain(said), f"{verdict.chars_in:,} -> {verdict.chars_out:,}", _plain(seen))
    _print(table)
    for line in found.lines:
        _print(_line(line))
    if found.passages:
        _beside(found)
    _print(_plain(f"{found.outcome}"))


def _beside(found: Page) -> None:
    """A near-duplicate and the document that is kept in its place, side by side; what both say is shortened."""
    table = Table("this document", f"kept: {safe(str(found.last.found.get('duplicate_of')))}", box=None, pad_edge=False)
    for passage in found.passages:
        if passage.same:
            table.add_row(*(_plain(_shortened(text), "dim") for text in passage[1:]))
        else:
            table.add_row(_plain(passage.first, "red"), _plain(passage.second, "green"))
    _print(table)


def _shortened(text: str) -> str:
    words = text.split()
    return text if len(words) <= 12 else f"{' '.join(words[:6])} ... {' '.join(words[-6:])}"


_MARKS = {KEEP: ("+", "green"), DROP: ("-", "dim"), TITLE: ("T", "bold"), CUT: ("x", "yellow"), "": (" ", "")}


def _line(line: Line) -> Text:
    mark, style = _MARKS[line.verdict]
    score = f"{line.score:.2f}  " if line.score is not None else ""
    shown = _plain(f"{mark} {score}{line.text}", style)
    return shown.append(f"  ({', '.join(line.why)})", "dim italic") if line.why else shown


def safe(text: str) -> str:
    """The text without what would steer a terminal; bytes of file names that are no text are spelled out."""
    return _UNSAFE.sub("\ufffd", text).encode("utf-8", "backslashreplace").decode()


def _plain(text: str, style: str = "") -> Text:
    """One line of text as it is: no markup is read from it."""
    return Text(safe(text.replace("\n", " ")), style=style)


def _reasons(counts: dict[str, int]) -> str:
    shown = [f"{reason} {count:,}" for reason, count in list(counts.items())[:4]]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _in_brackets(text: str | None) -> str:
    return f"({text})" if text else ""


def _print(what: Table | Text) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDE)
    console.print(what, soft_wrap=isinstance(what, Text))
