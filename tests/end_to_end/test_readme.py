"""The code of the README and the examples of the docstrings run as written."""

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import curate
from tests.end_to_end.conftest import ENVIRONMENT

PACKAGE = Path(curate.__file__).parent
WITH_EXAMPLES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
README = (Path(__file__).parents[2] / "README.md").read_text()


def test_load_dataset_lines(built, tmp_path):
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "load_dataset" in block)
    environment = {**ENVIRONMENT, "HF_HOME": str(tmp_path), "HF_DATASETS_OFFLINE": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=built, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) > 10


def test_python_functions(copy, tmp_path):
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "curate.clean" in block)
    page = 'open("data/raw/news/northgateecho.example/2024-03-12-bus-52.txt", encoding="utf-8").read()'
    html = 'open("data/raw/news/harrowdalepost.example/mill-museum.html", "rb").read()'
    given = f"pages = [{page}] * 2\nhtml_pages = [{html}]\ntexts = pages\n"
    shown = "assert all(bodies) and languages[0][0] == 'en' and len(clusters) == 2 and release.splits == {\n"
    shown += "    split: len(rows) for split, rows in dataset.items()}\n"
    code = "if __name__ == '__main__':\n" + "".join(f"    {line}\n" for line in (given + code + shown).splitlines())
    environment = {**ENVIRONMENT, "HF_HOME": str(tmp_path / "hf"), "HF_DATASETS_OFFLINE": "1"}
    (copy / "walk.py").write_text(code)
    result = subprocess.run(
        [sys.executable, "walk.py"], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_of_docstrings(module, copy, tmp_path, monkeypatch):
    monkeypatch.chdir(copy)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    assert doctest.testmod(importlib.import_module(module)).failed == 0


@pytest.mark.parametrize("name", curate.__all__)
def test_public_functions_have_an_example(name):
    assert ">>> " in getattr(curate, name).__doc__
