"""report.html: one file that shows what a build did. It loads nothing, and nothing that a page says can run in it.

All text is escaped, the content security policy allows only the style sheet and the script of this very file, and what
turns or hides text (control characters, bidirectional overrides) is spelled out. The same build gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from typing import Any

import jinja2

from curate.errors import ReleaseError
from curate.neardup.audit import wilson
from curate.release import manifest
from curate.release.manifest import Manifest
from curate.report import figures, samples
from curate.report.charts import Bars, Series, number
from curate.report.pages import Page, pages
from curate.report.pairs import Pair, pairs
from curate.report.trail import Place, Trail
from curate.stages.dedup import NEAR_DUPLICATE
from curate.stages.split import REMOVED
from curate.store import create
from curate.tasks import Json

MAX_BYTES = 4_500_000
"""Of the pages shown: the file stays below 5 MB."""
KEPT, EACH_REASON, UNCERTAIN, PAIRS = 16, 6, 16, 12
"""How many documents are shown."""
_MAX_LINES, _MAX_CHARS = 250, 1_200
"""Lines of a page, and characters of a line, that are shown."""

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True)
class Shown:
    """A page and why it was chosen."""

    why: str
    page: Page


def report(trail: Trail, name: str, path: Path, note: str = "", changes: Sequence[Any] = ()) -> None:
    """Write what a run did. Of a trial, `note` says what it is, and `changes` how another setting differs."""
    written = _written(trail, list(chosen(trail)))
    made, fault = (None, note) if note else _release(trail)
    text = template("report.html.j2").render(
        name=name,
        trail=trail,
        funnel=_funnel(trail),
        stages=_stage_chart(trail),
        distributions=figures.distributions(trail),
        scores=figures.scores(trail),
        clusters=figures.clusters(trail),
        audit=_audit(trail),
        pairs=list(_pairs(trail)),
        release=made,
        fault=fault,
        pages=written,
        changes=changes,
        **_choices(trail),
    )
    with create(str(path)) as stream:
        stream.write(text.encode("utf-8", "replace"))


def chosen(trail: Trail) -> Iterator[Shown]:
    """The documents to look at: the least certain, some that are kept, and some for each reason. What was removed on
    request is not shown."""
    groups: list[tuple[str, list[Place]]] = [("least certain lines", samples.uncertain(trail, UNCERTAIN))]
    groups.append(("kept", samples.kept(trail, KEPT)))
    for stage, row in enumerate(trail.funnel):
        reasons = [reason for reason in row["reasons"] if reason != REMOVED]
        groups += [(reason, samples.of_reason(trail, stage, reason, EACH_REASON)) for reason in reasons]
    found = iter(pages(trail, [place for _, places in groups for place in places]))
    listed = [[Shown(why, next(found)) for _ in places] for why, places in groups]
    yield from (one for row in zip_longest(*listed) for one in row if one)  # so that a limit cuts all of them


def template(name: str) -> jinja2.Template:
    """A template of this package."""
    return _environment().get_template(name)


def visible(text: object, longest: int = _MAX_CHARS) -> str:
    """Foreign text as it can be shown: what cannot be seen is spelled out, what is too long is cut."""
    plain = _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", str(text))
    return plain if len(plain) <= longest else f"{plain[:longest]}… ({len(plain) - longest:,} more characters)"


def _written(trail: Trail, shown: Sequence[Shown]) -> list[str]:
    """The pages as HTML, as many as there is room for, in the order of their reasons."""
    macro: Any = template("page.html.j2").module
    held, written = 0, []
    for one in shown:
        html = macro.document(one.page, one.why)
        held += len(html.encode("utf-8", "replace"))
        if held > MAX_BYTES - 500_000:
            break
        written.append((one.why, html))
    order = {why: place for place, why in enumerate(dict.fromkeys(one.why for one in shown))}
    return [html for _, html in sorted(written, key=lambda pair: order[pair[0]])]


def _choices(trail: Trail) -> Json:
    whys = ["least certain lines", "kept", *(reason for row in trail.funnel for reason in row["reasons"])]
    return {"whys": [why for why in dict.fromkeys(whys) if why != REMOVED]}


def _funnel(trail: Trail) -> list[Json]:
    """The rows of the funnel with tokens, estimated from the tokens of some texts for each character."""
    rates: list[float | None] = figures.token_rates(trail)
    rows, before = [], None
    for row, rate in zip(trail.funnel, rates, strict=True):
        tokens = None if rate is None else round(rate * row.get("chars_kept", 0), -1)
        rows.append({**row, "tokens_in": before, "tokens_kept": tokens})
        before = tokens
    return rows


def _stage_chart(trail: Trail) -> Bars:
    labels = ["input", *trail.stages]
    counts = [trail.funnel[0].get("documents_in", 0), *(row.get("documents_kept", 0) for row in trail.funnel)]
    return Bars("Documents left after each stage", "documents", labels, [Series("documents", counts)], "stage")


def _audit(trail: Trail) -> Json | None:
    """What dedup's audit found, with the share of pairs that ended in one cluster and its interval."""
    found: Json | None = trail.rounds("dedup").get("audit")
    if not found or not found["similar_pairs"]:
        return None
    recall = found["found_pairs"] / found["similar_pairs"]
    low, high = wilson(recall, found["with_copies"])
    return {**found, "recall": recall, "recall_low": low, "recall_high": high}


def _pairs(trail: Trail) -> Iterable[Pair]:
    if "dedup" not in trail.stages:
        return []
    stage = trail.stages.index("dedup")
    places = [*samples.closest(trail, PAIRS // 2), *samples.of_reason(trail, stage, NEAR_DUPLICATE, PAIRS)]
    return pairs(trail, list(dict.fromkeys(places))[:PAIRS])


def _release(trail: Trail) -> tuple[Manifest | None, str]:
    """The manifest of the release that the run ended in, or why there is none."""
    if trail.record.release is None:
        return (
            None,
            f"The last run made no release: it ended after {trail.stages[-1]}. This report goes as far as that.",
        )
    try:
        return manifest.read(Path(trail.record.release["path"])), ""
    except ReleaseError as error:
        return None, str(error)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("curate.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "number": lambda value: "" if value is None else number(value)}
    for name, kind in (("style.css", "style"), ("report.js", "script")):
        source = files("curate.report").joinpath("templates", name).read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        environment.globals |= {kind: source, f"{kind}_hash": f"'sha256-{digest}'"}
    environment.globals["max_lines"] = _MAX_LINES
    return environment
