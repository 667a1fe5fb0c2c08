"""Decontamination against evaluation records cut from other sites' articles: false positives, copies found, speed.

    python benchmarks/decontaminate/run.py [--pages PARQUET] [--grams 10000000] [--peer PYTHON]

Records are paragraphs of 20 to 200 words of half of the sites in PARQUET (columns `url`, `gold_text`, `text_wet`);
documents are whole pages of the others, which hold no record but by chance, and copies with a record planted in them.
Then the index is filled up with random n-grams, for its memory and its speed. PYTHON is that of an environment with
datatrove[processing] and polars: its filter drops a document for one n-gram of a record.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from curate.contamination.index import Indexing, Table, build_index
from curate.contamination.matching import Matching, find_records
from curate.store import execute
from curate.tasks import File, Task
from curate.text import hash64

PAGES = Path(__file__).parents[3] / "shared/bench/boilerplate/dev.parquet"


def run(label: str, function: object, inputs: list[File], config: object, folder: str) -> dict[str, File]:
    """The output files of one task."""
    return execute(Task(label, 1, function, tuple(inputs), config), folder).files


def written(frame: pl.DataFrame, path: Path) -> File:
    """A file of rows as a task reads it."""
    frame.write_parquet(path)
    return File(str(path), path.name, frame.height)


def peer(command: list[str]) -> str:
    """The last line that a command prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=Path, default=PAGES)
    parser.add_argument("--grams", type=int, default=10_000_000)
    parser.add_argument("--peer")
    arguments = parser.parse_args()
    pages = pl.read_parquet(arguments.pages, columns=["url", "gold_text", "text_wet"]).drop_nulls()
    half = pl.Series(hash64(pages["url"].str.extract("//([^/]+)")) % np.uint64(2) == 0)
    paragraphs = pages.filter(half)["gold_text"].str.split("\n").explode().drop_nulls().unique(maintain_order=True)
    records = paragraphs.filter(paragraphs.str.count_matches(r"\S+").is_between(20, 200))
    documents = pages.filter(~half)["text_wet"]
    size = documents.str.len_bytes().sum() / 1e6
    planted = pl.Series(
        [
            f"{text}\n{record.upper()}\n"
            for text, record in zip(documents, records.sample(len(documents), seed=1), strict=True)
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        page = records.cast(pl.Binary).alias("page")
        given = written(pl.DataFrame({"id": [f"r{i}" for i in range(len(records))], "page": page}), root / "records")
        index = run("index", build_index, [given], Indexing(sets=("articles",), ngram=13), folder)
        shards = [
            written(pl.DataFrame({"text": texts}), root / name)
            for name, texts in (("clean", documents), ("planted", planted))
        ]
        for least in (1, 3, 8):
            for overlap in (0.01, 0.5):
                config = Matching(ngram=13, min_overlap=overlap, min_matches=least, near_duplicates=False)
                parts = [index[part] for part in ("records", "grams", "short", "sets")]
                hits = [
                    pl.read_parquet(run("match", find_records, [shard, *parts], config, folder)["matches"].url)
                    for shard in shards
                ]
                counts = [frame["evaluation_record"].drop_nulls().len() for frame in hits]
                print(f"matches {least}, overlap {overlap}: of {len(documents)} clean {counts[0]}, planted {counts[1]}")
        for near in (False, True):
            started = time.process_time()
            config = Matching(ngram=13, min_overlap=0.5, min_matches=3, near_duplicates=near)
            run(f"speed-{near}", find_records, [shards[0], *parts], config, folder)
            seconds = time.process_time() - started
            print(f"near-duplicates {near}: {size / seconds:.1f} MB a CPU second")
        if arguments.peer:
            script = str(Path(__file__).with_name("peer.py"))
            command = [arguments.peer, script, given.url, *(shard.url for shard in shards), "13"]
            for name, one in zip(("clean", "planted"), json.loads(peer(command)), strict=True):
                print(f"datatrove: {one['dropped']} {name}, {size / one['seconds']:.2f} MB a CPU second")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    hashes = np.sort(np.random.default_rng(1).integers(0, 1 << 64, arguments.grams, dtype=np.uint64))
    table = Table.of(hashes)
    wanted = np.random.default_rng(2).integers(0, 1 << 64, 5_000_000, dtype=np.uint64)
    started = time.process_time()
    table.find(wanted)
    nanoseconds = (time.process_time() - started) / len(wanted) * 1e9
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{arguments.grams:,} n-grams: {nanoseconds:.0f} ns a look-up, {grown:.0f} MB more at the peak")


if __name__ == "__main__":
    main()
