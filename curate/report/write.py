"""report.html: one file that shows what a build did. It loads nothing, and nothing that a page says can run in it.

The same build gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from curate import removal_list
from curate.errors import ReleaseError
from curate.neardup.audit import wilson
from curate.neardup.candidates import ANCHORS, MAX_BUCKET, NEIGHBOURS
from curate.release import manifest
from curate.release.manifest import Manifest
from curate.report import figures, samples
from curate.report.charts import Bars, Series
from curate.report.markup import template
from curate.report.pages import Page, pages
from curate.report.pairs import Pair, pairs
from curate.report.trail import Place, Trail
from curate.stages import decontaminate
from curate.stages.dedup import NEAR_DUPLICATE
from curate.store import create
from curate.tasks import Json

MAX_BYTES = 4_500_000
"""Of the pages shown: the file stays below 5 MB."""
KEPT, EACH_REASON, UNCERTAIN, PAIRS = 16, 6, 16, 12
"""How many documents are shown."""
MAX_CHANGES = 100
"""Of the documents on which two settings differ, as many are shown."""
EXPLAINED = 4_000
"""Lines of which it is told what weighed on them, 2 or 3 ms each: those of the least certain pages first."""


@dataclass(frozen=True)
class Shown:
    """A page and why it was chosen."""

    why: str
    page: Page


def report(
    trail: Trail, name: str, path: Path, note: str = "", changes: Sequence[Any] = (), settings: Sequence[str] = ()
) -> None:
    """Write what a run did. Of a trial, `note` says what it is, and `changes` where two settings differ."""
    written = _written(trail, list(chosen(trail)))
    made, fault = (None, note) if note else _release(trail)
    text = template("report.html.j2").render(
        name=name,
        trail=trail,
        funnel=_funnel(trail),
        stages=_stage_chart(trail),
        distributions=figures.distributions(trail),
        scores=figures.scores(trail),
        measures=figures.measures(trail),
        clusters=figures.clusters(trail),
        evaluation=_evaluation(trail),
        audit=_audit(trail),
        capped=trail.rounds("dedup").get("candidates", {}).get("capped_buckets", 0),
        max_bucket=MAX_BUCKET,
        compared=ANCHORS + NEIGHBOURS,
        pairs=list(_pairs(trail)),
        release=made,
        fault=fault,
        pages=written,
        changes=changes,
        max_changes=MAX_CHANGES,
        settings=settings if len(settings) == 2 else (),
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
        reasons = [reason for reason in row["reasons"] if reason != removal_list.REMOVED]
        groups += [(reason, samples.of_reason(trail, stage, reason, EACH_REASON)) for reason in reasons]
    found = iter(pages(trail, [place for _, places in groups for place in places], EXPLAINED))
    listed = [[Shown(why, next(found)) for _ in places] for why, places in groups]
    yield from (one for row in zip_longest(*listed) for one in row if one)  # so that a limit cuts all of them


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
    return {"whys": [why for why in dict.fromkeys(whys) if why != removal_list.REMOVED]}


def _funnel(trail: Trail) -> list[Json]:
    """The rows of the funnel with tokens, as counted, or estimated from the tokens of some texts for each character."""
    rates: list[float | None] = figures.token_rates(trail)
    counted = any("tokens_kept" in row for row in trail.funnel)  # by quality.tokenizer
    rows, before = [], None
    for row, rate in zip(trail.funnel, rates, strict=True):
        about = None if rate is None or counted else round(rate * row.get("chars_kept", 0), -1)
        tokens = row.get("tokens_kept", about)
        rows.append({**row, "tokens_in": before, "tokens_kept": tokens})
        before = tokens
    return rows


def _stage_chart(trail: Trail) -> Bars:
    labels = ["input", *trail.stages]
    counts = [trail.funnel[0].get("documents_in", 0), *(row.get("documents_kept", 0) for row in trail.funnel)]
    return Bars("Documents left after each stage", "documents", labels, [Series("documents", counts)], "stage")


def _evaluation(trail: Trail) -> Json:
    """Records of each evaluation set, and the documents that held one."""
    rounds = trail.rounds("decontaminate")
    sets: Json = decontaminate.found(rounds)["sets"] if "index" in rounds else {}
    return sets


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
    stages = [trail.stages.index(name) for name in ("recompare", "dedup") if name in trail.stages]
    some = [samples.of_reason(trail, stage, NEAR_DUPLICATE, PAIRS // len(stages)) for stage in stages]
    places = chain(samples.closest(trail, PAIRS // 2), *some)
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
