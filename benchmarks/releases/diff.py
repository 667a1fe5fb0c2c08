"""Time and memory of `curate diff` between two releases of invented documents, of which some percent differ.

The files have the narrow columns that a diff reads, in shards of half a million documents; the texts that it does not
read are left out. Each size is compared in a process of its own.
Run: python benchmarks/releases/diff.py [DOCUMENTS ...]     (default: 40,000 and 1,000,000)
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402

from curate.release.diff import compare  # noqa: E402
from curate.tasks import File  # noqa: E402
from curate.text import hash64  # noqa: E402

SHARD = 500_000
SPLITS = {"test": 5, "validation": 5, "train": 90}


def rows(start: int, end: int, version: int) -> pl.DataFrame:
    """Documents by number; in version 1 one in 50 has another text, one in 50 another title."""
    number = np.arange(start, end)
    names = pl.Series("id", [f"{value:016x}" for value in hash64(pl.Series(number).cast(pl.String)).tolist()])
    edited = np.where(number % 50 == 0, version, 0)
    hashes = hash64(pl.Series(number * 10 + edited).cast(pl.String))
    site, day, retitled = (
        pl.Series(number % 997),
        pl.Series(number % 28 + 1),
        pl.Series(np.where(number % 50 == 1, version, 0)),
    )
    return names.to_frame().with_columns(
        text_hash=pl.Series([f"{value:016x}" for value in hashes.tolist()]),
        source=pl.format("crawl/{}.warc.gz", pl.lit(site)),
        title=pl.format("What was said of story {} ({})", pl.lit(pl.Series(number)), pl.lit(retitled)),
        author=pl.lit(None, pl.String),
        published=pl.format("2024-05-{}", pl.lit(day).cast(pl.String).str.zfill(2)),
        url=pl.format("https://site{}.example/news/{}", pl.lit(site), pl.lit(pl.Series(number))),
        site=pl.format("site{}.example", pl.lit(site)),
        language=pl.lit("en"),
        metadata=pl.lit("{}"),
    )  # fmt: skip


def write(folder: Path, first: int, last: int, version: int) -> None:
    """Documents `first` to `last` in shards; a split takes its share of each run of a hundred shards' rows."""
    folder.mkdir()
    for start in range(first, last, SHARD):
        frame = rows(start, min(start + SHARD, last), version)
        part = pl.int_range(pl.len()) % 100
        low = 0
        for split, share in SPLITS.items():
            frame.filter(part.is_between(low, low + share - 1)).write_parquet(folder / f"{split}-{start:09d}.parquet")
            low += share


def side(folder: Path) -> list[tuple[str, File]]:
    return [
        (path.name.split("-")[0], File(str(path), "", pl.scan_parquet(path).select(pl.len()).collect().item()))
        for path in sorted(folder.glob("*.parquet"))
    ]


def measure(folder: Path) -> None:
    """Compare what lies in `old` and `new`, and print what it took."""
    old, new = side(folder / "old"), side(folder / "new")
    wall, cpu = time.perf_counter(), time.process_time()
    changes = compare(old, new)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{sum(f.rows for _, f in old):12,}{wall:8.1f}{cpu:8.1f}{peak:8.0f}   {dict(changes.counts)}", flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        measure(Path(sys.argv[2]))
        return
    print(f"{'documents':>12}{'wall s':>8}{'CPU s':>8}{'MiB':>8}   differ", flush=True)
    for count in map(int, sys.argv[1:] or (40_000, 1_000_000)):
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / "old", 0, count, 0)
            write(Path(folder) / "new", count // 50, count + count // 50, 1)
            subprocess.run([sys.executable, __file__, "--measure", folder], check=True)


if __name__ == "__main__":
    main()
