"""Stage dedup: of documents with the same text, or nearly the same, one is kept.

News is syndicated: one wire story stands on forty sites with another headline, cut, reordered, wrapped in furniture.
Copies make a model learn by heart, and a copy in test of what is in train makes a score a lie ("Deduplicating Training
Data Makes Language Models Better", Lee et al. 2022). How near-duplicates are found is in minhash.py.

`prepare` runs rounds of file tasks. A task holds the texts or the keys of a part of the corpus, and numbers about all:

    signatures   a shard              id, size and exact hash of each document; sampled shingles, partitioned by hash
    order        all documents        rank of each document, the preferred ones first; exact copies found
    candidates   a partition          pairs of documents that share sampled shingles
    pairs        a partition          the pairs worth verifying, each once
    shingles     a shard              all shingles of the documents in those pairs
    verified     a partition          the pairs that are near-duplicates, with their similarity
    clusters     all verified pairs   for each shard, row by row, what each document is a copy of
    sample, search, audit             a sample of documents against all others: the share of pairs found
    paragraphs, frequent, cuts        where the config asks for it: paragraphs that many of the kept documents have

Ranks are the only numbers of documents that leave a shard, and ties in rank go by id: the result depends neither on the
order of the input nor on shards and workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from curate import minhash
from curate.document import drop
from curate.minhash import Capped, Pairs, Ragged, Verified
from curate.section import Count, CountOrZero, Section
from curate.tasks import Done, File, Rounds, Rows, batches, read
from curate.text import Hashes, hash64, lines

VERSION = 2

PARTITION_DOCUMENTS = 25_000
"""Documents of the corpus for each partition of its keys and pairs; some 300 MB."""
WRITE_NUMBERS = 1 << 18
"""Keys or shingles that are written at a time."""
_NO_KEYS = pl.DataFrame(schema={"key": pl.UInt64, "row": pl.UInt32})


class Paragraphs(Section):
    """Which paragraphs (lines) are cut from the kept documents. Within a document each is kept once."""

    min_count: int = Field(
        10, ge=2, description="Paragraphs that stand in this many kept documents are cut from all of them."
    )
    min_words: Count = Field(5, description="Tokens below which a paragraph is left alone.")


class Config(Section):
    """What counts as a copy, and which copy is kept."""

    threshold: float = Field(
        0.55,
        gt=0,
        le=1,
        description="Documents this similar are near-duplicates: Jaccard similarity of their shingles.",
    )
    containment: float = Field(
        0.8,
        gt=0,
        le=1,
        description="So are documents of which the smaller has this share of its shingles in the larger.",
    )
    shingle: int = Field(3, ge=1, le=minhash.MAX_SHINGLE, description="Tokens in a shingle.")
    keep: Literal["longest", "earliest", "first"] = Field(
        "longest",
        description="Which document of a cluster is kept: that with most tokens, the earliest published, or the first "
        "by source and record; ties go by id.",
    )
    audit: CountOrZero = Field(
        500,
        description="Documents compared with all others exactly, to estimate the share of copies found; 0 for none.",
    )
    paragraphs: Paragraphs | None = Field(
        None, description="Cut paragraphs that many documents have. Runs where given."
    )


class _Partitioned(Section):
    partitions: int


class _Whole(_Partitioned):
    """The corpus, as a task must know it."""

    documents: int
    shards: int


class _Ordering(_Whole):
    keep: Literal["longest", "earliest", "first"]
    audit: int


class _Shingling(_Whole):
    shingle: int


class _Bounds(Section):
    threshold: float
    containment: float


class _Judging(_Whole, _Bounds):
    pass


class _Searching(_Bounds):
    shingle: int


class _Paragraphs(_Partitioned, Paragraphs):
    pass


def apply(batch: pl.DataFrame, config: Config) -> pl.DataFrame:
    """Drop what `prepare` found to be a copy; `cluster` is the id of the document that is kept."""
    shares = [(100 * pl.col(name)).floor().cast(pl.Int64) for name in ("similarity", "containment")]
    near = pl.format("of {}: similarity {}%, containment {}%", "duplicate_of", *shares)
    batch = drop(batch, pl.col("copy") == "id", "duplicate id", pl.lit("another document with this id is kept"))
    batch = drop(batch, pl.col("copy") == "exact", "exact duplicate", pl.format("same text as {}", "duplicate_of"))
    batch = drop(batch, pl.col("copy") == "near", "near-duplicate", near)
    if "cut" in batch.columns:
        batch = _without(batch)
        batch = drop(batch, pl.col("text").str.strip_chars() == "", "nothing but repeated paragraphs")
    return batch.drop("copy", "duplicate_of", "similarity", "containment")


def prepare(shards: Sequence[File], config: Config, rounds: Rounds) -> list[File]:
    """A file a shard with `cluster` and, for copies, `copy` (id, exact or near), `duplicate_of` and similarities."""
    if not shards:
        return []
    documents = sum(shard.rows for shard in shards)
    partitions = range(-(-documents // PARTITION_DOCUMENTS) or 1)
    whole = {"documents": documents, "shards": len(shards), "partitions": len(partitions)}
    plain = _Whole(**whole)

    signed = rounds.run("signatures", sign, [[shard] for shard in shards], _Partitioned(partitions=len(partitions)))
    found = _files(signed, "documents")
    ordered = rounds.run("order", order, [found], _Ordering(**whole, keep=config.keep, audit=config.audit))[0].files
    ranks = [ordered[_part("ranks", number)] for number in range(len(shards))]

    keys = [[*_files(signed, _part("keys", number)), *ranks] for number in partitions]
    paired = rounds.run("candidates", pair_up, keys, plain)
    candidates = [[ordered["sizes"], *_files(paired, _part("pairs", number))] for number in partitions]
    pairs = _files(rounds.run("pairs", choose_pairs, candidates, plain), "pairs")

    wanted = [[shard, place, *pairs] for shard, place in zip(shards, ranks, strict=True)]
    sets = rounds.run("shingles", list_shingles, wanted, _Shingling(**whole, shingle=config.shingle))
    checks = [[pairs[number], *_files(sets, _part("sets", number))] for number in partitions]
    bounds = {"threshold": config.threshold, "containment": config.containment}
    alike = _files(rounds.run("verified", verify, checks, _Bounds(**bounds)), "alike")

    judged = rounds.run("clusters", judge, [[*found, *ranks, *alike]], _Judging(**whole, **bounds))[0].files
    verdicts = [judged[_part("verdicts", number)] for number in range(len(shards))]
    if config.audit:
        _audit(list(zip(shards, ranks, strict=True)), ordered["sample"], judged["kept"], config, rounds)
    if config.paragraphs:
        verdicts = _cut(shards, verdicts, config.paragraphs, len(partitions), rounds)
    return verdicts


def _audit(shards: Sequence[tuple[File, File]], sample: File, kept: File, config: Config, rounds: Rounds) -> None:
    """Compare a sample of documents with all others. The result is in the statistics of the last round."""
    documents = sum(shard.rows for shard, _ in shards)
    shingling = _Shingling(documents=documents, shards=len(shards), partitions=1, shingle=config.shingle)
    sets = rounds.run("sample", list_shingles, [[*shard, sample] for shard in shards], shingling)
    searching = _Searching(threshold=config.threshold, containment=config.containment, shingle=config.shingle)
    sampled = _files(sets, _part("sets", 0))
    found = rounds.run("search", search, [[*shard, *sampled] for shard in shards], searching)
    rounds.run("audit", audit, [[kept, *_files(found, "similar")]], Section())


def _cut(
    shards: Sequence[File], verdicts: Sequence[File], config: Paragraphs, partitions: int, rounds: Rounds
) -> list[File]:
    """The verdicts with the column `cut`: the numbers of the lines that go."""
    cutting = _Paragraphs(partitions=partitions, **config.model_dump())
    pairs = list(zip(shards, verdicts, strict=True))
    listed = rounds.run("paragraphs", list_paragraphs, pairs, cutting)
    parts = [_files(listed, _part("paragraphs", number)) for number in range(partitions)]
    frequent = _files(rounds.run("frequent", count_paragraphs, parts, cutting), "frequent")
    return _files(rounds.run("cuts", mark_paragraphs, [[*pair, *frequent] for pair in pairs], cutting), "verdicts")


def sign(inputs: Sequence[File], config: _Partitioned) -> Rows:
    """Task: what is compared of the documents of a shard."""
    waiting: list[pl.DataFrame] = []
    for texts in _texts(inputs[0], ["id", "published", "source", "record"]):
        signed = minhash.sign(texts["text"].to_list())
        about = {"exact": signed.exact, "size": signed.sizes, "keys": signed.keys.lengths, "rate": signed.rates}
        yield (
            "documents",
            texts.drop("text").with_columns(**{name: pl.Series(column) for name, column in about.items()}),
        )
        waiting.append(pl.DataFrame({"key": signed.keys.values, "row": texts["row"].gather(signed.keys.owners)}))
        if sum(frame.height for frame in waiting) > WRITE_NUMBERS:
            yield from _scatter(pl.concat(waiting), config.partitions)
            waiting = waiting[:0]
    yield from _scatter(pl.concat([_NO_KEYS, *waiting]), config.partitions)
    return {}


def order(inputs: Sequence[File], config: _Ordering) -> Rows:
    """Task: for the rows of each shard, rank and the rank of the first document with the same id or text.

    Input: the documents of all shards. Part `sizes` describes the signatures by rank.
    """
    documents = pl.concat(read(file).with_columns(shard=pl.lit(i, pl.UInt32)) for i, file in enumerate(inputs))
    documents = documents.sort(_preference(config.keep), nulls_last=True, maintain_order=True).with_row_index("rank")
    documents = documents.with_columns(namesake=pl.col("rank").first().over("id"))
    same = pl.when(pl.col("size") > 0).then(pl.col("rank").first().over("exact")).otherwise("rank")
    distinct = documents.filter(pl.col("namesake") == pl.col("rank")).select("rank", original=same)
    documents = documents.join(distinct, left_on="namesake", right_on="rank", maintain_order="left")
    yield "sizes", documents.select("keys", "rate")
    chosen = documents.filter((pl.col("original") == pl.col("rank")) & (pl.col("size") > 0))
    chosen = chosen.with_columns(chance=hash64(chosen["id"])).sort("chance").head(config.audit)
    yield "sample", chosen.select(first="rank", second="rank")
    for number in range(config.shards):
        ranks = documents.filter(shard=number).sort("row")
        yield _part("ranks", number), ranks.select("rank", "original", namesake=pl.col("namesake") != pl.col("rank"))
    return {"copies": documents.filter(pl.col("original") != pl.col("rank")).height}


def pair_up(inputs: Sequence[File], config: _Whole) -> Rows:
    """Task: pairs of documents with sampled shingles in common. Inputs: a partition's keys of each shard, ranks."""
    shards = zip(inputs[: config.shards], inputs[config.shards :], strict=True)
    entries = [_packed(keys, read(places), config.documents) for keys, places in shards]
    capped = Capped()
    found = minhash.find_pairs(np.concatenate(entries), config.documents, capped)
    for pairs in chain([minhash.NO_PAIRS], found):
        for number in range(config.partitions):
            yield _part("pairs", number), _frame(pairs).filter(pl.col("first") % config.partitions == number)
    return {"capped_buckets": capped.buckets, "largest_bucket": capped.largest}


def choose_pairs(inputs: Sequence[File], config: _Whole) -> Rows:
    """Task: the pairs to verify. Inputs: the documents' sizes, then a partition's pairs from each part of the keys."""
    sizes, *parts = inputs
    pairs = minhash.merged([Pairs(*_columns(read(part))) for part in parts])
    chosen = minhash.promising(pairs, *_columns(read(sizes)))
    yield "pairs", _frame(chosen)
    return {"candidate_pairs": len(pairs.first), "verified_pairs": len(chosen.first)}


def list_shingles(inputs: Sequence[File], config: _Shingling) -> Rows:
    """Task: the shingles of the documents of a shard that are in a pair. Inputs: shard, its ranks, all pairs."""
    shard, place, *parts = inputs
    ranks = read(place)["rank"]
    wanted = [_is_wanted(read(pairs), config.documents) for pairs in parts]
    anywhere = np.logical_or.reduce(wanted)
    waiting: list[tuple[pl.Series, Ragged]] = [(ranks[:0], minhash.stacked([]))]
    for texts in _texts(shard, []):
        texts = texts.with_columns(rank=ranks.gather(texts["row"]))
        texts = texts.filter(anywhere[texts["rank"].to_numpy()])
        waiting.append((texts["rank"], minhash.text_sets(texts["text"].to_list(), config.shingle)))
        if sum(len(sets.values) for _, sets in waiting) > WRITE_NUMBERS:
            yield from _distribute(waiting, wanted)
            waiting = waiting[:1]
    yield from _distribute(waiting, wanted)
    return {}


def verify(inputs: Sequence[File], config: _Bounds) -> Rows:
    """Task: the pairs that are near-duplicates. Inputs: a partition's pairs, and the shingles in it from each shard."""
    ranks, sets = _read_sets(inputs[1:])
    checked = minhash.verify(Pairs(*_columns(read(inputs[0]))), sets, ranks)
    yield "alike", _frame(minhash.relevant(checked, config.threshold, config.containment))
    return {}


def judge(inputs: Sequence[File], config: _Judging) -> Rows:
    """Task: the verdict on every row of each shard. Inputs: documents and ranks of the shards, the verified pairs."""
    count = config.shards
    places = [read(file) for file in inputs[count : 2 * count]]
    alike = Verified(*_columns(pl.concat(read(file) for file in inputs[2 * count :])))
    members = _frame(minhash.assign(config.documents, alike, config.threshold, config.containment))
    pairs = members.rename({"first": "kept", "second": "original"})
    judged = [place.join(pairs, on="original", how="left", maintain_order="left") for place in places]
    judged = [frame.with_columns(kept=pl.coalesce("kept", "original")) for frame in judged]
    yield "kept", pl.concat(frame.select("rank", "kept") for frame in judged).sort("rank").select("kept")
    names = _names(inputs[:count], places)
    for number, frame in enumerate(judged):
        yield _part("verdicts", number), _verdicts(frame, names)
    return {"near_copies": members.height}


def _names(documents: Sequence[File], places: Sequence[pl.DataFrame]) -> pl.Series:
    """The ids of all documents by rank."""
    ids = pl.concat(read(file, ["id"])["id"] for file in documents)
    return ids.gather(pl.concat(place["rank"] for place in places).arg_sort())


def search(inputs: Sequence[File], config: _Searching) -> Rows:
    """Task: the documents of a shard that are near-duplicates of a sampled one. Inputs: shard, ranks, sampled sets."""
    sampled, sets = _read_sets(inputs[2:])
    sample = minhash.index(sets)
    places = read(inputs[1])
    original = (places["original"] == places["rank"]).to_numpy()
    for texts in _texts(inputs[0], []):
        texts = texts.filter(original[texts["row"].to_numpy()])
        ranks = places["rank"].gather(texts["row"]).to_numpy().astype(np.int64)
        found = minhash.search(minhash.text_sets(texts["text"].to_list(), config.shingle), sample)
        found = found._replace(first=ranks[found.first], second=sampled[found.second])
        alike = minhash.similar(found, config.threshold, config.containment) & (found.first != found.second)
        yield "similar", _frame(found.take(alike))
    return {}


def audit(inputs: Sequence[File], config: Section) -> Rows:
    """Task: the share of similar pairs that ended in one cluster. Inputs: what is kept by rank, similar pairs."""
    kept = read(inputs[0])["kept"]
    pairs = pl.concat(read(file) for file in inputs[1:])
    pairs = pairs.with_columns(together=kept.gather(pairs["first"]) == kept.gather(pairs["second"]))
    yield "pairs", pairs
    found, trials = int(pairs["together"].sum()), pairs["second"].n_unique()
    recall = found / pairs.height if pairs.height else 1.0
    low, high = _wilson(recall, trials)
    said = {"recall": round(recall, 4), "recall_low": round(low, 4), "recall_high": round(high, 4)}
    return {"similar_pairs": pairs.height, "found_pairs": found, "with_copies": trials, **said}


def list_paragraphs(inputs: Sequence[File], config: _Paragraphs) -> Rows:
    """Task: the distinct paragraphs of each kept document of a shard. Inputs: shard, verdicts."""
    kept = read(inputs[1], ["copy"])["copy"].is_null()
    for texts in _texts(inputs[0], []):
        found = _paragraphs(texts.filter(kept.gather(texts["row"])), config.min_words)
        found = found.filter(pl.struct("row", "hash").is_first_distinct())
        for number in range(config.partitions):
            yield _part("paragraphs", number), found.filter(pl.col("hash") % config.partitions == number).select("hash")
    return {}


def count_paragraphs(inputs: Sequence[File], config: _Paragraphs) -> Rows:
    """Task: the paragraphs of a partition that stand in too many documents. Input: the partition from each shard."""
    counted = pl.concat(read(file) for file in inputs).group_by("hash").len()
    frequent = counted.filter(pl.col("len") >= config.min_count).select("hash").sort("hash")
    yield "frequent", frequent
    return {"frequent_paragraphs": frequent.height}


def mark_paragraphs(inputs: Sequence[File], config: _Paragraphs) -> Rows:
    """Task: the verdicts on a shard with the lines to cut. Inputs: shard, verdicts, frequent paragraphs."""
    shard, judged, *parts = inputs
    verdicts, frequent = read(judged), pl.concat(read(file) for file in parts)["hash"]
    cut = 0
    for texts in _texts(shard, []):
        found = _paragraphs(texts, config.min_words)
        again = ~pl.struct("row", "hash").is_first_distinct()
        lines = (
            found.filter(again | pl.col("hash").is_in(frequent.implode()))
            .group_by("row", maintain_order=True)
            .agg(cut=pl.col("line"))
        )
        rows = texts.select("row").join(lines, on="row", how="left", maintain_order="left")
        yield "verdicts", verdicts[texts["row"]].hstack(rows.select("cut"))
        cut += int(lines["cut"].list.len().sum())
    return {"cut_paragraphs": cut}


def _paragraphs(texts: pl.DataFrame, min_words: int) -> pl.DataFrame:
    """Row of its document, number and hash of each line of at least `min_words` tokens."""
    found = lines(texts["text"])
    hashes, sizes = minhash.fingerprint(found["line"].to_list())
    return found.select(
        row=texts["row"].gather(found["document"]),
        line=pl.int_range(pl.len(), dtype=pl.UInt32).over("document"),
        hash=pl.Series(hashes),
    ).filter(pl.Series(sizes >= min_words))


def _without(batch: pl.DataFrame) -> pl.DataFrame:
    """The batch without the lines that `cut` lists."""
    numbered = batch.select("cut").with_row_index("document")
    cut = numbered.filter(pl.col("cut").is_not_null()).explode("cut", empty_as_null=False, keep_nulls=False)
    found = lines(batch["text"]).with_columns(cut=pl.int_range(pl.len(), dtype=pl.UInt32).over("document"))
    left = found.join(cut, on=["document", "cut"], how="anti", maintain_order="left")
    texts = left.group_by("document", maintain_order=True).agg(pl.col("line").str.join("\n"))
    left_over = numbered.join(texts, on="document", how="left", maintain_order="left")["line"].fill_null("")
    return batch.with_columns(text=pl.when(pl.col("cut").is_null()).then("text").otherwise(left_over)).drop("cut")


def _wilson(share: float, trials: int) -> tuple[float, float]:
    """95% confidence interval of a share (Wilson 1927). A document's pairs, found together, are one trial."""
    if not trials:
        return 0.0, 1.0
    z = 1.96
    middle, spread = share + z * z / (2 * trials), z * (share * (1 - share) / trials + (z / (2 * trials)) ** 2) ** 0.5
    return (middle - spread) / (1 + z * z / trials), (middle + spread) / (1 + z * z / trials)


def _verdicts(judged: pl.DataFrame, names: pl.Series) -> pl.DataFrame:
    """What each document is a copy of: always of one that is kept, also where that is a copy's original."""
    is_copy, near = pl.col("kept") != pl.col("rank"), pl.col("jaccard").is_not_null()
    copy = pl.when("namesake").then(pl.lit("id")).when(near).then(pl.lit("near")).otherwise(pl.lit("exact"))
    return judged.with_columns(name=names.gather(judged["kept"])).select(
        cluster="name",
        copy=pl.when(is_copy).then(copy),
        duplicate_of=pl.when(is_copy).then("name"),
        similarity=pl.when(is_copy).then("jaccard"),
        containment=pl.when(is_copy).then("containment"),
    )


def _scatter(keys: pl.DataFrame, partitions: int) -> Iterator[tuple[str, pl.DataFrame]]:
    """Keys by partition. A part is written in large pieces, not in one for each batch of texts."""
    for number in range(partitions):
        yield _part("keys", number), keys.filter(pl.col("key") % partitions == number)


def _distribute(
    found: Sequence[tuple[pl.Series, Ragged]], wanted: Sequence[minhash.Flags]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The sets of shingles by the partitions that want their documents."""
    ranks, sets = pl.concat(part for part, _ in found), minhash.stacked([part for _, part in found])
    for number, needed in enumerate(wanted):
        chosen = np.flatnonzero(needed[ranks.to_numpy()])
        yield _part("sets", number), _lists(ranks.gather(chosen), sets.take(chosen))


def _preference(keep: str) -> list[pl.Expr]:
    """Sort keys of documents: the preferred first, ties by id, and whatever is left by content and place."""
    by = {"longest": [-pl.col("size").cast(pl.Int64)], "earliest": [pl.col("published")], "first": []}
    ties = ["source", "record", "id"] if keep == "first" else ["id", "exact", "source", "record"]
    return [*by[keep], *map(pl.col, ties)]


def _texts(shard: File, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The texts of a shard with their row, a few megabytes at a time."""
    row = 0
    for batch in batches(shard, [*columns, "text"]):
        numbered = batch.with_columns(pl.col("text").fill_null("")).with_row_index("row", row)
        for start, end in minhash.batches(batch["text"].to_list()):
            yield numbered[start:end]
        if not batch.height:
            yield numbered
        row += batch.height


def _packed(keys: File, places: pl.DataFrame, documents: int) -> Hashes:
    """The keys of a shard's documents that are copies of no other, with their ranks."""
    rank, original = _columns(places.select("rank", "original"))
    found = [np.empty(0, np.uint64)]
    for frame in batches(keys, rows=65536):
        rows = frame["row"].to_numpy()
        single = np.flatnonzero(original[rows] == rank[rows])
        found.append(minhash.pack(frame["key"].to_numpy()[single], rank[rows[single]], documents))
    return np.concatenate(found)


def _frame(columns: Pairs | Verified) -> pl.DataFrame:
    return pl.DataFrame(columns._asdict(), schema_overrides={"first": pl.UInt32, "second": pl.UInt32})


def _columns(frame: pl.DataFrame) -> list[Any]:
    """The columns of a frame as arrays; ranks as signed numbers, which numpy counts with."""
    return [column.to_numpy().astype(np.int64 if column.dtype.is_integer() else np.float64) for column in frame]


def _is_wanted(pairs: pl.DataFrame, documents: int) -> minhash.Flags:
    wanted = np.zeros(documents, bool)
    wanted[pairs["first"].to_numpy()] = True
    wanted[pairs["second"].to_numpy()] = True
    return wanted


def _lists(ranks: pl.Series, sets: Ragged) -> pl.DataFrame:
    values = pa.LargeListArray.from_arrays(sets.offsets, sets.values)
    return pl.DataFrame({"rank": ranks, "shingles": pl.Series(values, dtype=pl.List(pl.UInt64))})


def _sets(lists: pl.Series) -> Ragged:
    lengths = lists.list.len().to_numpy()
    values = lists.explode(empty_as_null=False, keep_nulls=False).to_numpy()
    return Ragged(values, np.append(0, np.cumsum(lengths, dtype=np.int64)))


def _read_sets(files: Sequence[File]) -> tuple[minhash.Ranks, Ragged]:
    """The sets of shingles in some files, and the ranks of their texts."""
    parts = [(frame["rank"].to_numpy(), _sets(frame["shingles"])) for file in files for frame in batches(file)]
    ranks = np.concatenate([np.empty(0, np.int64), *(part for part, _ in parts)])
    return ranks, minhash.stacked([sets for _, sets in parts])


def _files(tasks: Sequence[Done], part: str) -> list[File]:
    return [done.files[part] for done in tasks]


def _part(name: str, number: int) -> str:
    return f"{name}-{number:05d}"
