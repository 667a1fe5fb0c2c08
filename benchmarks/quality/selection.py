"""Time and memory of the exact top share and a sample by words, by number of documents: in one process.

    python benchmarks/quality/selection.py [--documents 1000000 4000000]

Documents have a score and a length only; shards of 50,000. The cut is compared with that of a sort of all scores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from curate.build import Build
from curate.engines.local import LocalEngine
from curate.stages import select
from curate.tasks import File

SHARD = 50_000


def shard(folder: Path, number: int) -> File:
    """Invented documents; scores have three digits, so that many are equal."""
    draw = np.random.default_rng(number)
    frame = pl.DataFrame(
        {
            "id": [f"{number:06x}{i:06x}" for i in range(SHARD)],
            "source": f"{number}.jsonl",
            "record": np.arange(SHARD),
            "classifier_score": draw.integers(0, 1000, SHARD) / 1000,
            "words": draw.integers(20, 2000, SHARD),
        }
    )
    path = folder / f"{number:06d}.parquet"
    frame.write_parquet(path)
    return File(str(path), path.name, SHARD)


def measure(documents: int) -> str:
    """One line of results."""
    config = select.Config(
        keep_top=0.3, rank_by="classifier_score", sample=select.Sample(words=50 * documents), unit="words"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = [shard(folder, number) for number in range(documents // SHARD)]
        started = time.process_time()
        with Build(f"{name}/build", LocalEngine(1)) as build:
            chosen = select.prepare(shards, config, build.rounds("select", 1))
        seconds = time.process_time() - started
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        left = pl.concat(pl.read_parquet(file.url, columns=["left_out"]) for file in chosen)["left_out"]
        scores = pl.concat(pl.read_parquet(file.url, columns=["classifier_score"]) for file in shards)
        worst = scores.filter(left.is_null() | (left == "sample")).to_series().min()
        cut = scores.to_series().top_k(int(0.3 * documents)).min()
        top = len(left) - (left == "top").sum()
        return (
            f"{documents:,} documents: {seconds:.1f} CPU s, {memory:.0f} MB; {top:,} on top, cut {worst} (sort: {cut})"
        )


def main() -> None:
    """A fresh process for each number of documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, nargs="+", default=[1_000_000, 4_000_000])
    for documents in parser.parse_args().documents:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(measure, (documents,)))


if __name__ == "__main__":
    main()
