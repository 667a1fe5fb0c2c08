"""Every example in configs/ runs on the sample crawl to a release with documents. news.yaml: see test_run.py."""

import json

import polars as pl
import pytest

from tests.end_to_end.conftest import ROOT, curate

EXAMPLES = sorted(path.stem for path in (ROOT / "configs").glob("*.yaml") if path.stem != "news")
LEAST = {"minimal": 70, "html": 15, "wet": 4, "fineweb-like": 25, "multilingual": 40}
LANGUAGES = {"minimal": set(), "multilingual": {"de", "el", "en", "es", "fr", "no", "pl", "zh-Hans"}}


def test_every_example_is_known():
    assert set(LEAST) == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_makes_a_release(project, name):
    curate("run", f"configs/{name}.yaml", "--workers", "1", cwd=project)
    manifest = json.loads((project / f"data/releases/{name}/v0.1.0/manifest.json").read_text())
    released = pl.read_parquet(project / f"data/releases/{name}/v0.1.0/data/**/*.parquet")
    assert released.height == sum(manifest["splits"].values()) >= LEAST[name]
    configs = manifest["counts"].get("configs", {})
    assert len(configs) == (len(LANGUAGES[name]) if name == "multilingual" else 0)
    assert (released["text"].str.len_chars() > 0).all()
    assert set(released["language"].drop_nulls()) == LANGUAGES.get(name, {"en"})
