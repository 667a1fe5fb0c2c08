"""Docs say what the code does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from curate.config import Config

ROOT = Path(__file__).parents[2]


def test_generated_pages_are_up_to_date():
    command = [sys.executable, "docs/generate.py", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_readme_commands_are_the_makefile_s():
    """The two commands of the README exist."""
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for target in ("dataset", "test"):
        assert f"make {target}" in readme
        assert f"\n{target}: " in makefile


@pytest.mark.parametrize("page", ["docs/robustness.md", "SECURITY.md"])
def test_tests_named_in_the_docs_exist(page):
    named = set(re.findall(r"`(test_\w+)`", (ROOT / page).read_text()))
    there = {
        name for file in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    assert named
    assert named <= there


def test_keys_that_stand_for_datatrove_s_names_exist():
    rows = (ROOT / "docs" / "moving-from-datatrove.md").read_text().splitlines()
    ours = " ".join(row.split("|")[2] for row in rows if row.startswith("|"))
    named = re.findall(r"`([a-z]+)\.([a-z0-9_]+)", ours)
    assert len(named) > 25
    for section, key in named:
        part = Config.model_fields[section].annotation
        assert key in getattr(part, "__args__", (part,))[0].model_fields, f"{section}.{key}"
