"""Coverage-guided fuzzing: python -m tests.fuzz [TARGET...] [--seconds N] [--corpus DIR]

With one target its inputs are the bytes; with more, or none for all, the first byte picks one. libFuzzer's count of
executions and coverage (`cov`: edges of `curate` that were reached) goes to standard error; a crash ends it, and its
input is written to DIR.
"""

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["curate"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path, default=None)
    given = parser.parse_args()
    names = given.targets or list(TARGETS)
    unknown = set(names) - set(TARGETS)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}")
    corpus = given.corpus or Path(tempfile.mkdtemp(prefix="curate-fuzz-"))
    corpus.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        for i, seed in enumerate(TARGETS[name][1]):
            (corpus / f"seed-{name}-{i}").write_bytes(_prefix(names, number) + seed)
    warnings.simplefilter("error")
    limits = [f"-max_total_time={given.seconds}", "-timeout=120", "-rss_limit_mb=3000", "-max_len=4096"]
    atheris.Setup([sys.argv[0], str(corpus), f"-artifact_prefix={corpus}/", *limits], lambda data: _run(names, data))
    atheris.Fuzz()


def _prefix(names: list[str], number: int) -> bytes:
    return bytes([number]) if len(names) > 1 else b""


def _run(names: list[str], data: bytes) -> None:
    if len(names) == 1:
        TARGETS[names[0]][0](data)
    elif data:
        TARGETS[names[data[0] % len(names)]][0](data[1:])


main()
