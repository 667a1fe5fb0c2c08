"""How a stage meets a shard: the one task function behind every stage.

It streams a shard through the stage's `apply`, moves dropped rows to a file of their own with the text the stage was
given, and counts. For every task: documents in = kept + dropped, characters in = kept + cut + dropped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from curate.counting import UNITS, recounted
from curate.document import DECISION, SUMMED, undecided
from curate.section import Section
from curate.stages import STAGES, Stage
from curate.suspects import DETAIL, KILLED, watching
from curate.tasks import AT, TEXT, File, Rows, batches, placed


@dataclass(frozen=True)
class StageTask:
    """Task function of a stage. Inputs: a shard and, where the stage prepared one, the file of columns beside it."""

    stage: str

    def __call__(self, inputs: Sequence[File], config: Section) -> Rows:
        """Stream a shard through the stage. Inputs: the shard, what `prepare` found of its rows."""
        stage = next(stage for stage in STAGES if stage.name == self.stage)
        count: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for batch in _beside(inputs):
            kept, dropped = _carefully(stage, batch, config)
            _count(count, batch, kept, dropped)
            reasons.update(dropped["drop_reason"].to_list())
            for name in set(SUMMED) & set(kept.columns) - set(batch.columns):
                sums[name].update(kept[name].struct.unnest().sum().row(0, named=True))
            yield "kept", _without_texts(batch, kept) if stage.keeps_text(config) else kept.drop(AT)
            yield "dropped", dropped.drop(AT)
        some = {name: dict(+counts) for name, counts in sums.items() if +counts}
        return {**count, "reasons": dict(sorted(reasons.items())), **some}


def judge(stage: Stage, batch: pl.DataFrame, config: Section) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What a stage keeps of a batch, and what it drops: as given, with the columns it added and its verdict."""
    given = undecided(batch)
    judged = recounted(stage.apply(given, config), batch)
    if judged.height != batch.height:
        raise AssertionError(f"{stage.name}.apply returned {judged.height} rows for {batch.height}")
    keep = judged["drop_reason"].is_null()
    kept = judged.filter(keep).drop(*DECISION)
    added = [name for name in judged.columns if name not in batch.columns and name not in DECISION]
    dropped = batch.hstack(judged.select(*added, *DECISION)).filter(~keep)
    if "words" not in batch.columns:  # counted by this stage, of the text that it made
        dropped = recounted(dropped, judged.filter(~keep))
    return kept, dropped


def _carefully(stage: Stage, batch: pl.DataFrame, config: Section) -> tuple[pl.DataFrame, pl.DataFrame]:
    """See `judge`. After a worker died here each record is tried alone first, and what killed one is set aside."""
    suspects = watching()
    if suspects is None:
        return judge(stage, batch, config)
    places = [f"{source}, record {record}" for source, record in batch.select("source", "record").iter_rows()]
    killers = pl.Series([suspects.is_killer(place) for place in places], dtype=pl.Boolean)
    for i in (~killers).arg_true():
        suspects.note(places[i])
        judge(stage, batch[i : i + 1], config)
    suspects.note(None)
    kept, dropped = judge(stage, batch.filter(~killers), config)
    set_aside = batch.filter(killers).with_columns(drop_reason=pl.lit(KILLED), drop_detail=pl.lit(DETAIL))
    return kept, pl.concat([dropped, set_aside], how="diagonal")


def _without_texts(batch: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """What a stage keeps, where it left the texts as they were: AT says where they stand."""
    same = batch.filter(pl.col(AT).is_in(kept[AT].implode()))[TEXT]
    if not kept[TEXT].equals(same):
        raise AssertionError("a stage changed texts that it says it keeps")
    return kept.drop(TEXT)


def _beside(inputs: Sequence[File]) -> Iterator[pl.DataFrame]:
    """The shard's batches, with the prepared columns of the same rows."""
    shard, *prepared = inputs
    if not prepared:
        yield from placed(shard)
        return
    columns = batches(prepared[0])
    ahead = next(columns)
    for batch in placed(shard):
        while ahead.height < batch.height:
            ahead = pl.concat([ahead, next(columns)])
        yield batch.hstack(ahead.head(batch.height))
        ahead = ahead.slice(batch.height)


def _count(count: Counter[str], batch: pl.DataFrame, kept: pl.DataFrame, dropped: pl.DataFrame) -> None:
    chars_in, chars_kept, chars_dropped = (_chars(frame) for frame in (batch, kept, dropped))
    count.update(
        documents_in=batch.height,
        documents_kept=kept.height,
        documents_dropped=dropped.height,
        chars_in=chars_in,
        chars_kept=chars_kept,
        chars_cut=chars_in - chars_kept - chars_dropped,
        chars_dropped=chars_dropped,
    )
    for unit in UNITS:
        for name, frame in (("in", batch), ("kept", kept), ("dropped", dropped)):
            if unit in frame.columns:
                count[f"{unit}_{name}"] += int(frame[unit].sum())


def _chars(batch: pl.DataFrame) -> int:
    """Characters of text; before `normalize` there is only the raw page, whose bytes count."""
    if "page" in batch.columns:
        return int(batch["page"].bin.size().sum())
    return int(batch["text"].str.len_chars().sum())
