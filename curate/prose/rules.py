"""The rules: the reason of a drop for each, and whose presets set which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from curate.document import drop

WORD_RULES = {
    "min_words": "too few words",
    "max_words": "too many words",
    "min_mean_word_length": "words too short",
    "max_mean_word_length": "words too long",
    "max_hashes": "too many hash signs",
    "max_ellipses": "too many ellipses",
    "min_alphabetic_words": "too few words with letters",
    "min_stop_words": "too few stop words",
}
GOPHER_LINE_RULES = {
    "max_bullet_lines": "too many lines with bullets",
    "max_ellipsis_lines": "too many lines end in an ellipsis",
    "max_duplicate_lines": "duplicate lines",
    "max_duplicate_paragraphs": "duplicate paragraphs",
    "max_duplicate_line_characters": "characters in duplicate lines",
    "max_duplicate_paragraph_characters": "characters in duplicate paragraphs",
}
LINE_RULES = GOPHER_LINE_RULES | {
    "min_sentences": "too few sentences",
    "max_placeholders": "placeholder text",
    "min_finished_lines": "too few lines end a sentence",
    "max_short_lines": "too many short lines",
    "max_repeated_line_characters": "characters in repeated lines",
    "max_line_ends": "too many line ends",
}
TOP, DUPLICATE = range(2, 5), range(5, 11)
GRAM_RULES = {f"max_top_{n}_gram": f"frequent {n}-gram" for n in TOP} | {
    f"max_duplicate_{n}_grams": f"duplicate {n}-grams" for n in DUPLICATE
}
RULES = WORD_RULES | LINE_RULES | GRAM_RULES
"""The drop reason of each rule, in the order in which they are asked. Rules `min_x` and `max_x` look at measure `x`."""


C4 = {
    "take_out": ("unfinished", "notices", "citations"),
    "min_line_words": 5,
    "max_line_word_length": 1000,
    "min_sentences": 3,
    "max_placeholders": 0,
}
DATATROVE = {"min_line_words": 3, "min_sentences": 5}
"""What datatrove, and so FineWeb, has in place of C4's numbers: those of the paper's first version."""
FINEWEB = {
    "min_finished_lines": 0.12,
    "max_short_lines": 0.67,
    "max_repeated_line_characters": 0.01,
    "max_line_ends": 0.3,
}
PRESETS: dict[str, dict[str, Any]] = {
    "c4": dict.fromkeys(WORD_RULES | GOPHER_LINE_RULES | GRAM_RULES) | C4,
    "fineweb": C4 | DATATROVE | FINEWEB | {"take_out": ("notices", "citations")},
}
"""What the presets say beside the defaults, which are Gopher's."""


def ruled(
    batch: pl.DataFrame, measures: pl.DataFrame, rules: dict[str, str], limits: Mapping[str, Any]
) -> pl.DataFrame:
    """Drop by rules on measures, a row of which belongs to each document. A null measure breaks no rule."""
    names = batch.columns
    batch = batch.hstack(measures.select(pl.all().name.prefix("_")))
    for rule, reason in rules.items():
        limit = limits[rule]
        if limit is None:
            continue
        measure = pl.col(f"_{rule[4:]}")
        broken, sign = (measure < limit, "<") if rule.startswith("min_") else (measure > limit, ">")
        batch = drop(batch, broken, reason, pl.format(f"{{}} {sign} {limit}", measure.round(4)))
    return batch.select(names)
