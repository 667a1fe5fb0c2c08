"""Near-duplicates side by side: `curate.cluster` and other libraries on one folder, each pinned to one core.

    python benchmarks/neardup/run.py FOLDER [--only curate,gaoya] [--repeat 3] [--json]

FOLDER holds docs.parquet (id, text, lang), pairs5.parquet (a, b, j: all pairs of ids with an exact Jaccard similarity
of token 5-grams of .5 or more) and planted.parquet (id, cluster: which texts were made from one; -1 for none).

    rec@.7              share of the pairs with j >= .7 that are put together
    recall, precision   of pairs, against the planted clusters; CJK: recall in Chinese and Japanese
    docs/CPU-s, MB      of the whole call, strings in, labels out; the fastest of the repeats; peak of the process

For the peers: pip install rensa datasketch gaoya daft; in an environment apart "datatrove[processing]" "xxhash<4"
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

HERE = Path(__file__).resolve().parent
ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "DAFT_RUNNER": "native"}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("folder", type=Path)
    ask.add_argument("--only", default="", help="names, separated by commas; all by default")
    ask.add_argument("--repeat", type=int, default=3)
    ask.add_argument("--json", action="store_true", help="print one JSON object a line")
    ask.add_argument("--one", help=argparse.SUPPRESS)
    args = ask.parse_args()
    if args.one:
        print(json.dumps(measure(args.one, args.folder)))
        return
    from peers import PEERS

    names = [name for name in args.only.split(",") if name] or [*PEERS]
    results = list(compare(names, args.folder, args.repeat))
    print("\n".join(map(json.dumps, results)) if args.json else table(results))


def compare(names: Iterable[str], folder: Path, repeat: int) -> Iterable[dict[str, Any]]:
    """Rounds of all names, so that a busy moment of the machine hits all alike; the best round of each."""
    names = [name for name in names if name == "curate" or installed(name)]
    runs = [{name: run(name, folder) for name in names} for _ in range(repeat)]
    for name in names:
        best = min((one[name] for one in runs), key=lambda result: result["cpu"])
        yield {"name": name, **score(folder, best.pop("labels")), **best}


def run(name: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, str(folder), "--one", name]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(name: str, folder: Path) -> dict[str, Any]:
    """Labels, CPU seconds and peak memory of one contestant, on the first core this process may use."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from peers import PEERS

    texts = pl.read_parquet(folder / "docs.parquet", columns=["id", "text"]).sort("id")["text"].to_list()
    PEERS[name](texts[:50])
    before = cpu()
    labels = [int(label) for label in PEERS[name](texts)]
    spent = cpu() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"cpu": spent, "speed": round(len(texts) / spent), "mb": peak, "labels": labels}


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def score(folder: Path, labels: list[int]) -> dict[str, float]:
    planted = pl.read_parquet(folder / "planted.parquet").sort("id").select("cluster", label=pl.Series(labels))
    lang = pl.read_parquet(folder / "docs.parquet", columns=["id", "lang"]).sort("id")["lang"]
    exact = pl.read_parquet(folder / "pairs5.parquet").filter(pl.col("j") >= 0.7 - 1e-6)
    together = planted["label"].gather(exact["a"]) == planted["label"].gather(exact["b"])
    inside = planted.filter(pl.col("cluster") >= 0)
    cjk = planted.filter(lang.is_in(["zh", "ja"]) & (planted["cluster"] >= 0))
    return {
        "rec@.7": round(together.mean() or 0, 4),
        "recall": round(pairs(inside, "cluster", "label") / pairs(inside, "cluster"), 4),
        "precision": round(pairs(inside, "cluster", "label") / max(1, pairs(planted, "label")), 4),
        "CJK": round(pairs(cjk, "cluster", "label") / max(1, pairs(cjk, "cluster")), 4),
    }


def pairs(frame: pl.DataFrame, *by: str) -> int:
    """Number of pairs of rows that agree in these columns."""
    sizes = frame.group_by(by).len()["len"].cast(pl.Int64)
    return int((sizes * (sizes - 1) // 2).sum())


def installed(name: str) -> bool:
    if importlib.util.find_spec(name):
        return True
    print(f"{name}: not installed, left out", file=sys.stderr)
    return False


def table(results: list[dict[str, Any]]) -> str:
    rows = ["| | docs/CPU-s | MB | rec@.7 | recall | precision | CJK |", "|---|---|---|---|---|---|---|"]
    columns = ("name", "speed", "mb", "rec@.7", "recall", "precision", "CJK")
    rows += ["| " + " | ".join(str(result[column]) for column in columns) + " |" for result in results]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.path[:0] = [str(HERE), str(HERE.parent.parent)]
    main()
