from __future__ import annotations

import os
import subprocess
import sys

import polars as pl
import pytest

from curate.release import manifest
from tests.support.releases import documents, release, shard, split_up

TOLD = """
import sys
from pathlib import Path
from curate.release import xet
print(xet.new_bytes(Path(sys.argv[1]), sys.argv[2].split(), set(sys.argv[3].split())))
"""


def told(folder, uploads, there) -> int:
    """In a process of its own: Xet reads its environment when it is imported, and keeps threads."""
    done = subprocess.run(
        [sys.executable, "-c", TOLD, folder, " ".join(uploads), " ".join(there)],
        env={**os.environ, "HF_XET_TELEMETRY_ENABLED": "0", "HF_HOME": str(folder.parent / "home")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_chunks_that_the_hub_has_do_not_go_up(tmp_path):
    pytest.importorskip("hf_xet")
    long = split_up(documents(1500)).with_columns(text=_texts(1500))
    december = pl.col("published").str.starts_with("2024-12").fill_null(False)
    first = release(tmp_path, [shard(tmp_path, long, "a")], "1.0.0").path
    second = release(tmp_path, [shard(tmp_path, long.filter(~december), "b")], "1.0.1").path
    (digest,) = {file["sha256"] for file in manifest.read(first).files if "train" in file["path"]}
    (path,) = (file["path"] for file in manifest.read(second).files if "train" in file["path"])
    size = (second / path).stat().st_size
    assert told(second, [path], []) > 0.9 * size
    assert told(second, [path], [digest]) < 0.5 * size
    small = (second / "README.md").stat().st_size
    assert told(second, ["README.md"], []) == small


def _texts(count: int):
    import numpy as np

    words = np.random.default_rng(7).integers(0, 99_999, (count, 300))
    return pl.Series([" ".join(f"word{n}" for n in row) for row in words])
