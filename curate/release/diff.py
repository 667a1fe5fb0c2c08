"""What differs between two releases: documents added, removed, changed, moved.

Only the narrow columns are read, never the texts: a text that changed has another `text_hash`. Rows are laid down by
the hash of their id in temporary files and compared bucket by bucket, so memory is flat. An id is in a release once, so
neither order nor shards matter.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pyarrow as pa

from curate.tasks import File, Json, batches
from curate.text import hash64

KINDS = ("added", "removed", "changed", "updated", "moved")
"""Of a document: only in the new release, only in the old one, other text, other title or the like, other split."""
FIELDS = ("title", "author", "published", "url", "site", "language", "metadata")
"""Columns that make a document `updated` where one of them differs."""
GONE = "not in the input any more"
"""Reason of a document that was removed, but not by a stage."""
BUCKET_ROWS = 500_000
"""Documents compared at once; some 200 MB."""
SHOWN = 5
"""Samples of each kind."""
_KEPT = ("id", "split", "text", "fields", "source", "site", "title")

Side = Sequence[tuple[str, File]]
"""The shards of a release with their splits. An empty split: the file has a column `split`."""


@dataclass
class Changes:
    """Counts of what differs from an old release to a new one."""

    counts: Counter[str] = field(default_factory=Counter)  # kind -> documents
    sources: dict[str, Counter[str]] = field(default_factory=dict)  # source -> kind -> documents
    sites: dict[str, Counter[str]] = field(default_factory=dict)
    samples: dict[str, list[Json]] = field(default_factory=dict)  # kind -> the first documents by id
    moves: Counter[str] = field(default_factory=Counter)  # "train -> test" -> documents
    reasons: Counter[str] = field(default_factory=Counter)  # why documents are removed -> documents

    def __bool__(self) -> bool:
        return bool(self.counts)


def compare(old: Side, new: Side, dropped: Sequence[File] = ()) -> Changes:
    """What differs from `old` to `new`. `dropped` are what the stages dropped on the way to `new`, for the reasons."""
    rows = max(sum(file.rows for _, file in side) for side in (old, new))
    buckets = -(-rows // BUCKET_ROWS) or 1
    changes = Changes()
    with tempfile.TemporaryDirectory(prefix="curate-diff-") as folder:
        before, after = (_lay_down(side, buckets, Path(folder) / name) for side, name in ((old, "old"), (new, "new")))
        for one, other in zip(before, after, strict=True):
            found = _differing(pl.read_ipc(one), pl.read_ipc(other))
            _add(changes, found)
            if dropped:
                changes.reasons.update(_reasons(found.filter(kind="removed")["id"], dropped))
    return _ordered(changes)


def _lay_down(side: Side, buckets: int, folder: Path) -> list[Path]:
    """The narrow rows of a release, in one file a bucket."""
    folder.mkdir()
    paths = [folder / f"{number:05d}.arrow" for number in range(buckets)]
    with ExitStack() as stack:
        writers = [stack.enter_context(pa.ipc.new_file(str(path), _SPILL)) for path in paths]
        for rows in _narrow(side):
            places = hash64(rows["id"]) % buckets
            for number, writer in enumerate(writers):
                writer.write_table(rows.filter(places == number).to_arrow(compat_level=_OLDEST).cast(_SPILL))
    return paths


def _narrow(side: Side) -> Iterator[pl.DataFrame]:
    for split, file in side:
        columns = ["id", "text_hash", "source", *FIELDS, *([] if split else ["split"])]
        for batch in batches(file, columns, rows=20_000):
            told = batch.select(pl.concat_str([pl.col(name).fill_null("\0") for name in FIELDS], separator="\x1f"))
            yield batch.with_columns(
                split=pl.lit(split) if split else pl.col("split"),
                text=pl.col("text_hash").str.decode("hex").bin.reinterpret(dtype=pl.UInt64),
                fields=pl.Series(hash64(told.to_series())),
            ).select(_KEPT)


def _differing(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """The documents that are not the same, with `kind`, in order of their ids."""
    joined = old.join(new, on="id", how="full", coalesce=True, suffix="_new")
    kind = (
        pl.when(pl.col("text").is_null()).then(pl.lit("added"))
        .when(pl.col("text_new").is_null()).then(pl.lit("removed"))
        .when(pl.col("split") != pl.col("split_new")).then(pl.lit("moved"))
        .when(pl.col("text") != pl.col("text_new")).then(pl.lit("changed"))
        .when(pl.col("fields") != pl.col("fields_new")).then(pl.lit("updated"))
    )  # fmt: skip
    latest = [pl.coalesce(f"{name}_new", name).alias(name) for name in ("source", "site", "title")]
    moves = pl.format("{} -> {}", "split", "split_new").alias("move")
    found = joined.with_columns(kind=kind).filter(pl.col("kind").is_not_null())
    return found.select("id", "kind", moves, pl.coalesce("split_new", "split").alias("split"), *latest).sort("id")


def _add(changes: Changes, found: pl.DataFrame) -> None:
    changes.counts.update(found["kind"].to_list())
    changes.moves.update(found.filter(kind="moved")["move"].to_list())
    for column, counters in (("source", changes.sources), ("site", changes.sites)):
        for value, kind, count in found.group_by(column, "kind").len().iter_rows():
            counters.setdefault(value or "unknown", Counter())[kind] += count
    for kind in KINDS:
        shown = found.filter(kind=kind).head(SHOWN).select("id", "title", "split", "source").to_dicts()
        changes.samples[kind] = sorted([*changes.samples.get(kind, []), *shown], key=lambda one: one["id"])[:SHOWN]


def _reasons(ids: pl.Series, dropped: Sequence[File]) -> Counter[str]:
    """Why documents that were released are not any more, by what the stages say of them."""
    if ids.is_empty():
        return Counter()
    wanted = ids.to_frame("id")
    said = [
        batch.join(wanted, on="id", how="semi", maintain_order="left")
        for file in dropped
        for batch in batches(file, ["id", "drop_reason"])
    ]
    found = pl.concat(said).unique("id", keep="first", maintain_order=True)
    reasons = Counter(found["drop_reason"].to_list())
    reasons[GONE] += len(ids) - found.height
    return +reasons


def _ordered(changes: Changes) -> Changes:
    """The same whatever the buckets: kinds in their order, most changes first."""
    return Changes(
        counts=_by_kind(changes.counts),
        sources=_most_first(changes.sources),
        sites=_most_first(changes.sites),
        samples={kind: samples for kind, samples in changes.samples.items() if samples},
        moves=Counter(dict(sorted(changes.moves.items()))),
        reasons=Counter(dict(sorted(changes.reasons.items(), key=lambda item: (-item[1], item[0])))),
    )


def _by_kind(count: Counter[str]) -> Counter[str]:
    return Counter({kind: count[kind] for kind in KINDS if count[kind]})


def _most_first(counters: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    items: Iterable[tuple[str, Counter[str]]] = sorted(counters.items(), key=lambda item: (-item[1].total(), item[0]))
    return {value: _by_kind(count) for value, count in items}


_OLDEST = pl.CompatLevel.oldest()
_SPILL = pa.schema([(name, pa.uint64() if name in ("text", "fields") else pa.large_string()) for name in _KEPT])
