"""Bytes that a second version uploads, beside those of `DatasetDict.push_to_hub`.

Texts are those of bench/neardup (20,000 documents, 43 MB), dated over 24 months by their number. hf_xet chunks and
compares them with a store on disk, as the Hub does. push_to_hub's files are taken from the loopback Hub of the tests.
Run: python benchmarks/releases/run.py
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ["HF_XET_TELEMETRY_ENABLED"] = "0"
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import hf_xet  # noqa: E402
import polars as pl  # noqa: E402

from curate.release.build import Config  # noqa: E402
from tests.hub.client import client  # noqa: E402
from tests.hub.server import Hub  # noqa: E402
from tests.support.releases import documents, release, shard, split_up  # noqa: E402

TEXTS = ROOT.parent / "shared/bench/neardup/dev/docs.parquet"
MIB = 1 << 20


def corpus() -> pl.DataFrame:
    texts = pl.read_parquet(TEXTS)["text"]
    frame = documents(len(texts)).with_columns(text=texts)
    month = pl.int_range(pl.len()) * 24 // pl.len()
    dated = pl.format("{}-{}-15", 2022 + month // 12, (month % 12 + 1).cast(pl.String).str.zfill(2))
    return split_up(frame.with_columns(published=dated))


def fewer(documents: pl.DataFrame) -> pl.DataFrame:
    start = documents.height // 2
    return pl.concat([documents[:start], documents[start + documents.height // 20 :]])


def changed(documents: pl.DataFrame) -> pl.DataFrame:
    hit = pl.int_range(pl.len()) % 100 == 7
    cut = pl.col("text").str.slice(0, 200) + " Corrected. " + pl.col("text").str.slice(200)
    return documents.with_columns(text=pl.when(hit).then(cut).otherwise("text"))


def uploaded(folders: list[Path]) -> list[int]:
    """Bytes of new chunks for each folder, after those before it."""
    found = []
    with tempfile.TemporaryDirectory() as store:
        for folder in folders:
            session = hf_xet.XetSession().new_upload_commit(endpoint=f"local://{store}")
            for path in sorted(folder.rglob("*.parquet")):
                session.start_upload_file(str(path))
            found.append(session.wait_to_finish().dedup_metrics.new_bytes)
    return found


def released(folder: Path, versions: list[pl.DataFrame]) -> list[Path]:
    """Each version as a first release, so that none is refused."""
    made = []
    for number, frame in enumerate(versions):
        files = [shard(folder / "in", frame, str(number))]
        made.append(release(folder / str(number), files, "1.0.0", release=Config(shard_mb=8)).path)
    return made


def pushed(folder: Path, versions: list[pl.DataFrame]) -> list[Path]:
    with Hub() as hub, client(hub.environment(folder / "home")) as call:
        for number, frame in enumerate(versions):
            parquet = folder / f"{number}.parquet"
            frame.sort("split", "published", "id").write_parquet(parquet)
            call(push_plainly, parquet)
            for path, blob in hub.repos["org/plain"].find("main").tree.items():
                target = folder / str(number) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(blob.data)
    return [folder / str(number) for number in range(len(versions))]


def push_plainly(parquet: Path) -> None:
    from datasets import Dataset, DatasetDict

    frame = pl.read_parquet(parquet)
    splits = {name: Dataset.from_polars(frame.filter(split=name)) for name in ("train", "validation", "test")}
    DatasetDict(splits).push_to_hub("org/plain", max_shard_size="8MB")


def main() -> None:
    everything = corpus()
    base = everything[: everything.height * 20 // 21]
    steps: dict[str, Callable[[], pl.DataFrame]] = {
        "5% new documents at the end": lambda: everything,
        "5% removed in the middle": lambda: fewer(base),
        "20 opted out": lambda: base.filter(pl.int_range(pl.len()) % (base.height // 20) != 11),
        "1% of texts changed": lambda: changed(base),
    }
    print(f"{'second version':30}{'curate':>18}{'push_to_hub':>18}   MiB uploaded, share of the version")
    for name, make in steps.items():
        second = make()
        cells = []
        for way in (released, pushed):
            with tempfile.TemporaryDirectory() as folder:
                folders = way(Path(folder), [base, second])
                _, new = uploaded(folders)
                size = sum(path.stat().st_size for path in folders[1].rglob("*.parquet"))
            cells.append(f"{new / MIB:8.2f} ({new / size:6.1%})")
        print(f"{name:30}{cells[0]:>18}{cells[1]:>18}", flush=True)


if __name__ == "__main__":
    main()
