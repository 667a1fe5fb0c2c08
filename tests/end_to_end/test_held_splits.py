"""What the next release makes of documents that are near what was released, through the command line."""

import json

import polars as pl

from tests.end_to_end.conftest import curate
from tests.unit.test_neardup import prose

CONFIG = """
name: news
version: {version}
read:
  paths: [docs.jsonl]
dedup: {{}}
split:
  validation: 0.2
  test: 0.2
release:
  card: {{limits: words/limits.md}}
"""


def run(folder, version, texts):
    rows = [{"id": name, "text": text} for name, text in texts.items()]
    (folder / "docs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "configs/words").mkdir(parents=True, exist_ok=True)
    (folder / "configs/words/limits.md").write_text("No paper prints on Sunday.")
    (folder / "configs/c.yaml").write_text(CONFIG.format(version=version))
    curate("run", "configs/c.yaml", "--workers", "1", cwd=folder)
    made = folder / f"data/releases/news/v{version}"
    shards = {path.name.split("-")[0]: pl.read_parquet(path) for path in (made / "data").glob("*.parquet")}
    return {name: split for split, rows in shards.items() for name in rows["id"]}, made


def test_a_released_document_keeps_its_place_and_its_split(tmp_path):
    """Longer copies come of a document of each split, and one of train turns into a copy of one of test."""
    texts = {f"d{i:02d}": "\n".join(prose(i)) for i in range(40)}
    first, _ = run(tmp_path, "1.0.0", texts)
    held = {split: sorted(name for name, of in first.items() if of == split) for split in set(first.values())}
    longer = {f"new-{split}": texts[held[split][0]] + "\n" + "\n".join(prose(99, 2)) for split in held}
    merged = {held["train"][1]: texts[held["test"][1]] + "\nMore of it.", **longer}
    second, made = run(tmp_path, "1.1.0", {**texts, **merged, "fresh": "\n".join(prose(77))})
    assert second == {name: split for name, split in first.items() if name not in merged} | {"fresh": second["fresh"]}
    assert "No paper prints on Sunday." in (made / "README.md").read_text(), "words beside the config"
    changes = (made / "CHANGELOG.md").read_text()
    assert "Removed because:\n\n- split conflict: 1\n" in changes
    assert "1 document added, 1 document removed" in changes
