"""What must see every document, on made-up keys: CPU seconds and peak memory of each step, in a process of its own.

    python benchmarks/scale/run.py [--documents 1000000 10000000] [--work FOLDER]

    runs        dedup: documents in order of preference (tasks of a shard, then of 500,000 documents)
    order       dedup: a rank for every document, exact copies found (one task)
    candidates  dedup: the pairs of a partition's keys, all of them in too many documents (one of many tasks)
    pairs       dedup: the pairs that are worth verifying (one of many tasks)
    shingles    dedup: the shingles of a shard's documents that are in a pair (one of many tasks)
    clusters    dedup: connected documents, a representative for each, a verdict on every row (one task)
    templates   boilerplate: the lines of a partition's sites counted (one of many tasks; its size does not grow)
    split       split: duplicate ids, clusters, a verdict on every row (tasks of a million ids)
    driver      the record of 12 stages over a shard for each 1,000 documents, as the driver holds it

Texts are not made: these steps read ids, sizes, hashes and pairs alone. A document in eight is near another one. A
shard has 10,000 documents, as 50 MB of text have.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import polars as pl

STEPS = ("runs", "order", "candidates", "pairs", "shingles", "clusters", "templates", "split", "driver")
SHARD = 10_000
PARTITION = 25_000
KEYS, LOWEST, BUCKET = 100, 8, 250
"""Keys of a document, those it is compared by, and documents that have each, in the step `candidates`."""
TOKENS = 800
"""Of a document, in the step `shingles`."""
LINES = 40
"""Of a page, in the step `templates`."""


def documents(folder: Path, count: int) -> None:
    """What dedup's `sign` says of documents, and the pairs that were verified, as files."""
    chance = np.random.default_rng(7)
    for number, start in enumerate(range(0, count, SHARD)):
        rows = np.arange(start, min(start + SHARD, count))
        ids = pl.Series(rows).hash(7).cast(pl.String).str.zfill(32)
        frame = pl.DataFrame({"id": ids, "source": "made-up.jsonl", "record": rows, "published": None})
        sizes = chance.integers(50, 2000, len(rows)).astype(np.uint32)
        frame = frame.with_columns(
            published=pl.lit(None, pl.String), exact=pl.Series(rows.astype(np.uint64)), size=pl.Series(sizes)
        )
        frame.write_parquet(folder / f"documents-{number:05}.parquet")
        keys = pl.Series(np.full(len(rows), 40, np.uint32))
        sampled = {
            "keys": keys,
            "rate": np.full(len(rows), 0.1),
            "sketch": chance.integers(0, 1 << 63, len(rows), np.uint64),
        }
        pl.DataFrame(sampled).write_parquet(folder / f"sampled-{number:05}.parquet")
        entries = PARTITION * KEYS * len(rows) // count
        frequent = chance.integers(0, PARTITION * KEYS // BUCKET, entries, np.uint64) << np.uint64(30)
        holders = np.sort(chance.integers(0, len(rows), entries, np.uint32))
        lowest = chance.random(entries) < LOWEST / KEYS
        pl.DataFrame({"key": frequent, "row": holders, "low": lowest}).write_parquet(
            folder / f"keys-{number:05}.parquet"
        )
        pl.DataFrame({"id": ids, "cluster": ids, "url": None, "source": "made-up", "record": rows}).with_columns(
            url=pl.lit(None, pl.String)
        ).write_parquet(folder / f"shard-{number:05}.parquet")
    first = np.sort(chance.integers(0, count, count // 8).astype(np.uint32))
    second = np.minimum(first + chance.integers(1, 1000, len(first)), count - 1).astype(np.uint32)
    pairs = pl.DataFrame(
        {"first": first, "second": second, "shared": 20, "frequent": 0, "jaccard": 0.8, "containment": 0.9}
    )
    pairs = pairs.with_columns(shared=pl.col("shared").cast(pl.Int64)).filter(pl.col("first") < pl.col("second"))
    for number in range(parts := -(-count // PARTITION)):
        mine = pairs.filter(pl.col("first") % parts == number)
        mine.select("first", "second", "shared", "frequent").write_parquet(folder / f"pairs-{number:05}.parquet")
        mine.drop("shared", "frequent").write_parquet(folder / f"alike-{number:05}.parquet")


def files(folder: Path, name: str, count: int, each: int = SHARD) -> list[Any]:
    from curate.tasks import File

    rows = [min(each, count - start) for start in range(0, count, each)]
    return [File(str(folder / f"{name}-{i:05}.parquet"), f"{name}{i}", n) for i, n in enumerate(rows)]


@contextmanager
def rounds(folder: Path, stage: str) -> Iterator[Any]:
    """Rounds of a stage in a build in this process; what an earlier step ran is not run again."""
    from curate.build import Build
    from curate.engines.local import LocalEngine

    with Build(str(folder / "build"), LocalEngine(1)) as build:
        yield build.rounds(stage, 1)


def runs(folder: Path, count: int) -> None:
    from curate.stages import dedup

    with rounds(folder, "dedup") as build:
        dedup.preferred(files(folder, "documents", count), "longest", build)


def order(folder: Path, count: int) -> None:
    with rounds(folder, "dedup") as build:
        ordered(folder, count, build)


def ordered(folder: Path, count: int, build: Any) -> dict[str, Any]:
    """The outputs of `order` by their names."""
    from curate.neardup import ordering
    from curate.stages import dedup

    shards = files(folder, "documents", count)
    parts = dedup.preferred(shards, "longest", build)
    config = ordering.Ordering(documents=count, shards=len(shards), partitions=1, audit=500)
    inputs = [*parts, *files(folder, "sampled", count)]
    return build.run("order", ordering.order, [inputs], config)[0].files


def candidates(folder: Path, count: int) -> None:
    from curate.neardup import pairing
    from curate.neardup.files import numbered

    with rounds(folder, "dedup") as build:
        known = ordered(folder, count, build)
        keys = files(folder, "keys", count)
        ranks = [known[numbered("ranks", number)] for number in range(len(keys))]
        config = pairing.Pairing(documents=count, shards=len(keys), partitions=-(-count // PARTITION))
        build.run("candidates", pairing.pair_up, [[known["sketches"], *keys, *ranks]], config)


def pairs(folder: Path, count: int) -> None:
    from curate.neardup import pairing
    from curate.neardup.files import Whole

    with rounds(folder, "dedup") as build:
        sizes = ordered(folder, count, build)["sizes"]
        candidates = files(folder, "pairs", count, PARTITION)[:1]
        config = Whole(documents=count, shards=1, partitions=-(-count // PARTITION))
        capped = build.run("capped", pairing.sum_capped, [[]], config)[0].files["capped"]
        build.run("pairs", pairing.choose_pairs, [[sizes, capped, *candidates]], config)


def shingles(folder: Path, count: int) -> None:
    from curate.neardup import pairing
    from curate.tasks import File

    tokens = np.random.default_rng(7).integers(0, 1 << 16, (SHARD, TOKENS), np.uint32)
    pl.DataFrame({"numbers": tokens}, schema={"numbers": pl.Array(pl.UInt32, TOKENS)}).with_columns(
        pl.col("numbers").arr.to_list()
    ).write_parquet(folder / "tokens.parquet")
    with rounds(folder, "dedup") as build:
        place = ordered(folder, count, build)["ranks-00000"]
        parts = files(folder, "pairs", count, PARTITION)
        config = pairing.Shingling(documents=count, shards=1, partitions=len(parts), shingle=3)
        inputs = [File(str(folder / "tokens.parquet"), "tokens", SHARD), place, *parts]
        build.run("shingles", pairing.list_shingles, [inputs], config)


def clusters(folder: Path, count: int) -> None:
    from curate.neardup import judging

    shards = files(folder, "documents", count)
    config = judging.Judging(documents=count, shards=len(shards), partitions=1, threshold=0.55, containment=0.8)
    with rounds(folder, "dedup") as build:
        found = ordered(folder, count, build)
        places = [found[f"ranks-{number:05}"] for number in range(len(shards))]
        build.run("clusters", judging.judge, [[*shards, *places, *files(folder, "alike", count, PARTITION)]], config)


def templates(folder: Path, count: int) -> None:
    """A partition of sites with 25,000 pages, which is what a task has whatever the corpus."""
    from curate.models import templates

    chance = np.random.default_rng(7)
    sampled = pl.DataFrame()
    for start in range(0, 25_000, 500):
        keys = chance.integers(0, 1 << 40, (500, LINES)).tolist()
        pages = pl.DataFrame({"site": [f"site{i % 400}" for i in range(500)], "rank": np.arange(start, start + 500)})
        pages = pages.with_columns(
            pl.Series("keys", keys, pl.List(pl.UInt64)), pl.Series("words", keys, pl.List(pl.UInt64)).list.head(LINES)
        )
        sampled = templates.sample(pl.concat([sampled, pages], how="diagonal"))
    templates.samples_of(sampled)


def split(folder: Path, count: int) -> None:
    from curate.stages import split

    with rounds(folder, "split") as build:
        split.prepare(files(folder, "shard", count), split.Config(), build)


def driver(folder: Path, count: int) -> None:
    from curate.build import Build
    from curate.section import Section
    from curate.tasks import File

    shards = [File(f"corpus/{i:06}.jsonl", f"{i:064}") for i in range(-(-count // 1000))]
    with Build(str(folder / "record"), Instant()) as build:
        for number in range(12):
            tasks = build.rounds(f"stage{number}", 1).tasks("", None, [[shard] for shard in shards], Section())  # type: ignore[arg-type]
            done = build.run(tasks)
            build.record(f"stage{number}", 1, Section(), tasks, done)
            shards = [one.files["kept"] for one in done]


class Instant:
    """An engine that says of every task that it is done."""

    def run(self, tasks: Sequence[Any], root: str) -> Iterator[tuple[int, Any]]:
        from curate.tasks import Done, File, Ran

        for i, task in enumerate(tasks):
            parts = {
                part: File(f"{root}/{task.label}/{task.key}.{part}.parquet", f"{i:064}", 1000)
                for part in ("kept", "dropped")
            }
            stats = {"documents_in": 1000, "documents_kept": 900, "documents_dropped": 100, "chars_in": 5_000_000}
            yield i, Done(task.key, parts, {**stats, "reasons": {"too short": 100}}, Ran("node", 1, 0.0, 1.0, 1.0, 300))

    def close(self) -> None: ...


def main() -> None:
    """Print a row a step."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--documents", type=int, nargs="+", default=[1_000_000, 10_000_000])
    ask.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()))
    ask.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    arguments = ask.parse_args()
    if arguments.step:
        step, folder, count = arguments.step
        before = process_time()
        globals()[step](Path(folder), int(count))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps([round(process_time() - before, 1), peak]))
        return
    print("| step | documents | CPU s | peak MB |\n|---|---|---|---|")
    for count in arguments.documents:
        with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
            documents(Path(folder), count)
            for step in STEPS:
                command = [sys.executable, __file__, "--step", step, folder, str(count)]
                environment = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                cpu, peak = json.loads(done.stdout.splitlines()[-1])
                print(f"| {step} | {count:,} | {cpu:,} | {peak:,} |", flush=True)


if __name__ == "__main__":
    main()
