"""Task: all evaluation records as what documents are searched for. Built once, kept in the store like any output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from curate import text
from curate.neardup.arrays import Ragged, Ranks, is_in, offsets_of, starts_of_runs
from curate.neardup.files import lists_of
from curate.neardup.shingles import fingerprint, shingles, slices, text_sets
from curate.section import Section
from curate.tasks import File, Rows, batches
from curate.text import Hashes, Positions

SHINGLE = 3
"""Tokens in the shingles by which near-duplicates of records are found, as in dedup."""


class Indexing(Section):
    """The name of the evaluation set that each input file is from; tokens in an n-gram."""

    sets: tuple[str, ...]
    ngram: int


def build_index(inputs: Sequence[File], config: Indexing) -> Rows:
    """Task: the records of all evaluation sets. Inputs: the files of records, as `read` leaves them.

    Parts: `records`, a row each, by number; `grams`, the distinct n-grams of each, by hash; `short`, the records of
    fewer tokens, by hash of all tokens; `sets`, their shingles.
    """
    number = 0
    sizes: Counter[str] = Counter(dict.fromkeys(config.sets, 0))
    grams: list[pl.DataFrame] = []
    short: list[pl.DataFrame] = []
    for name, records in _records(inputs, config.sets):
        texts = records["text"].to_list()
        found = text.tokens(texts)
        here = np.arange(number, number + len(texts), dtype=np.uint32)
        sets = _distinct(grams_of(Ragged(found.hashes(), found.offsets), config.ngram))
        yield "records", records.select("id", set=pl.lit(name), grams=pl.Series(sets.lengths, dtype=pl.UInt32))
        yield "sets", lists_of(text_sets(texts, SHINGLE), pl.UInt64).with_columns(rank=pl.Series(here))
        grams.append(pl.DataFrame({"hash": sets.values, "record": here[sets.owners]}))
        whole = pl.DataFrame({"hash": fingerprint(texts)[0], "record": here, "tokens": found.counts})
        short.append(whole.filter(pl.col("tokens").is_between(1, config.ngram - 1)))
        number += len(texts)
        sizes[name] += len(texts)
    gathered = pl.concat(grams)
    yield "grams", gathered.sort("hash", "record")
    yield "short", pl.concat(short).sort("hash", "record")
    return {"records": number, "grams": gathered.height, "sets": dict(sorted(sizes.items()))}


def grams_of(tokens: Ragged, size: int) -> Ragged:
    """The n-grams of each text, in order; none where it has fewer tokens."""
    found = shingles(tokens, size)
    enough = np.repeat(tokens.lengths >= size, found.lengths)
    return Ragged(found.values[enough], offsets_of(np.maximum(tokens.lengths - size + 1, 0)))


class Table(NamedTuple):
    """Hashes in ascending order, and which first bits any of them has: most that are not there are told by these."""

    hashes: Hashes
    seen: np.ndarray[tuple[int], np.dtype[np.bool_]]
    shift: np.uint64

    @classmethod
    def of(cls, hashes: Hashes) -> Table:
        """The table of hashes in ascending order. Memory: some 12 to 16 bytes for each."""
        bits = max(16, (4 * len(hashes)).bit_length())
        shift = np.uint64(64 - bits)
        seen = np.zeros(1 << bits, bool)
        seen[hashes >> shift] = True
        return cls(hashes, seen, shift)

    def find(self, wanted: Hashes) -> tuple[Positions, Positions]:
        """Pairs (place in `wanted`, place in the table) of equal hashes; one hash may stand in the table repeatedly."""
        maybe = np.flatnonzero(self.seen[wanted >> self.shift])
        maybe = maybe[np.argsort(wanted[maybe])]  # in order, a search stays near the last one
        maybe = maybe[is_in(wanted[maybe], self.hashes)]
        first, behind = (np.searchsorted(self.hashes, wanted[maybe], side) for side in ("left", "right"))
        counts = behind - first
        places = np.repeat(first - np.append(0, np.cumsum(counts))[:-1], counts) + np.arange(counts.sum())
        return np.repeat(maybe, counts), places


def _records(inputs: Sequence[File], sets: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
    """The records with text, and their set, some hundred at a time; at least one batch."""
    for name, file in zip(sets, inputs, strict=True):
        for batch in batches(file, ["id", "page"]):
            texts = [page.decode("utf-8", "replace") for page in batch["page"]]
            records = batch.select("id").with_columns(text=pl.Series(texts, dtype=pl.String))
            for start, end in slices([len(one) for one in texts]):
                yield name, records[start:end]
            if not texts:
                yield name, records


def _distinct(found: Ragged) -> Ragged:
    """The distinct n-grams of each text, sorted."""
    owners = found.owners
    order: Ranks = np.lexsort((found.values, owners))
    values, owners = found.values[order], owners[order]
    new = np.zeros(len(values), bool)
    new[starts_of_runs(values)] = True
    new[starts_of_runs(owners)] = True
    return Ragged(values[new], offsets_of(np.bincount(owners[new], minlength=len(found.offsets) - 1)))
