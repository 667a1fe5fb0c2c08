"""CONTRIBUTING.md's worked example: its steps, followed in a copy of the package, give a stage that runs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.conftest import ENVIRONMENT, ROOT, make_project

STEP = re.compile(r"<!-- (file|in): (\S+?)(?:, (replace|before): (.*?))? -->\n```(?:python|text)\n(.*?)```", re.S)


def follow(guide: str, folder: Path) -> int:
    """Carry out the guide's steps in a folder; how many there were."""
    steps = STEP.findall(guide)
    for kind, name, how, anchor, code in steps:
        path = folder / name
        if kind == "file":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)
            continue
        source = path.read_text()
        assert source.count(anchor) == 1, f"{name}: {anchor!r}"
        path.write_text(source.replace(anchor, code.strip("\n") if how == "replace" else code + anchor))
    return len(steps)


def test_the_worked_example(tmp_path):
    project = make_project(tmp_path)
    shutil.copytree(ROOT / "curate", project / "curate")
    assert follow((ROOT / "CONTRIBUTING.md").read_text(), project) == 6

    config = project / "configs/news.yaml"
    config.write_text(config.read_text().replace("dedup:\n", "shouting:\n  max_capitals: 0.04\n\ndedup:\n"))
    environment = {**ENVIRONMENT, "PYTHONPATH": str(project)}

    def run(*command: str) -> str:
        result = subprocess.run(
            [sys.executable, "-m", *command], cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    run("pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_shouting.py")
    funnel = json.loads(run("curate", "run", "configs/news.yaml", "--workers", "1", "--json"))["funnel"]
    assert next(row for row in funnel if row["stage"] == "shouting")["reasons"]["shouting"] > 0
