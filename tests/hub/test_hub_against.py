"""`dedup.against` a dataset on the Hub."""

from __future__ import annotations

import io
import json

import polars as pl

from tests.hub.client import released_ids
from tests.hub.server import Blob, Repo
from tests.unit.test_neardup import prose

CONFIG = """
name: news
version: 0.1.0
data: {folder}/data
read: {{paths: ["{folder}/new.jsonl"]}}
dedup: {{against: [org/shipped, org/older@v1]}}
split: {{validation: 0, test: 0}}
"""


def shard(seed: int) -> Blob:
    stream = io.BytesIO()
    pl.DataFrame({"text": ["\n".join(prose(seed))]}).write_parquet(stream)
    return Blob(stream.getvalue(), large=False)


def test_what_is_near_a_document_of_a_hub_dataset_is_dropped(hub, call, tmp_path):
    for name, files in (("org/shipped", {"train.parquet": 1}), ("org/older", {"data/en/train.parquet": 2})):
        hub.repos[name] = Repo(name, private=False)
        hub.repos[name].commit("main", "first", "", {path: shard(seed) for path, seed in files.items()})
    hub.repos["org/older"].tags["v1"] = hub.repos["org/older"].branches["main"]
    hub.repos["org/older"].commit("main", "second", "", {"train.parquet": shard(3)})

    rows = [{"id": str(i), "text": "\n".join([*prose(i), *prose(99, 1)])} for i in (1, 2, 3)]
    (tmp_path / "new.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "news.yaml").write_text(CONFIG.format(folder=tmp_path))
    assert call(released_ids, str(tmp_path / "news.yaml")) == ["3"], "of a revision, what it had then"
