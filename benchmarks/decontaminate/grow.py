"""Memory of decontamination with many evaluation n-grams, for corpora of two sizes: every task in a process of its own.

    python benchmarks/decontaminate/grow.py [--grams 10000000] [--documents 2000]

Records of 112 invented words give 100 n-grams of 13 each. Documents, of 500 such words, hold none of them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from curate.contamination.index import Indexing, build_index
from curate.contamination.matching import Matching, find_records
from curate.store import execute
from curate.tasks import File, Task

RECORD, NGRAM, DOCUMENT, VOCABULARY = 112, 13, 500, 50_000
BATCH = 1_000


def texts(count: int, words: int, seed: int) -> Iterator[list[str]]:
    """Texts of invented words, some at a time."""
    draw = np.random.default_rng(seed)
    for start in range(0, count, BATCH):
        numbers = draw.integers(0, VOCABULARY, (min(BATCH, count - start), words))
        yield [" ".join(f"w{number:x}" for number in row) for row in numbers]


def write(path: Path, count: int, words: int, column: str) -> File:
    """A file of texts, as `read` (pages) or a stage (text) leaves it."""
    kind = pa.binary() if column == "page" else pa.string()
    schema = pa.schema([("id", pa.string()), (column, kind)])
    with pq.ParquetWriter(path, schema) as writer:
        for number, batch in enumerate(texts(count, words, seed=len(column))):
            ids = [f"{number}-{i}" for i in range(len(batch))]
            writer.write_batch(pa.record_batch([ids, pa.array(batch).cast(kind)], schema=schema))
    return File(str(path), path.name, count)


def measure(task: Task, folder: str) -> tuple[dict[str, File], float, float]:
    """What a task writes; its CPU seconds; peak memory of its process in MB."""
    started = time.process_time()
    files = execute(task, folder).files
    return files, time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def alone(task: Task, folder: str) -> tuple[dict[str, File], float, float]:
    """See measure; in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (task, folder))


def main() -> None:
    """Build an index, and search with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grams", type=int, default=10_000_000)
    parser.add_argument("--documents", type=int, default=2_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        records = write(root / "records", arguments.grams // (RECORD - NGRAM + 1), RECORD, "page")
        indexing = Indexing(sets=("invented",), ngram=NGRAM)
        index, seconds, memory = alone(Task("index", 1, build_index, (records,), indexing), folder)
        grams = pl.scan_parquet(index["grams"].url).select(pl.len()).collect().item()
        print(f"index of {grams:,} n-grams: {seconds:.0f} CPU seconds, {memory:.0f} MB")
        parts = tuple(index[part] for part in ("records", "grams", "short", "sets"))
        for count in (arguments.documents, 10 * arguments.documents):
            shard = write(root / f"shard-{count}", count, DOCUMENT, "text")
            for near in (False, True):
                config = Matching(ngram=NGRAM, min_overlap=0.5, min_matches=3, near_duplicates=near)
                _, seconds, memory = alone(Task(f"match-{near}", 1, find_records, (shard, *parts), config), folder)
                said = "with near-duplicates" if near else "n-grams alone"
                print(f"{count:,} documents, {said}: {seconds:.1f} CPU seconds, {memory:.0f} MB")


if __name__ == "__main__":
    main()
