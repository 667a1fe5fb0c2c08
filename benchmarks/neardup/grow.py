"""How time and memory of the dedup stage grow with the corpus: made-up documents on disk, one process, one core.

    python benchmarks/neardup/grow.py [--documents 10000 100000 1000000] [--plot grow.svg] [--work FOLDER]

Documents are some 250 words of a made-up vocabulary with the frequencies of a language (Zipf). One in eight is a copy
of an earlier one with sentences cut, changed and put before it; one in fifty is a page of a site, with its furniture.
Memory is the peak of the process, CPU seconds are of all rounds of the stage, the audit apart. --plot needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from time import process_time

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parent.parent.parent
SHARD = 5_000
NOISE = 1 << 20
SYLLABLES = [a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "an", "en", "or", "is", "ul")]


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--documents", type=int, nargs="+", default=[10_000, 30_000, 100_000, 300_000, 1_000_000])
    ask.add_argument("--plot", type=Path)
    ask.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()))
    ask.add_argument("--one", help=argparse.SUPPRESS)
    args = ask.parse_args()
    if args.one:
        print(json.dumps(measure(sorted(Path(args.one).glob("*.parquet")), args.one)))
        return
    results = []
    print("| documents | MB of text | CPU s | docs/CPU-s | peak MB | copies | planted |\n|---|---|---|---|---|---|---|")
    for documents in args.documents:
        with tempfile.TemporaryDirectory(dir=args.work) as folder:
            results.append(run(documents, Path(folder)))
        print("| " + " | ".join(f"{value:,}" for value in results[-1].values()) + " |", flush=True)
    if args.plot:
        plot(results, args.plot)


def run(documents: int, folder: Path) -> dict[str, int]:
    size = planted = 0
    for number in range(-(-documents // SHARD)):
        frame, copies = shard(number, min(SHARD, documents - number * SHARD))
        frame.write_parquet(folder / f"{number:05d}.parquet")
        size, planted = size + int(frame["text"].str.len_bytes().sum()), planted + copies
    one = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--one", str(folder)]
    done = subprocess.run(command, env={**os.environ, **one}, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    speed = round(documents / found["cpu"])
    return {"documents": documents, "mb": size >> 20, "cpu": round(found["cpu"]), "speed": speed, "peak": found["peak"],
            "copies": found["copies"], "planted": planted}  # fmt: skip


def measure(shards: list[Path], folder: str) -> dict[str, float]:
    from curate.build import Build
    from curate.engines.local import LocalEngine
    from curate.stages import dedup
    from curate.tasks import File, read

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    files = [File(str(path), path.name, pl.scan_parquet(path).select(pl.len()).collect().item()) for path in shards]
    before = process_time()
    with Build(f"{folder}/build", LocalEngine(1)) as build:
        verdicts = dedup.prepare(files, dedup.Config(audit=0), build.rounds("dedup", dedup.VERSION))
    spent = process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    copies = sum(read(file)["copy"].count() for file in verdicts)
    return {"cpu": spent, "peak": peak, "copies": copies}


def shard(number: int, documents: int) -> tuple[pl.DataFrame, int]:
    """Documents of a shard, and how many of them are copies of others."""
    ids = range(number * SHARD, number * SHARD + documents)
    texts = [document(i) for i in ids]
    names = [f"https://example.org/{i:09d}" for i in ids]
    frame = pl.DataFrame({"id": names, "text": texts, "source": "made up", "record": ids})
    return frame.with_columns(published=pl.lit(None, pl.String)), sum(original(i) != i for i in ids)


def document(i: int) -> str:
    chance = np.random.default_rng([i, 1])
    lines = list(sentences(original(i)))
    if original(i) != i:
        lines = [line for line in lines if chance.random() > chance.choice([0.05, 0.2])]
        lines = [*list(sentences(i))[: chance.integers(0, 3)], *lines]
    elif i % 50 == 0:
        furniture = list(sentences(10**9 + i % 20))[:8]
        lines = [*furniture[:4], *lines, *furniture[4:]]
    return "\n".join(lines)


def original(i: int) -> int:
    """The document that this one is a copy of, mostly itself; never a copy or a page of a site."""
    if i % 8 != 7:
        return i
    other = int(np.random.default_rng([i, 2]).integers(0, max(1, i)))
    return other if other % 8 != 7 and other % 50 else i


def sentences(i: int) -> Iterator[str]:
    """Words at the sums of two windows of noise, which is as good as drawing them and twenty times as fast."""
    words, noise = vocabulary()
    place = (i + 1) * 0x9E3779B97F4A7C15 % 2**64
    first, second = place >> 44, place >> 24 & (NOISE - 1)
    drawn = words[(noise[first : first + 700] + noise[second : second + 700]) % NOISE].tolist()
    return (" ".join(drawn[k * 18 : k * 18 + 10 + k % 8]) + "." for k in range(8 + place % 28))


@cache
def vocabulary() -> tuple[np.ndarray, np.ndarray]:
    """A word for each of many equally likely numbers, frequent words more often; and noise."""
    chance = np.random.default_rng(4)
    words = np.array(["".join(chance.choice(SYLLABLES, chance.integers(1, 5))) for _ in range(60_000)], object)
    drawn = np.minimum(chance.zipf(1.15, NOISE) - 1, len(words) - 1)
    return words[drawn], chance.integers(0, NOISE, NOISE + 700)


def plot(results: list[dict[str, int]], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for axis, key, label in ((axes[0], "cpu", "CPU seconds"), (axes[1], "peak", "peak memory, MB")):
        axis.plot([result["documents"] for result in results], [result[key] for result in results], marker="o")
        axis.set(xlabel="documents", ylabel=label, ylim=(0, None))
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
