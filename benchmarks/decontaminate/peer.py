"""datatrove's verdicts: `peer.py RECORDS.parquet TEXTS.parquet... NGRAM`, run by run.py.

Prints a line of JSON: of each file of texts how many are dropped, and CPU seconds. The index is computed with the
methods of datatrove's indexer, which itself asks for lighteval.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from datatrove.data import Document
from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter, NGramsDecontIndexer


def main(records: str, *paths: str, ngram: int) -> None:
    """Index the records, judge the texts."""
    with tempfile.TemporaryDirectory() as folder:
        judge = NGramsDecontFilter(folder, NGramsDecontConfig(n_grams=ngram))
        hashes: set[int] = set()
        for page in pl.read_parquet(records)["page"]:
            hashes.update(NGramsDecontIndexer.compute_hashes(judge, page.decode()))  # type: ignore[arg-type]
        np.array(sorted(hashes), judge.config.hash_config.np_descr).tofile(Path(folder, "articles.index.hashes"))
        judge.filter(Document(text="warm up", id=""))
        found = []
        for path in paths:
            texts = pl.read_parquet(path)["text"].to_list()
            started = time.process_time()
            dropped = sum(judge.filter(Document(text=text, id="")) is not True for text in texts)
            found.append({"dropped": dropped, "seconds": time.process_time() - started})
        print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:-1], ngram=int(sys.argv[-1]))
