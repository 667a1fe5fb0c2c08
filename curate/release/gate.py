"""The release gate: what a release promises, proved on its finished files.

Round `check` reads every shard back, counts what is in it and scatters ids and clusters by hash; rounds `compare-id`
and `compare-cluster` bring together what belongs together. A broken promise is a ReleaseError; what was checked goes
into the manifest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from curate.errors import ReleaseError
from curate.prose.words import find_words
from curate.release import manifest
from curate.release.content import content_sha256, content_sum
from curate.release.diff import Changes
from curate.release.wording import counted
from curate.section import Section
from curate.stages.split import BUCKET_ROWS, Stratum, group, stratum
from curate.stages.split import Config as Split
from curate.strata import BINS
from curate.tasks import Done, File, Json, Rounds, Rows, batches, read
from curate.text import hash64

EXPECTED = 20
"""Clusters that a split has by its share from where on it is not empty by chance: that is one time in e^20."""
SHOWN = 3
"""Offenders that an error names, and documents that a card shows."""
_SAMPLE = ["id", "title", "text_hash", pl.col("text").str.head(200)]
_COUNTED = {"languages": "language", "sites": "site", "sources": "source", "years": "year", "lengths": "length"}


class Check(Section):
    """What a check task is told: the split of its shard, and into how many buckets to scatter."""

    split: str
    buckets: int
    by: str
    stratify: Stratum | None


class Column(Section):
    """The column that a task looks at."""

    column: str


@dataclass(frozen=True)
class Contents:
    """What the finished shards hold, counted there."""

    splits: dict[str, Json]  # split -> documents, characters, words, bytes (Arrow); tokens where they were counted
    counts: Json  # the same, and documents by language, site, source, year, and bits of their number of characters
    content_sha256: str
    samples: list[Json]
    checks: list[Json]
    notes: list[str]  # splits that are empty by chance


def verify(shards: Sequence[tuple[str, File]], asked: Split, rounds: Rounds, by: str = "cluster") -> Contents:
    """Check the finished shards, given with their split. What is `asked` must hold documents, unless the corpus is so
    small that a split may be empty by chance; `by` is what must be in one split beside clusters: sites or months.

    Raises ReleaseError, which names what is wrong and some of the documents.
    """
    buckets = -(-sum(file.rows for _, file in shards) // BUCKET_ROWS) or 1
    configs = [Check(split=split, buckets=buckets, by=by, stratify=asked.stratify) for split, _ in shards]
    done = rounds.run("check", check_shard, [[file] for _, file in shards], configs)
    contents = _counted([(split, one.stats) for (split, _), one in zip(shards, done, strict=True)])
    contents = replace(contents, counts={**contents.counts, "configs": _by_subset(shards, done)})
    checks = [_compare(column, done, buckets, rounds) for column in dict.fromkeys(("id", "cluster", by))]
    hashed = {"check": "text_hash is the hash of text", "checked": _documents(contents), "broken": 0}
    notes = _empty(contents, asked, groups=checks[-1]["checked"])
    strata = [(split, one.stats["stratum"]) for (split, _), one in zip(shards, done, strict=True)]
    shares = [_shares(strata, asked)] if asked.stratify else []
    return replace(contents, checks=[*checks, hashed, *shares], notes=notes)


def refuse_moves(changes: Changes, version: str) -> None:
    """Raise ReleaseError where a document stands in another split than in release `version`."""
    if moved := changes.counts["moved"]:
        names = ", ".join(one["id"] for one in changes.samples["moved"][:SHOWN])
        ways = ", ".join(f"{count} {way}" for way, count in changes.moves.items())
        raise ReleaseError(f"refused: {counted(moved, 'document')} moved since v{version} ({ways}), such as {names}")


def check_shard(inputs: Sequence[File], config: Check) -> Rows:
    """Task: read a finished shard; count, hash, and scatter its ids and clusters."""
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("total", "language", "site", "source", "year", "length", "stratum")
    }
    sums = []
    samples = pl.DataFrame()
    for batch in batches(inputs[0]):
        _check_hashes(batch, inputs[0])
        _count(batch, counts)
        if config.stratify:
            counts["stratum"].update(batch.select(stratum(config.stratify)).to_series().to_list())
        samples = pl.concat([samples, batch.select(_SAMPLE)]).sort("text_hash").head(SHOWN)
        sums.append(content_sum(batch.with_columns(split=pl.lit(config.split))))
        grouped = batch.select("id", "cluster").with_columns(batch.select(group(config.by).alias(config.by)))
        for column in grouped.columns:
            yield from _scatter(grouped, column, config)
    shown = samples.with_columns(split=pl.lit(config.split)).to_dicts()
    return {
        "samples": shown,
        "content": content_sha256(sums),
        **{name: dict(sorted(count.items())) for name, count in counts.items()},
    }


def find_offenders(inputs: Sequence[File], config: Column) -> Rows:
    """Task: of one bucket's ids or clusters, count those that stand where they must not."""
    rows = pl.concat(read(file) for file in inputs)
    if config.column != "id":
        rows = rows.unique()
    broken = rows.filter(rows[config.column].is_duplicated()).sort(config.column, "split")
    yield "broken", broken
    names = broken[config.column].unique(maintain_order=True)
    return {"checked": rows[config.column].n_unique(), "broken": len(names), "examples": names.head(SHOWN).to_list()}


def _scatter(batch: pl.DataFrame, column: str, config: Check) -> Rows:
    keys = batch.select(column, split=pl.lit(config.split)).with_columns(bucket=hash64(batch[column]) % config.buckets)
    for number in range(config.buckets):
        yield f"{column}-{number:05d}", keys.filter(bucket=number).drop("bucket")
    return {}


def _check_hashes(batch: pl.DataFrame, file: File) -> None:
    true = pl.Series([f"{value:016x}" for value in hash64(batch["text"]).tolist()], dtype=pl.String)
    if not (batch["text_hash"] == true).all():
        raise ReleaseError(f"{file.url}: a text and its text_hash differ")


def _count(batch: pl.DataFrame, counts: dict[str, Counter[str]]) -> None:
    chars = batch["text"].str.len_chars()
    size = batch.to_arrow(compat_level=pl.CompatLevel.oldest()).nbytes
    found = find_words(batch["text"])
    words = int(found.summed(found.real).sum())
    counts["total"].update(documents=batch.height, characters=int(chars.sum()), words=words, bytes=size)
    if batch["tokens"].count():
        counts["total"]["tokens"] += int(batch["tokens"].sum())
    for name in ("language", "site", "source"):
        counts[name].update(batch[name].drop_nulls().to_list())
    counts["year"].update(batch["published"].str.head(4).drop_nulls().to_list())
    counts["length"].update(str(bits) for bits in np.frexp(chars.to_numpy())[1].tolist())


def _counted(shards: Sequence[tuple[str, Json]]) -> Contents:
    totals: dict[str, Counter[str]] = {}
    for split, stats in shards:
        totals.setdefault(split, Counter()).update(stats["total"])
    splits = {split: dict(sorted(count.items())) for split, count in totals.items()}
    counts = {plural: _sum([stats[name] for _, stats in shards]) for plural, name in _COUNTED.items()}
    content = content_sha256([stats["content"] for _, stats in shards])
    samples = sorted((one for _, stats in shards for one in stats["samples"]), key=lambda one: one["text_hash"])
    shown = [{name: one[name] for name in ("id", "split", "title", "text")} for one in samples[:SHOWN]]
    return Contents(splits, {"splits": splits, **counts}, content, shown, checks=[], notes=[])


def _by_subset(shards: Sequence[tuple[str, File]], done: Sequence[Done]) -> Json:
    """What each config beside the default holds, by split."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for (split, file), one in zip(shards, done, strict=True):
        if subset := manifest.subset_of(file.url):
            found.setdefault(subset, {}).setdefault(split, Counter()).update(one.stats["total"])
    return {
        name: {split: dict(sorted(count.items())) for split, count in found[name].items()} for name in sorted(found)
    }


def _sum(counts: Sequence[Json]) -> dict[str, int]:
    """Most frequent first."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def _shares(shards: Sequence[tuple[str, dict[str, int]]], asked: Split) -> Json:
    """Whether each stratum has its share of each split, to within the tolerance of strata.py. What earlier releases
    hold may forbid it, so that this is told and not refused."""
    counts: dict[str, Counter[str]] = {}
    for split, strata in shards:
        for name, count in strata.items():
            if split != "test" or asked.test_share:
                counts.setdefault(name, Counter())[split] += count
    wanted = {"validation": asked.validation, "test": asked.test_share}
    off = {
        name: max(abs(count[split] - share * count.total()) for split, share in wanted.items())
        for name, count in counts.items()
    }
    worst = max(off, key=lambda name: (off[name], name))
    at_most = f"at most {off[worst]:.1f} documents of {counts[worst].total():,} off, in {worst or 'unknown'!r}"
    broken = sum(distance > 1.5 + counts[name].total() / BINS for name, distance in off.items())
    return {
        "check": f"each {asked.stratify} has its share of each split: {at_most}",
        "checked": len(off),
        "broken": broken,
    }


def _documents(contents: Contents) -> int:
    return sum(split["documents"] for split in contents.splits.values())


def _empty(contents: Contents, asked: Split, groups: int) -> list[str]:
    """What to say of the splits that are empty by chance. Raises ReleaseError where it is no chance.

    `groups` is what was split by hash: clusters, sites or months.
    """
    missing = [name for name in asked.names if name not in contents.splits]
    documents = counted(_documents(contents), "document")
    for name in missing:
        if not _by_chance(name, asked, groups):
            raise ReleaseError(f"of {documents} none fell into {name}: {_remedy(name, asked)}")
    return [f"{name} is empty: of {documents} none fell into it" for name in missing]


def _by_chance(name: str, asked: Split, groups: int) -> bool:
    shares = {"validation": asked.validation, "test": asked.test_share}
    return 0 < shares.get(name, 0) * groups < EXPECTED


def _remedy(name: str, asked: Split) -> str:
    if name == "train":
        return "lower split.validation or split.test, change split.salt, or read more documents"
    if name == "test" and not asked.test_share:
        return "set split.test.after to an earlier day, or split.test to 0 to release without it"
    return f"raise split.{name}, change split.salt, or set split.{name} to 0 to release without it"


def _compare(column: str, done: Sequence[Done], buckets: int, rounds: Rounds) -> Json:
    groups = [[one.files[f"{column}-{number:05d}"] for one in done] for number in range(buckets)]
    found = [one.stats for one in rounds.run(f"compare-{column}", find_offenders, groups, Column(column=column))]
    broken = sum(stats["broken"] for stats in found)
    name = "no id twice, within a split or across" if column == "id" else f"no {column} in two splits"
    if broken:
        examples = [example for stats in found for example in stats["examples"]][:SHOWN]
        raise ReleaseError(f"refused: {name}: {counted(broken, column)} broke this, such as {', '.join(examples)}")
    return {"check": name, "checked": sum(stats["checked"] for stats in found), "broken": broken}
