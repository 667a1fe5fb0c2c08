"""curate's quality rules against datatrove's filters.

    python benchmarks/quality/run.py --peer PYTHON [--pages PARQUET]

PYTHON is that of an environment with datatrove[processing] and polars. PARQUET has text columns; each text in
them is a document. For each group of rules: the share of equal verdicts, the differences, and CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from curate.document import undecided
from curate.prose import rules
from curate.stages import quality
from curate.stages.normalize import normalize_text
from curate.tasks import BATCH_ROWS

PAGES = Path(__file__).parents[3] / "shared/bench/boilerplate/dev.parquet"
COLUMNS = ["gold_text", "text_wet", "text_resiliparse", "text_inscriptis"]
UNSPACED = "[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]"
NONE = dict.fromkeys(rules.WORD_RULES | rules.LINE_RULES | rules.GRAM_RULES)
CONFIGS = {
    "gopher": quality.Config(preset="gopher"),
    "c4": quality.Config(preset="c4", **rules.DATATROVE),
    "fineweb": quality.Config(**NONE | rules.FINEWEB),
}
EVERY = 10
"""datatrove's own tokenizers are timed on one document in so many."""


def documents(path: Path) -> pl.Series:
    """The texts as the normalize stage leaves them, without those in scripts that datatrove needs tokenizers for."""
    pages = pl.read_parquet(path, columns=COLUMNS)
    texts = pl.concat([pages[name].alias("text") for name in COLUMNS]).drop_nulls()
    texts = pl.Series("text", normalize_text(texts.to_list()))
    return texts.filter(texts.str.contains(r"\S") & ~texts.str.contains(UNSPACED))


def judge(config: quality.Config, texts: pl.Series) -> dict[str, Any]:
    """Reasons and CPU seconds, as peer.py has them. All documents count as English, as they do there."""
    frame = undecided(pl.DataFrame({"text": texts}).with_columns(language=pl.lit("en")))
    quality.apply(frame[:1], config)
    started = time.process_time()
    judged = pl.concat(quality.apply(part, config) for part in frame.iter_slices(BATCH_ROWS))
    return {"reasons": judged["drop_reason"].fill_null("").to_list(), "seconds": time.process_time() - started}


def peer(python: str, texts: pl.Series, words: str) -> dict[str, dict[str, Any]]:
    """What datatrove says."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "texts.parquet"), Path(folder, "verdicts.json")
        pl.DataFrame({"text": texts}).write_parquet(given)
        subprocess.run([python, str(Path(__file__).with_name("peer.py")), given, found, words], check=True)
        verdicts: dict[str, dict[str, Any]] = json.loads(found.read_text())
        return verdicts


def report(name: str, ours: dict[str, Any], theirs: dict[str, Any], own_seconds: float) -> None:
    """Agreement and speed of one group of rules."""
    pairs = list(zip(ours["reasons"], theirs["reasons"], strict=True))
    differ = Counter((one or "kept", other or "kept") for one, other in pairs if bool(one) != bool(other))
    equal = 1 - differ.total() / len(pairs)
    print(f"\n{name}: {equal:.4f} of {len(pairs):,} verdicts are equal; {sum(map(bool, ours['reasons'])):,} dropped")
    print(f"  CPU seconds: curate {ours['seconds']:.1f}, datatrove {theirs['seconds']:.1f}", end="")
    print(f" with words by spaces, {own_seconds:.1f} with its own tokenizers")
    for (one, other), count in differ.most_common():
        print(f"  {count:4} curate: {one}; datatrove: {other}")


def main() -> None:
    """Compare on all documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--pages", type=Path, default=PAGES)
    arguments = parser.parse_args()
    texts = documents(arguments.pages)
    print(f"{len(texts):,} documents, {texts.str.len_bytes().sum() / 1e6:.1f} MB")
    theirs = peer(arguments.peer, texts, "spaces")
    own = peer(arguments.peer, texts.gather_every(EVERY), "own")
    for name, config in CONFIGS.items():
        report(name, judge(config, texts), theirs[name], EVERY * own[name]["seconds"])
    seconds = judge(quality.Config(preset="fineweb"), texts)["seconds"]
    print(f"\npreset fineweb, all three in one: {seconds:.1f} CPU seconds")


if __name__ == "__main__":
    main()
