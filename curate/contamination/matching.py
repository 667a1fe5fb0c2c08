"""Task: which documents of a shard hold an evaluation record, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from curate import text
from curate.contamination.index import SHINGLE, Table, grams_of
from curate.contamination.passages import Span, locate
from curate.neardup import similarity
from curate.neardup.arrays import Ragged
from curate.neardup.files import read_sets, texts_of
from curate.neardup.shingles import fingerprint, text_sets
from curate.section import Section
from curate.tasks import File, Rows, read
from curate.text import lines

MATCHES = {
    "evaluation_record": pl.String(),
    "evaluation_set": pl.String(),
    "evaluation_found": pl.String(),
    "evaluation_passages": pl.List(pl.Struct({"start": pl.UInt32(), "end": pl.UInt32()})),
}
"""What is said of each document; all null where it holds no record."""


class Matching(Section):
    """What counts as a match; see the config of the stage."""

    ngram: int
    min_overlap: float
    min_matches: int
    near_duplicates: bool


class Match(NamedTuple):
    """A record in a document. `tokens` are the runs of the document's tokens that are the record's."""

    document: int
    record: int
    found: str
    tokens: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Records:
    """The index in memory."""

    names: pl.DataFrame
    grams: Table
    owners: np.ndarray[tuple[int], np.dtype[np.uint32]]
    short: pl.DataFrame
    shingles: similarity.Index | None


def find_records(inputs: Sequence[File], config: Matching) -> Rows:
    """Task: for each document of a shard the columns MATCHES. Inputs: shard, records, grams, short, sets."""
    shard, names, grams, short, sets = inputs
    entries = read(grams)
    records = Records(
        read(names),
        Table.of(entries["hash"].to_numpy()),
        entries["record"].to_numpy(),
        read(short),
        similarity.index(read_sets([sets])[1]) if config.near_duplicates else None,
    )
    del entries
    hits: Counter[str] = Counter(dict.fromkeys(records.names["set"].unique(), 0))
    for batch in texts_of(shard, []):
        documents = batch["text"].to_list()
        first: dict[int, Match] = {}
        for match in _matches(documents, records, config):
            first.setdefault(match.document, match)
        rows = [_row(document, first.get(i), records.names) for i, document in enumerate(documents)]
        matches = pl.DataFrame(rows, schema=MATCHES, orient="row")
        hits.update(matches["evaluation_set"].drop_nulls())
        yield "matches", matches
    return {"hits": dict(sorted(hits.items()))}


def _matches(documents: Sequence[str], records: Records, config: Matching) -> Iterator[Match]:
    """Matches of a batch, the best of each kind of a document before others of its kind."""
    found = text.tokens(documents)
    tokens = Ragged(found.hashes(), found.offsets)
    yield from _by_grams(tokens, records, config)
    yield from _by_tokens(documents, tokens, records.short, config.ngram)
    if records.shingles:
        yield from _by_likeness(documents, records.shingles)


def _by_grams(tokens: Ragged, records: Records, config: Matching) -> Iterator[Match]:
    """Documents with enough of the n-grams of a record."""
    grams = grams_of(tokens, config.ngram)
    at, entry = records.grams.find(grams.values)
    owner = grams.owners[at]
    hits = pl.DataFrame({"document": owner, "record": records.owners[entry], "hash": grams.values[at]})
    hits = hits.with_columns(place=pl.Series(at - grams.offsets[owner]))
    pairs = hits.group_by("document", "record").agg(
        matches=pl.col("hash").n_unique().cast(pl.Int64), places=pl.col("place").unique().sort()
    )
    pairs = pairs.with_columns(of=records.names["grams"].gather(pairs["record"]).cast(pl.Int64))
    pairs = pairs.with_columns(overlap=pl.col("matches") / pl.col("of"))
    enough = pl.min_horizontal(pl.lit(config.min_matches), "of")
    pairs = pairs.filter(pl.col("overlap") >= config.min_overlap, pl.col("matches") >= enough)
    for pair in pairs.sort("document", -pl.col("overlap"), -pl.col("matches"), "record").iter_rows(named=True):
        said = f"{pair['matches']} of {pair['of']} {config.ngram}-grams"
        yield Match(pair["document"], pair["record"], said, _runs(pair["places"], config.ngram))


def _runs(places: Sequence[int], size: int) -> tuple[Span, ...]:
    """The tokens in n-grams at these places, in ascending order, as runs."""
    runs: list[Span] = []
    for place in places:
        if runs and place <= runs[-1][1]:
            runs[-1] = runs[-1][0], place + size
        else:
            runs.append((place, place + size))
    return tuple(runs)


def _by_tokens(documents: Sequence[str], tokens: Ragged, short: pl.DataFrame, ngram: int) -> Iterator[Match]:
    """Lines and documents that are a record with fewer tokens than an n-gram."""
    if short.is_empty():
        return
    found = lines(pl.Series("text", documents, dtype=pl.String))
    hashes, counts = fingerprint(found["line"].to_list())
    found = found.select("document", hash=pl.Series(hashes), tokens=pl.Series(counts))
    before = pl.col("tokens").cum_sum().over("document") - pl.col("tokens")
    found = found.with_columns(before=before).filter(pl.col("tokens") > 0)
    whole = pl.DataFrame(
        {"document": range(len(documents)), "hash": fingerprint(documents)[0], "tokens": tokens.lengths}
    )
    found = pl.concat([found, whole.select("document", "hash", "tokens", before=0)], how="vertical_relaxed")
    found = found.filter(pl.col("tokens") < ngram).join(short, on=["hash", "tokens"])
    for row in found.sort("document", -pl.col("tokens"), "record", "before").iter_rows(named=True):
        run = (row["before"], row["before"] + row["tokens"])
        yield Match(row["document"], row["record"], f"all {row['tokens']} tokens", (run,))


def _by_likeness(documents: Sequence[str], index: similarity.Index) -> Iterator[Match]:
    """Documents that are near-duplicates of a record, by the bounds of dedup."""
    found = similarity.search(text_sets(documents, SHINGLE), index)
    found = found.take(similarity.similar(found, 0.55, 0.8))
    for i in np.lexsort((found.second, -found.jaccard, found.first)).tolist():
        said = f"similarity {int(100 * found.jaccard[i])}%, containment {int(100 * found.containment[i])}%"
        yield Match(int(found.first[i]), int(found.second[i]), said)


def _row(document: str, match: Match | None, names: pl.DataFrame) -> tuple[object, ...]:
    if match is None:
        return (None,) * len(MATCHES)
    name, evaluation, _ = names.row(match.record)
    spans = locate(document, match.tokens) if match.tokens else [(0, len(document))]
    return name, evaluation, match.found, [{"start": start, "end": end} for start, end in spans]
