"""Speed of finding and masking personal data, and datatrove's PIIFormatter on the same texts.

    python benchmarks/privacy/run.py [--peer PYTHON] [--pages PARQUET]

PYTHON is that of an environment with datatrove. PARQUET has the columns `gold_text`, article bodies, and
`text_wet`, whole pages. datatrove masks e-mail and IP addresses only; curate is timed on these two and on all kinds.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from curate.privacy.find import KINDS, find, mask
from curate.tasks import BATCH_ROWS

PAGES = Path(__file__).parents[3] / "shared/bench/boilerplate/dev.parquet"


def seconds(texts: list[str], kinds: Sequence[str]) -> tuple[float, int]:
    """CPU seconds, and how many texts were changed."""
    started = time.process_time()
    changed = 0
    for start in range(0, len(texts), BATCH_ROWS):
        part = texts[start : start + BATCH_ROWS]
        changed += sum(one != other for one, other in zip(part, mask(part, find(part, kinds)), strict=True))
    return time.process_time() - started, changed


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer")
    parser.add_argument("--pages", type=Path, default=PAGES)
    arguments = parser.parse_args()
    for column in ("gold_text", "text_wet"):
        texts = pl.read_parquet(arguments.pages, columns=[column])[column].drop_nulls()
        megabytes = texts.str.len_bytes().sum() / 1e6
        runs = {", ".join(kinds): seconds(texts.to_list(), kinds) for kinds in (KINDS, ("email", "ip"))}
        if arguments.peer:
            with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
                texts.alias("text").to_frame().write_parquet(file.name)
                command = [arguments.peer, str(Path(__file__).with_name("peer.py")), file.name]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            runs["datatrove: email, ip"] = float(said[0]), int(said[1])
        for name, (spent, changed) in runs.items():
            print(f"{column} {name}: {megabytes / spent:.0f} MB a CPU second, {changed} of {len(texts)} texts changed")


if __name__ == "__main__":
    main()
