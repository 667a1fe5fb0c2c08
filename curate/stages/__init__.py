"""The stages, in the order in which they run. This table is the only registry.

A stage is a module with a docstring (what, why, source), its `Config`, its `VERSION` (raised whenever its results
change) and `apply(batch, config) -> batch`, which keeps the rows and their order, adds columns and sets `drop_reason`
where it drops. A stage that must see everything has `prepare(shards, config, rounds) -> files` too: rounds of file
tasks that end in one file a shard, whose rows stand in the shard's order; the runner puts these columns beside the
batch before `apply` sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from curate.stages import (
    boilerplate,
    decontaminate,
    dedup,
    language,
    metadata,
    normalize,
    privacy,
    quality,
    recompare,
    select,
    split,
)
from curate.tasks import File, Rounds

Apply = Callable[[pl.DataFrame, Any], pl.DataFrame]
Prepare = Callable[[Sequence[File], Any, Rounds], list[File]]


@dataclass(frozen=True)
class Stage:
    """One row of the table: a section's name, the version of its results, its two functions; whether, under a config,
    the texts stay as they are, so that they are not written again."""

    name: str
    version: int
    apply: Apply
    prepare: Prepare | None = None
    keeps_text: Callable[[Any], bool] = lambda config: False


def _always(config: Any) -> bool:
    return True


STAGES: tuple[Stage, ...] = (
    Stage("normalize", normalize.VERSION, normalize.apply),
    Stage("boilerplate", boilerplate.VERSION, boilerplate.apply, boilerplate.prepare),
    Stage("metadata", metadata.VERSION, metadata.apply, keeps_text=_always),
    Stage("language", language.VERSION, language.apply, keeps_text=lambda config: config.paragraphs != "drop"),
    Stage("quality", quality.VERSION, quality.apply, keeps_text=lambda config: not config.takes_out),
    Stage("privacy", privacy.VERSION, privacy.apply),
    Stage("dedup", dedup.VERSION, dedup.apply, dedup.prepare, keeps_text=lambda config: not config.paragraphs),
    Stage(
        "decontaminate",
        decontaminate.VERSION,
        decontaminate.apply,
        decontaminate.prepare,
        keeps_text=lambda config: not config.cut,
    ),
    Stage("recompare", recompare.VERSION, recompare.apply, recompare.prepare, keeps_text=_always),
    Stage("select", select.VERSION, select.apply, select.prepare, keeps_text=_always),
    Stage("split", split.VERSION, split.apply, split.prepare, keeps_text=_always),
)
"""All but `read`, which makes the documents, and `release`, which takes them away. Two have no section of
their own: `recompare` runs where `dedup` or `decontaminate` cuts, `select` carries out `quality.keep_top` and
`quality.sample`."""
