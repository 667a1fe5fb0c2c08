"""datatrove's verdicts and CPU times: `peer.py TEXTS.parquet VERDICTS.json spaces|own`, run by run.py.

With `spaces`, words are what stands between spaces, as in curate; with `own`, what datatrove's tokenizers say.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import polars as pl
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    fineweb_quality_filter,
    gopher_quality_filter,
    gopher_repetition_filter,
)
from datatrove.pipeline.filters.base_filter import BaseFilter

FILTERS = {
    "gopher": [GopherQualityFilter(), GopherRepetitionFilter()],
    "c4": [C4QualityFilter()],
    "fineweb": [FineWebQualityFilter()],
}


def judge(filters: list[BaseFilter], texts: list[str]) -> dict[str, object]:
    """For each text the first filter's reason to drop it, "" where all keep it; and CPU seconds."""
    warm_up = Document(text=texts[0], id="")
    first_reason(filters, warm_up)
    started = time.process_time()
    reasons = [first_reason(filters, Document(text=text, id="")) for text in texts]
    return {"reasons": reasons, "seconds": time.process_time() - started}


def first_reason(filters: list[BaseFilter], document: Document) -> str:
    """A filter returns True, or False and its reason."""
    results = (one.filter(document) for one in filters)
    return next((result[1] for result in results if result is not True), "")


def main(texts_path: str, verdicts_path: str, words: str) -> None:
    """Judge all texts by each group of filters."""
    if words == "spaces":
        for module in (gopher_quality_filter, gopher_repetition_filter, fineweb_quality_filter):
            module.split_into_words = lambda text, language: text.split()
    texts = pl.read_parquet(texts_path)["text"].to_list()
    verdicts = {name: judge(filters, texts) for name, filters in FILTERS.items()}
    Path(verdicts_path).write_text(json.dumps(verdicts))


if __name__ == "__main__":
    main(*sys.argv[1:])
