"""What the stage recompare costs beside dedup with `paragraphs`, by how many documents were cut; one process.

    POLARS_MAX_THREADS=1 python benchmarks/neardup/recompare.py [--documents 30000] [--work FOLDER]

The documents are those of grow.py, of which one in fifty is a page of a site with eight lines of furniture.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any

import polars as pl

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    from benchmarks.neardup.grow import SHARD, shard
    from curate.build import Build
    from curate.engines.local import LocalEngine
    from curate.stages import dedup, recompare

    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--documents", type=int, default=30_000)
    ask.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()))
    args = ask.parse_args()
    print("| stage | documents | cut | CPU s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=args.work) as work, Build(f"{work}/build", LocalEngine(1)) as build:
        frames = [shard(number, SHARD)[0] for number in range(args.documents // SHARD)]
        config = dedup.Config(audit=0, paragraphs={})
        kept = run(build, "dedup", dedup, written(frames, work, "made"), config)
        frames = [pl.read_parquet(file.url) for file in kept]
        once_more = config.model_copy(update={"paragraphs": None})
        for name, cut in (("none", pl.lit(False)), ("those", pl.col("cut")), ("all", pl.lit(True))):
            given = written([frame.with_columns(cut=cut) for frame in frames], work, name)
            run(build, "recompare", recompare, given, once_more)


def written(frames: Sequence[pl.DataFrame], folder: str, name: str) -> list[Any]:
    """The frames as files that a stage reads."""
    from curate.tasks import File

    files = []
    for number, frame in enumerate(frames):
        url = f"{folder}/{name}-{number:05d}.parquet"
        frame.write_parquet(url)
        files.append(File(url, url, frame.height))
    return files


def run(build: Any, name: str, stage: Any, shards: Sequence[Any], config: Any) -> list[Any]:
    """What a stage keeps; says what it took."""
    from curate.runner import StageTask

    cut = sum(pl.read_parquet(file.url, columns=["cut"])["cut"].sum() for file in shards) if name == "recompare" else 0
    before = process_time()
    rounds = build.rounds(name, stage.VERSION)
    beside = [[file] for file in stage.prepare(shards, config, rounds)] or [[] for _ in shards]
    inputs = [[shard, *columns] for shard, columns in zip(shards, beside, strict=True)]
    done = build.run(rounds.tasks("", StageTask(name), inputs, config))
    print(f"| {name} | {sum(file.rows for file in shards):,} | {cut:,} | {process_time() - before:.1f} |", flush=True)
    return [one.files["kept"] for one in done]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
