"""A little of what `make fuzz` does for long: hypothesis on every target, atheris on all of them together."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS


def damaged(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Seeds of which a piece is cut out, replaced or repeated, and bytes without a model."""
    edits = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 40), st.binary(max_size=12)), max_size=4)
    return st.binary(max_size=200) | st.builds(_edited, st.sampled_from(seeds), edits)


def _edited(seed: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for at, cut, put in edits:
        at %= len(seed) + 1
        seed = seed[:at] + put + seed[at + cut :]
    return seed


@pytest.mark.parametrize("name", TARGETS)
def test_target(name):
    run, seeds = TARGETS[name]
    for seed in seeds:
        run(seed)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(damaged(seeds))
    def any_bytes(data):
        run(data)

    any_bytes()


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this Python")
def test_atheris(tmp_path):
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", "5", "--corpus", str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Done " in done.stderr
