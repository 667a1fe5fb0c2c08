"""Mutation testing by mutmut: python -m tests.mutants [MODULE...] [--only PATTERN] [--children N]

Each module is copied with the tree to a folder of its own and changed there in one place at a time; the tests that are
about it must fail. What they let pass is listed: CONTRIBUTING.md says when that is no fault.

Mutants are forks of a process that imported the tests, and threads do not come along: a module that makes a large
DataFrame when it is imported hangs them all.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
MUTMUT = Path(sys.executable).with_name("mutmut")
TESTS = {
    "curate/store.py": ["unit/test_store.py"],
    "curate/build.py": ["unit/test_build.py"],
    "curate/locks.py": ["unit/test_locks.py"],
    "curate/runner.py": ["unit/test_runner.py"],
    "curate/stages/split.py": ["unit/test_split.py", "golden/test_split.py"],
    "curate/release/gate.py": ["unit/test_gate.py"],
    "curate/release/leaks.py": ["unit/test_release.py"],
    "curate/neardup/similarity.py": ["unit/test_neardup.py"],
    "curate/neardup/judging.py": ["unit/test_dedup.py"],
}
CONFIG = """[mutmut]
source_paths = curate
only_mutate = {module}
pytest_add_cli_args_test_selection =
  {tests}
pytest_add_cli_args =
  -x
  -k
  not process and not killed and not grow
process_isolation = forkserver
track_dependencies = false
use_git_change_detection = false
timeout_constant = 10
"""

FASTEST_FIRST = """
import json
from pathlib import Path

def pytest_collection_modifyitems(items):
    known = Path("mutmut-stats.json")
    seconds = json.loads(known.read_text())["duration_by_test"] if known.exists() else {}
    items.sort(key=lambda item: seconds.get(item.nodeid, 0))
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("modules", nargs="*", metavar="MODULE", default=list(TESTS), help=", ".join(TESTS))
    parser.add_argument("--only", default="*", metavar="PATTERN", help="mutants by name; '*7' takes one in ten")
    parser.add_argument("--children", default="2", metavar="N", help="mutants at a time")
    given = parser.parse_args()
    for module in given.modules:
        with tempfile.TemporaryDirectory(prefix="curate-mutants-") as folder:
            verdicts = tested(module, given.only, given.children, Path(folder))
            left = [name for name, verdict in verdicts.items() if verdict != "killed"]
            diffs = [said(folder, "show", name) for name in left]
        counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(verdicts.values()).most_common())
        print(f"{module}: {len(verdicts)} mutants, {counts}", *diffs, sep="\n\n", flush=True)


def tested(module: str, only: str, children: str, folder: Path) -> dict[str, str]:
    """What became of each mutant of the module: `killed` where a test noticed it."""
    for name in ("curate", "tests", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    tests = "\n  ".join(f"tests/{test}" for test in TESTS[module])
    (folder / "setup.cfg").write_text(CONFIG.format(module=module, tests=tests))
    (folder / "tests/conftest.py").write_text(FASTEST_FIRST)
    one_thread = {**os.environ, "POLARS_MAX_THREADS": "1"}
    subprocess.run([MUTMUT, "run", "--max-children", children, only], cwd=folder, check=True, env=one_thread)
    listed = (line.strip().split(": ") for line in said(folder, "results", "--all", "true").splitlines())
    return {name: verdict for name, verdict in listed if verdict != "not checked"}


def said(folder: Path | str, *command: str) -> str:
    return subprocess.run([MUTMUT, *command], cwd=folder, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
