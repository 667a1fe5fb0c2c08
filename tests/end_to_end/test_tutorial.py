"""docs/tutorial.md runs as written."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.conftest import ENVIRONMENT, curate

TUTORIAL = (Path(__file__).parents[2] / "docs/tutorial.md").read_text()


def test_tutorial(project):
    """But for its samples: ten pages here, for time."""
    for language, block in re.findall(r"```(\w+)\n(.*?)```", TUTORIAL, re.S):
        if language == "yaml":
            (project / "mine.yaml").write_text(block)
        elif language == "sh":
            for line in block.strip().splitlines():
                curate(*shlex.split(line.replace("--sample 50", "--sample 10"))[1:], cwd=project)
        else:
            environment = {**ENVIRONMENT, "HF_HOME": str(project / "hf"), "HF_DATASETS_OFFLINE": "1"}
            command = [sys.executable, "-c", block]
            done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            assert re.fullmatch(r"\d+ batches, \d\d+ characters\n", done.stdout)
    assert (project / "plan.html").is_file() and (project / "report.html").is_file()
