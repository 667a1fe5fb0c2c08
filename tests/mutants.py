"""Mutation testing by mutmut: python -m tests.mutants [MODULE...] [--only PATTERN]

Each module is copied with the tree to a folder of its own and changed there in one place at a time; the tests that are
about it must fail. What they let pass is listed: CONTRIBUTING.md says when that is no fault.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = {
    "curate/store.py": ["unit/test_store.py"],
    "curate/stages/split.py": ["unit/test_split.py", "golden/test_split.py"],
    "curate/release/gate.py": [
        "unit/test_release.py",
        "unit/test_release_versions.py",
        "unit/test_subsets.py",
    ],
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
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("modules", nargs="*", metavar="MODULE", default=list(TESTS), help=", ".join(TESTS))
    parser.add_argument("--only", default="*", metavar="PATTERN", help="mutants by name; '*7' takes one in ten")
    given = parser.parse_args()
    for module in given.modules:
        with tempfile.TemporaryDirectory(prefix="curate-mutants-") as folder:
            survived = survivors(module, given.only, Path(folder))
        print(f"{module}: {len(survived)} survived", *survived, sep="\n\n", flush=True)


def survivors(module: str, only: str, folder: Path) -> list[str]:
    """The changes that no test of the module noticed, as diffs."""
    for name in ("curate", "tests", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    tests = "\n  ".join(f"tests/{test}" for test in TESTS[module])
    (folder / "setup.cfg").write_text(CONFIG.format(module=module, tests=tests))
    mutmut = Path(sys.executable).with_name("mutmut")
    subprocess.run([mutmut, "run", "--max-children", "2", only], cwd=folder, check=True)
    listed = subprocess.run([mutmut, "results"], cwd=folder, check=True, capture_output=True, text=True).stdout
    names = [
        line.split(":")[0].strip() for line in listed.splitlines() if line.strip().endswith(("survived", "timeout"))
    ]
    return [subprocess.run([mutmut, "show", name], cwd=folder, capture_output=True, text=True).stdout for name in names]


if __name__ == "__main__":
    main()
