"""What must see every document, on made-up keys: CPU seconds and peak memory of each step, in a process of its own.

    python benchmarks/scale/run.py [--documents 1000000 10000000] [--work FOLDER]

    order       dedup: a rank for every document, exact copies found (one task)
    clusters    dedup: connected documents, a representative for each, a verdict on every row (one task)
    templates   boilerplate: the lines of a partition's sites counted (one of many tasks; its size does not grow)
    split       split: duplicate ids, clusters, a verdict on every row (tasks of a million ids)
    driver      the record of 12 stages over a shard for each 1,000 documents, as the driver holds it

Texts are not made: these steps read ids, sizes, hashes and pairs alone. A document in eight is near another one.
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
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import polars as pl

STEPS = ("order", "clusters", "templates", "split", "driver")
SHARD = 100_000
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
        pl.DataFrame({"keys": keys, "rate": np.full(len(rows), 0.1)}).write_parquet(
            folder / f"sampled-{number:05}.parquet"
        )
        pl.DataFrame({"id": ids, "cluster": ids, "url": None, "source": "made-up", "record": rows}).with_columns(
            url=pl.lit(None, pl.String)
        ).write_parquet(folder / f"shard-{number:05}.parquet")
    first = np.sort(chance.integers(0, count, count // 8).astype(np.uint32))
    second = np.minimum(first + chance.integers(1, 1000, len(first)), count - 1).astype(np.uint32)
    alike = pl.DataFrame({"first": first, "second": second, "jaccard": 0.8, "containment": 0.9})
    alike.filter(pl.col("first") < pl.col("second")).write_parquet(folder / "alike.parquet")


def files(folder: Path, name: str, count: int) -> list[Any]:
    from curate.tasks import File

    rows = [min(SHARD, count - start) for start in range(0, count, SHARD)]
    return [File(str(folder / f"{name}-{i:05}.parquet"), f"{name}{i}", n) for i, n in enumerate(rows)]


def order(folder: Path, count: int) -> None:
    from curate.neardup import signing

    shards = files(folder, "documents", count)
    config = signing.Ordering(documents=count, shards=len(shards), partitions=1, keep="longest", audit=0)
    write(folder, signing.order([*shards, *files(folder, "sampled", count)], config))


def clusters(folder: Path, count: int) -> None:
    from curate.neardup import judging
    from curate.tasks import File

    shards = files(folder, "documents", count)
    config = judging.Judging(documents=count, shards=len(shards), partitions=1, threshold=0.55, containment=0.8)
    inputs = [*shards, *files(folder, "ranks", count), File(str(folder / "alike.parquet"), "alike")]
    write(folder, judging.judge(inputs, config))


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
    from curate.build import Build
    from curate.engines.local import LocalEngine
    from curate.stages import split

    with Build(str(folder / "build"), LocalEngine(1)) as build:
        split.prepare(files(folder, "shard", count), split.Config(), build.rounds("split", split.VERSION))


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


def write(folder: Path, rows: Any) -> None:
    """The outputs of a task function as files, as the store writes them."""
    from curate.store import _Output

    outputs: dict[str, Any] = {}
    for part, frame in rows:
        if part not in outputs:
            outputs[part] = _Output(str(folder / f"{part}.parquet"), [])
        outputs[part].append(frame)
    for output in outputs.values():
        output.commit()


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
