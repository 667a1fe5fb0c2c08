"""The code of the README runs as written."""

import re
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.conftest import ENVIRONMENT

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_load_dataset_lines(built):
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "load_dataset" in block)
    environment = {**ENVIRONMENT, "HF_HOME": str(built / "hf-readme"), "HF_DATASETS_OFFLINE": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=built, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) > 10


def test_python_functions(built):
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "curate.clean" in block)
    page = 'open("data/raw/news/northgateecho.example/2024-03-12-bus-52.txt", encoding="utf-8").read()'
    html = 'open("data/raw/news/harrowdalepost.example/mill-museum.html", "rb").read()'
    given = f"pages = [{page}] * 2\nhtml_pages = [{html}]\ntexts = pages\n"
    shown = "assert all(bodies) and languages[0][0] == 'en' and len(clusters) == 2 and release.splits == {\n"
    shown += "    split: len(rows) for split, rows in dataset.items()}\n"
    code = "if __name__ == '__main__':\n" + "".join(f"    {line}\n" for line in (given + code + shown).splitlines())
    environment = {**ENVIRONMENT, "HF_HOME": str(built / "hf-python"), "HF_DATASETS_OFFLINE": "1"}
    (built / "walk.py").write_text(code)
    result = subprocess.run(
        [sys.executable, "walk.py"], cwd=built, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
