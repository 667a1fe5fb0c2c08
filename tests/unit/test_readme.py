"""README shows what the code does."""

import html
import re
import subprocess
import sys
from pathlib import Path

import curate
from curate import config
from curate.stages.normalize import normalize_text

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def shown(marker):
    """The lines of the code block after a comment."""
    block = re.search(rf"<!-- {marker}.*?-->\n```text\n(.*?)```", README, re.S)
    assert block
    return [line for line in html.unescape(block[1]).splitlines() if line not in ("", "...")]


def test_page_before_and_after():
    name = re.search(r"<!-- before: (\S+) -->", README)
    assert name
    page = normalize_text([(ROOT / name[1]).read_bytes().decode()])[0].splitlines()
    before, after = shown("before"), shown("after")
    assert [line for line in before if not any(full.startswith(line.removesuffix(" ...")) for full in page)] == []
    body = curate.clean(["\n".join(page[1:])])[0].splitlines()
    assert len(after) == len([line for line in body if line])
    assert all(full.startswith(line.removesuffix(" ...")) for line, full in zip(after, filter(None, body), strict=True))


def test_config_is_one():
    block = re.search(r"```yaml\n(.*?)```", README, re.S)
    assert block
    assert config.parse(block[1]).name == "news"


def test_make_targets():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.M):
        assert f"\n{target}: " in makefile


def test_help_needs_no_stage():
    code = (
        "import sys; from curate.cli import main; main(['--help'], standalone_mode=False); "
        "sys.exit('polars' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
