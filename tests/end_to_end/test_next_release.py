"""From release to release, through the command line: what is held, what is removed, what differs."""

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
  remove: removed.txt
"""


def run(folder, version, texts, *options, removed="", expect=0):
    rows = [{"id": name, "text": text} for name, text in texts.items()]
    (folder / "removed.txt").write_text(removed)
    (folder / "docs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "configs/words").mkdir(parents=True, exist_ok=True)
    (folder / "configs/words/limits.md").write_text("No paper prints on Sunday.")
    (folder / "configs/c.yaml").write_text(CONFIG.format(version=version))
    done = curate("run", "configs/c.yaml", "--workers", "1", *options, cwd=folder, expect=expect)
    if expect:
        return done.stderr
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


def test_removals_are_a_patch_for_ever_and_diff_tells_of_them(tmp_path):
    texts = {f"d{i:02d}": "\n".join(prose(i)) for i in range(24)}
    first, _ = run(tmp_path, "1.0.0", texts)
    said = run(tmp_path, "1.0.0", texts, removed="d03\n", expect=1)
    assert "PATCH: 1 document removed. Set `version` to 1.0.1" in said
    second, made = run(tmp_path, "1.0.1", texts, "--note", "Asked by mail.", removed="# by mail\nd03\n")
    assert second == {name: split for name, split in first.items() if name != "d03"}
    assert "\n## 1.0.1\n\nAsked by mail.\n\nPATCH: 1 document removed.\n" in (made / "CHANGELOG.md").read_text()
    assert "Removed on request so far: 1 document," in (made / "README.md").read_text()
    assert not [path for path in made.rglob("*") if path.is_file() and b"d03" in path.read_bytes()]

    back = {"again": texts["d03"] + "\nOnce more.", "new": "\n".join(prose(60))}
    third, _ = run(tmp_path, "1.1.0", {**texts, **back})
    assert third == second | {"new": third["new"]}, "the list is empty now; what is near is removed too"
    folders = [f"data/releases/news/v{version}" for version in ("1.0.0", "1.1.0")]
    told = json.loads(curate("diff", *folders, "--json", "--exit-code", cwd=tmp_path, expect=1).stdout)
    assert (told["bump"], told["added"], told["removed"], told["moved"]) == ("minor", 1, 1, 0)
    assert told["samples"]["removed"][0]["id"] == "d03"
    assert told["sources"] == {"docs.jsonl": {"added": 1, "removed": 1}}
