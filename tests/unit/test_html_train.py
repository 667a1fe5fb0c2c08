"""A small training of the block model: the words of class attributes say what is article here."""

from functools import partial

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from curate.models import html, train_html, words

pytest.importorskip("torch")
pytest.importorskip("catboost")
pytest.importorskip("rapidfuzz")

SAID = [
    "On day {} of the journey the travellers came to a broad and quiet river.",
    "They counted {} boats on the water and went on along the bank, singing.",
]


def page(i: int) -> dict[str, object]:
    story = [said.format(i) for said in SAID]
    links = "".join(f'<div class="zapf"><a href="#">{word} {i}</a></div>' for word in ("Home", "News", "Sport", "More"))
    body = "".join(f'<p class="quill">{said}</p>' for said in story)
    html = f"<html><head><title>Day {i}</title></head><body>{links}<main>{body}</main>{links}</body></html>"
    row = {
        "id": str(i),
        "site": f"s{i}.org",
        "source": ("mine", "yours")[i % 2],
        "lang": "en",
        "title": f"Day {i} of it",
    }
    known = {"with": story[:1], "without": ["Sport"]} if i % 6 == 5 else {"gold_text": "\n".join(story)}
    return {**row, "html": html.encode(), "gold_text": None, "with": None, "without": None, **known}


@pytest.fixture
def pages(tmp_path, monkeypatch):
    for name, number in (("FIRST", 20), ("SECOND", 10), ("SMALL", 5)):
        monkeypatch.setattr(train_html, name, number)
    monkeypatch.setattr(words, "fit", partial(words.fit, iterations=5))
    schema = {"gold_text": pl.String, "with": pl.List(pl.String), "without": pl.List(pl.String)}
    pl.DataFrame([page(i) for i in range(24)], schema_overrides=schema).write_parquet(tmp_path / "pages.parquet")
    return tmp_path / "pages.parquet"


def trained(pages, out, *options):
    run = CliRunner().invoke(train_html.main, [str(pages), "--out", str(out), "--steps", "3", *options])
    assert run.exit_code == 0, run.output
    return out / "html.npz"


def refused(pages, *options):
    run = CliRunner().invoke(train_html.main, [str(pages), "--out", str(pages.parent), *options])
    assert run.exit_code == 1
    return run.output


def test_what_was_trained_finds_articles_on_other_sites(pages, tmp_path):
    path = trained(pages, tmp_path / "one", "--no-check")
    rows = html.judge([page(40)["html"], page(41)["html"]], str(path))
    article = rows["text"].str.contains("journey|boats").to_numpy()
    assert article.sum() == 4
    score = rows["score"].to_numpy()
    assert score[article].min() > score[~article].max()
    assert trained(pages, tmp_path / "two", "--no-check").read_bytes() == path.read_bytes()


def test_the_card_tells_of_sites_and_sources_left_out(pages, tmp_path):
    folder = trained(pages, tmp_path, "--sources").parent
    card = (folder / "HTML_CARD.md").read_text()
    scores = dict(row.strip("| ").rsplit(" | ", 1) for row in card.splitlines() if row.startswith("| sites left out"))
    assert float(scores["sites left out: all | 20"]) > 0.9
    assert float(scores["sites left out: segments of part pages (F1) | 4"]) > 0.9
    assert any("pages without article" in name for name in scores) and any("another style" in name for name in scores)
    assert "| each source left out: left out: mine | 12 |" in card
    assert {path.name for path in folder.glob("without-fold-*.npz")} == {f"without-fold-{n}.npz" for n in range(1, 5)}
    assert np.isfinite(html.load(str(folder / "without-fold-1.npz"))["mean"]).all()


def test_what_leaves_nothing_to_learn_from_is_refused(pages):
    rows = pl.read_parquet(pages)
    rows.with_columns(source=pl.lit("mine")).write_parquet(pages)
    assert "--sources: all pages are of one source" in refused(pages, "--sources")
    rows.with_columns(site=pl.lit("mine.org")).write_parquet(pages)
    assert "too few sites to learn from" in refused(pages)
