"""Stage split: every document goes to train, validation or test, for ever, and near-duplicates go together.

In a first release the split is a function of the salt and the near-duplicate cluster alone, so it does not depend on
order, on workers or on what else is in the corpus. Test takes the lowest hashes and validation the highest: raising a
share takes documents from train only. After that, what was released stays where it is:

- a released document keeps its split, and what is near it joins it, also where it is now dropped as a copy itself;
- where that would bring two splits together, test wins over validation and validation over train: the cluster's other
  released documents are dropped as `split conflict`;
- a document whose site, month or date asks for another split than what is near it was released in is dropped likewise;
- what is on the list of removals (ids or URLs) is dropped, and with it its whole cluster.

An id that the corpus holds more than once keeps its first document, by source and record.

`prepare` finds this in rounds of file tasks, each over a part of the ids or clusters:

    moved      all recompare dropped  what became a copy of what
    ids        a file of documents    ids, clusters and places, by hash of the id into buckets
    members    a bucket of ids        what is a duplicate; each document with the split it was released in, by cluster
    clusters   a bucket of clusters   what each document of a cluster must do, by shard
    verdict    a shard                all that, row by row
    strata, cuts, placed              with `stratify`: documents of each stratum; where its splits are cut; row by row

Source: hash splits as in the splits API of TFDS, keyed by cluster as "Deduplicating Training Data Makes Language Models
Better" (Lee et al. 2022) asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Discriminator, Field, Tag, model_validator

from curate import removal_list, strata
from curate.document import drop, undecided
from curate.section import Section
from curate.stages.recompare import MOVED, list_moved
from curate.tasks import END, Done, File, Rounds, Rows, batches, columns_in, read
from curate.text import hash64

VERSION = 3

SPLITS = ("train", "validation", "test")
"""In the order in which releases list them; where two meet, the later wins."""
BUCKET_ROWS = 500_000
"""Documents that are compared in one task; some 300 MB."""
ROWS_AT_ONCE = 1 << 16
"""Of ids and places, which are small: a part for each bucket is written of so many rows."""


class After(Section):
    """A split by date."""

    after: date = Field(description="Documents published after this day are test; those without a date are not.")


Share = Annotated[float, Field(ge=0, lt=1)]
TestRule = Annotated[
    Annotated[Share, Tag("share")] | Annotated[After, Tag("after")],
    Discriminator(lambda given: "after" if isinstance(given, dict | After) else "share"),
]


Stratum = Literal["language", "site", "source", "year"]


class Config(Section):
    """How documents are split. Near-duplicates never cross splits."""

    validation: Share = Field(0.05, description="Share of clusters in validation; 0 for none.")
    test: TestRule = Field(
        0.05, description="Share of clusters in test, 0 for none; or `{after: 2024-06-01}`, what was published later."
    )
    by: Literal["cluster", "site", "month"] = Field(
        "cluster",
        description="What stays together beside near-duplicates: nothing more, all documents of a site, or all that "
        "were published in a month.",
    )
    stratify: Stratum | None = Field(
        None,
        description="Give each language, site, source or year its share of validation and test, to within a document, "
        "and not the corpus as a whole. With `by: cluster` alone.",
    )
    salt: str = Field("curate", description="Another salt gives another split of what was not released yet.")

    @model_validator(mode="after")
    def _train_is_left(self) -> Self:
        if self.validation + self.test_share >= 1:
            raise ValueError("validation and test leave nothing for train: their sum must be below 1")
        if self.stratify and self.by != "cluster":
            raise ValueError(f"stratify works with `by: cluster` alone: all documents of a {self.by} go together")
        return self

    @property
    def test_share(self) -> float:
        """Share of what is split by hash that goes to test."""
        return 0.0 if isinstance(self.test, After) else self.test

    @property
    def names(self) -> tuple[str, ...]:
        """The splits asked for."""
        asked = {"train": True, "validation": self.validation > 0, "test": self.test != 0}
        return tuple(name for name in SPLITS if asked[name])


@dataclass(frozen=True)
class Past:
    """What was decided before this run."""

    released: tuple[tuple[str, File], ...] = ()  # shards of all earlier releases, with their splits
    copies: tuple[File, ...] = ()  # dropped as such: these are near what was kept, and may be released or removed
    moved: tuple[File, ...] = ()  # of these, what recompare dropped: with such a document go the copies of it
    removals: File | None = None  # a text file, see curate/removal_list.py
    tombstones: tuple[str, ...] = ()  # `tombstone` of every id that an earlier release removed on request

    @property
    def standing(self) -> list[tuple[int, File]]:
        """The released shards; a document of one with a higher number keeps its place before others."""
        return [(SPLITS.index(split) + 1, file) for split, file in self.released]


NOTHING = Past()
"""Of a first release."""


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Add `split`, and `cluster` where dedup is off; drop what `prepare` found must not stay."""
    batch = _clustered(batch)
    chosen = pl.lit(assign(batch, config))
    joins = config.by == "cluster" and not isinstance(config.test, After)
    batch = batch.with_columns(split=pl.coalesce("held" if joins else "released", chosen))
    batch = drop(batch, pl.col("removed"), removal_list.REMOVED)
    batch = drop(batch, pl.col("first").is_not_null(), "duplicate id", pl.col("first"))
    where = pl.format("its place is {}", pl.coalesce("released", chosen))
    conflict = pl.format("{}, but it is near what was released in {}", where, "held")
    batch = drop(batch, pl.coalesce("released", "split") != pl.col("held"), "split conflict", conflict)
    return batch.drop("first", *_HELD, *_CUT, strict=False)


def assign(batch: pl.DataFrame, config: Config) -> pl.Series:
    """The split of each document that no release holds. The batch has `cluster`, `site` and `published`; where strata
    were cut also `test_below` and `validation_from`."""
    place = _places(batch, config)
    if "test_below" in batch.columns:
        test = pl.lit(place) < pl.col("test_below")
        validation = pl.lit(place) >= pl.col("validation_from")
    else:
        test = pl.lit(pl.Series(place.to_numpy() < int(config.test_share * 2**64)))
        validation = pl.lit(pl.Series(~place.to_numpy() < int(config.validation * 2**64)))
    frame = batch.select(test=_is_late(config) | test, validation=validation)
    chosen = pl.when("test").then(pl.lit("test")).when("validation").then(pl.lit("validation"))
    return frame.select(split=chosen.otherwise(pl.lit("train")))["split"]


def stratum(by: Stratum) -> pl.Expr:
    """What a document is counted with when each stratum has its share; empty where it is unknown."""
    return (pl.col("published").str.head(4) if by == "year" else pl.col(by)).fill_null("")


def _places(batch: pl.DataFrame, config: Config) -> pl.Series:
    """Where each document stands, from 0 up to 2^64."""
    return pl.Series(hash64(config.salt + "\0" + batch.select(group(config.by)).to_series()))


def _is_late(config: Config) -> pl.Expr:
    """Whether a document is test by its date."""
    if not isinstance(config.test, After):
        return pl.lit(False)
    return (pl.col("published") > config.test.after.isoformat()).fill_null(False)


def group(by: str) -> pl.Expr:
    """What stays together: the site or the month where it is known, else the cluster."""
    groups = {"site": pl.col("site"), "month": pl.col("published").str.extract(r"^([0-9]{4}-[0-9]{2})")}
    return pl.coalesce(groups[by], "cluster") if by in groups else pl.col("cluster")


def prepare(shards: Sequence[File], config: Config, rounds: Rounds, past: Past = NOTHING) -> list[File]:
    """A file a shard, with these columns: `first`, where the first document of this id stands, null for itself;
    `released` and `held`, the splits that earlier releases have the document and its cluster in; `removed`."""
    inputs = [*shards, *past.copies, *(file for _, file in past.released)]
    buckets = -(-sum(file.rows for file in inputs) // BUCKET_ROWS) or 1
    groups = _scattered(shards, past, buckets, rounds)
    counts = _Members(released=len(past.released), clusters=0 if past == NOTHING else buckets)
    members = rounds.run("members", find_members, groups, counts)
    clustered = [_files(members, part) for part in _parts("cluster", counts.clusters)]
    clusters = rounds.run("clusters", judge_clusters, clustered, Section())
    repeated = [file for file in _files(members, "repeated") if file.rows]
    beside = [[*repeated, *_files(clusters, part)] for part in _parts("shard", len(shards))]
    verdicts = rounds.run(
        "verdict",
        list_verdicts,
        [[shard, *files] for shard, files in zip(shards, beside, strict=True)],
        [_Verdict(shard=number, repeated=len(repeated)) for number in range(len(shards))],
    )
    found = _files(verdicts, "verdict")
    return _stratified(shards, found, config, rounds) if config.stratify else found


def _stratified(shards: Sequence[File], verdicts: Sequence[File], config: Config, rounds: Rounds) -> list[File]:
    """The verdicts with the columns `test_below` and `validation_from`."""
    pairs = [list(pair) for pair in zip(shards, verdicts, strict=True)]
    tallies = _files(rounds.run("strata", count_strata, pairs, config), "strata")
    cuts = _files(rounds.run("cuts", cut_strata, [tallies], config), "cuts")
    return _files(rounds.run("placed", place_cuts, [[*pair, *cuts] for pair in pairs], config), "verdict")


class _Scatter(Section):
    buckets: int
    shard: int | None = None  # null for what is not in a shard of this run
    split: str | None = None  # that the file was released in
    tombstones: tuple[str, ...] = ()
    moved: int = 0  # how many of the inputs, the last ones, say what became a copy of what


class _Members(Section):
    released: int  # how many of the inputs, the last ones, are of earlier releases
    clusters: int  # into how many buckets clusters go


class _Verdict(Section):
    shard: int
    repeated: int  # how many of the inputs after the shard say what is a duplicate


def scatter_ids(inputs: Sequence[File], config: _Scatter) -> Rows:
    """Task: where the documents of this run stand, by hash of their ids.

    Inputs: some documents, the removals, what became a copy of what.
    """
    lists = len(inputs) - config.moved
    asked = pl.concat([removal_list.EMPTY, *(removal_list.lines(file.url) for file in inputs[1:lists])])
    moved = pl.concat([MOVED, *map(read, inputs[lists:])])
    row = 0
    columns = _present(inputs[0], ["id", "url", "source", "record", "cluster"])
    for batch in batches(inputs[0], columns, rows=ROWS_AT_ONCE):
        before = pl.Series(removal_list.tombstones(batch["id"]), dtype=pl.String).is_in(config.tombstones)
        removed = removal_list.named(batch, asked) | before
        placed = _clustered(batch.with_row_index("row", row)).with_columns(
            pl.col("cluster").replace(*moved), shard=pl.lit(config.shard, pl.UInt32), removed=removed
        )
        yield from _by_hash(placed.drop("url"), "id", "ids", config.buckets)
        row += batch.height
    return {}


def scatter_released(inputs: Sequence[File], config: _Scatter) -> Rows:
    """Task: the documents of a released shard and their split, by hash of their ids."""
    for batch in batches(inputs[0], ["id"], rows=ROWS_AT_ONCE):
        yield from _by_hash(batch.with_columns(released=pl.lit(config.split)), "id", "ids", config.buckets)
    return {}


def find_members(inputs: Sequence[File], config: _Members) -> Rows:
    """Task: of a bucket of ids, the duplicates in this run; and, by cluster, each document and its released split."""
    here = len(inputs) - config.released
    documents = pl.concat(read(file) for file in inputs[:here]).sort("id", "source", "record", "shard", "row")
    yield "repeated", _repeated(documents.filter(pl.col("shard").is_not_null()))
    released = pl.concat([_RELEASED, *(read(file) for file in inputs[here:])])
    known = released.group_by("id").agg(_winner("released").alias("released"))
    members = documents.join(known, on="id", how="left", maintain_order="left")
    yield from _by_hash(
        members.select("cluster", "shard", "row", "released", "removed"), "cluster", "cluster", config.clusters
    )
    return {}


def judge_clusters(inputs: Sequence[File], config: Section) -> Rows:
    """Task: of a bucket of clusters, what earlier releases and removals mean for each document, by shard."""
    members = pl.concat(read(file) for file in inputs)
    judged = members.with_columns(
        held=_winner("released").over("cluster"), removed=pl.col("removed").any().over("cluster")
    ).filter(pl.col("shard").is_not_null(), pl.col("held").is_not_null() | pl.col("removed"))
    for (number,), rows in judged.group_by("shard", maintain_order=True):
        yield f"shard-{number:05d}", rows.select("row", *_HELD)
        yield f"shard-{number:05d}", END
    return {}


def list_verdicts(inputs: Sequence[File], config: _Verdict) -> Rows:
    """Task: what was found on a shard, row by row. Inputs: the shard, the duplicates, judgements on its clusters."""
    shard, *found = inputs
    repeated = pl.concat([_REPEATED, *(read(file) for file in found[: config.repeated])]).filter(shard=config.shard)
    judged = pl.concat([_JUDGED, *(read(file) for file in found[config.repeated :])])
    row = 0
    for batch in batches(shard, ["id"], rows=ROWS_AT_ONCE):
        rows = batch.with_row_index("row", row)
        for told in (repeated, judged):
            rows = rows.join(told, on="row", how="left", maintain_order="left")
        yield "verdict", rows.select("first", *_HELD)
        row += batch.height
    return {}


def count_strata(inputs: Sequence[File], config: Config) -> Rows:
    """Task: the documents of each stratum that stay, by the split that they are held in or by hash.

    Inputs: a shard, its verdicts. What is test by its date is no part of a stratum.
    """
    assert config.stratify is not None
    for batch in _beside(inputs):
        judged = apply(undecided(batch), config)
        placed = batch.with_columns(stratum=stratum(config.stratify), place=_places(judged, config))
        placed = placed.filter(judged["drop_reason"].is_null(), ~_is_late(config))
        yield "strata", strata.tally(placed)
    return {}


def cut_strata(inputs: Sequence[File], config: Config) -> Rows:
    """Task: the cuts of all strata. Inputs: what was counted in each shard."""
    yield "cuts", strata.cut(pl.concat(read(file) for file in inputs), config.test_share, config.validation)
    return {}


def place_cuts(inputs: Sequence[File], config: Config) -> Rows:
    """Task: the verdicts of a shard with the cuts of each document's stratum. Inputs: a shard, its verdicts, cuts."""
    assert config.stratify is not None
    cuts = read(inputs[2])
    for batch in _beside(inputs):
        placed = batch.with_columns(stratum=stratum(config.stratify))
        placed = placed.join(cuts, on="stratum", how="left", maintain_order="left")
        yield "verdict", placed.select("first", *_HELD, *_CUT)
    return {}


def _beside(inputs: Sequence[File]) -> Iterator[pl.DataFrame]:
    """The narrow columns of a shard, with the verdicts on its rows."""
    verdicts, row = read(inputs[1]), 0
    for batch in batches(inputs[0], _present(inputs[0], ["id", "source", "site", "published", "language", "cluster"])):
        yield _clustered(batch).hstack(verdicts[row : row + batch.height])
        row += batch.height


_HELD = ("released", "held", "removed")
_CUT = ("test_below", "validation_from")
_RELEASED = pl.DataFrame(schema={"id": pl.String, "released": pl.String})
_REPEATED = pl.DataFrame(schema={"shard": pl.UInt32, "row": pl.UInt32, "first": pl.String})
_JUDGED = pl.DataFrame(schema={"row": pl.UInt32, "released": pl.String, "held": pl.String, "removed": pl.Boolean})


def _scattered(shards: Sequence[File], past: Past, buckets: int, rounds: Rounds) -> list[list[File]]:
    """For each bucket of ids the files of this run's documents, then those of earlier releases."""
    config = _Scatter(buckets=buckets, tombstones=past.tombstones)
    moved = _files(rounds.run("moved", list_moved, [past.moved], Section()), "moved") if past.moved else []
    removals = [past.removals] if past.removals else []
    inputs = [*([file, *removals] for file in shards), *([file, *removals, *moved] for file in past.copies)]
    configs = [config.model_copy(update={"shard": number}) for number in range(len(shards))]
    configs += [config.model_copy(update={"moved": len(moved)})] * len(past.copies)
    done = rounds.run("ids", scatter_ids, inputs, configs)
    if past.released:
        configs = [_Scatter(buckets=buckets, split=split) for split, _ in past.released]
        done += rounds.run("released", scatter_released, [[file] for _, file in past.released], configs)
    return [_files(done, part) for part in _parts("ids", buckets)]


def _clustered(batch: pl.DataFrame) -> pl.DataFrame:
    """The batch with a cluster for every document: its own, where dedup is off."""
    known = "cluster" in batch.columns
    return batch.with_columns(cluster=pl.coalesce("cluster", "id") if known else pl.col("id"))


def _repeated(placed: pl.DataFrame) -> pl.DataFrame:
    """The documents under an id that an earlier one has, from documents in order; `first` says where that one is."""
    where = pl.format("first in {}, record {}", pl.col("source").first(), pl.col("record").first()).over("id")
    twice = placed.filter(pl.col("id").is_duplicated()).with_columns(first=where)
    return twice.filter(~pl.col("id").is_first_distinct()).select("shard", "row", "first")


def _winner(column: str) -> pl.Expr:
    """Of the splits in a group, the one that keeps its documents; null where there is none."""
    ranks = {name: rank for rank, name in enumerate(SPLITS)}
    best = pl.col(column).replace_strict(ranks, return_dtype=pl.Int8).max()
    return best.replace_strict(dict(enumerate(SPLITS)), return_dtype=pl.String)


def _present(file: File, names: Sequence[str]) -> list[str]:
    """Those of the columns that the file has."""
    known = columns_in(file)
    return [name for name in names if name in known]


def _by_hash(rows: pl.DataFrame, column: str, name: str, buckets: int) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows in `buckets` parts, by hash of a column."""
    places = hash64(rows[column]) % max(buckets, 1)
    yield from ((part, rows.filter(places == number)) for number, part in enumerate(_parts(name, buckets)))


def _parts(name: str, count: int) -> list[str]:
    return [f"{name}-{number:05d}" for number in range(count)]


def _files(done: Sequence[Done], part: str) -> list[File]:
    return [one.files[part] for one in done if part in one.files]
