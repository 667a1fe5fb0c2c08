"""`curate report` and a search of `curate browse` over a build of any size: wall, processor and memory.

    python benchmarks/report/run.py FOLDER [--documents 10000000]

The build is made once, in FOLDER: the sample crawl is run, then each of its files is written again for every shard with
its rows under ids of their own (86 documents become `--documents`, 10,000 a shard), so that no two files are alike.
Texts are cut to 300 characters: what is measured reads samples of them. 10 million documents take some 4 GB and ten
minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl

from curate.tasks import File, read

ROOT = Path(__file__).parents[2]
SHARD = 10_000
CHARACTERS, LINES = 300, 5
GROUP_ROWS = 500  # as the store writes them
NAMED = ("id", "cluster", "duplicate_of")
CONFIG = "configs/news.yaml"
SEARCH = """
import sys
from curate.browse.search import Query, search
from curate.report.trail import Trail
trail, after, passed = Trail.of("data/build/news"), None, 0
while not passed or after:
    found = search(trail, Query(text="no such words"), after)
    after, passed = found.stopped, passed + 1
print(f"{found.of:,} documents in {passed} searches")
"""


def make(folder: Path, documents: int) -> None:
    """The build, in place of the one that a run has made there."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "data/raw", folder / "data/raw")
    subprocess.run([sys.executable, "-m", "curate", "run", CONFIG], cwd=folder, check=True, capture_output=True)
    path = folder / "data/build/news/run.json"
    told = json.loads(path.read_text())
    copies = SHARD // sum(task["stats"]["documents_in"] for task in told["stages"][0]["tasks"])
    shards = round(documents / SHARD)
    for stage in told["stages"]:
        whole = {part: joined(folder, stage["tasks"], part) for part in ("kept", "dropped")}
        stats = summed([task["stats"] for task in stage["tasks"]], copies)
        stage["tasks"] = [
            {"inputs": [], "sources": [], "stats": stats, "files": files(folder, stage["stage"], shard, copies, whole)}
            for shard in range(shards)
        ]
        print(f"{stage['stage']}: {shards} shards", file=sys.stderr)
    path.write_text(json.dumps(told))


def joined(folder: Path, tasks: list[Any], part: str) -> pl.DataFrame:
    """What all tasks of a stage kept or dropped, with their texts, cut."""
    told = [task["files"][part] for task in tasks]
    made = [File(str(folder / one["url"]), "", texts=one["texts"] and str(folder / one["texts"])) for one in told]
    frame = pl.concat(map(read, made), how="diagonal_relaxed")
    short = {"text": pl.col("text").str.head(CHARACTERS)} if "text" in frame.columns else {}
    if "page" in frame.columns:
        short["page"] = pl.col("page").bin.slice(0, CHARACTERS)
    if "html" in frame.columns:
        short["html"] = pl.col("html").str.head(CHARACTERS)
    if "lines" in frame.columns:
        short["lines"] = pl.col("lines").list.head(LINES)
    return frame.with_columns(**short)


def summed(stats: list[Any], copies: int) -> Any:
    """The statistics of all tasks of a stage, as if they were one with so many copies."""
    whole: dict[str, Any] = {}
    for one in stats:
        for name, value in one.items():
            if isinstance(value, dict):
                counts = whole.setdefault(name, {})
                counts.update({key: counts.get(key, 0) + copies * count for key, count in value.items()})
            else:
                whole[name] = whole.get(name, 0) + copies * value
    return whole


def files(folder: Path, stage: str, shard: int, copies: int, whole: dict[str, pl.DataFrame]) -> Any:
    """Write a stage's files of one shard."""
    prefixes = pl.DataFrame({"prefix": [f"{shard:06}{copy:04}" for copy in range(copies)]})
    made = {}
    for part, frame in whole.items():
        named = [pl.concat_str("prefix", name).alias(name) for name in NAMED if name in frame.columns]
        rows = prefixes.join(frame, how="cross").with_columns(named).drop("prefix")
        url = f"data/build/news/{stage}/made-{shard:06}.{part}.parquet"
        rows.write_parquet(folder / url, compression="zstd", compression_level=1, row_group_size=GROUP_ROWS)
        made[part] = {"url": url, "sha256": "", "rows": rows.height}
    return made


def measure(folder: Path, what: str, *command: str) -> None:
    """Run a command there and print what it used."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run([sys.executable, *command], cwd=folder, check=True, capture_output=True, text=True).stdout
    wall, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(f"{what}: {wall:.1f} s wall, {cpu:.1f} s processor, {used.ru_maxrss // 1024} MB at most; {said.strip()}")


def main() -> None:
    """Make the build where it is not there, and measure; the search second, since children's peaks are one figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=10_000_000)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"
    if not options.folder.exists():
        make(options.folder, options.documents)
    measure(options.folder, "search", "-c", SEARCH)
    measure(options.folder, "report", "-m", "curate", "report", CONFIG)
    print(f"report.html: {(options.folder / 'report.html').stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
