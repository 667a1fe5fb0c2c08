"""The rules: the reason of a drop for each, and whose presets set which."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl

from curate.document import language_of

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


LIMITS: dict[str, dict[str, float]] = json.loads(
    files("curate.models").joinpath("language_limits.json").read_text("utf-8")
)
"""By language, limits in place of the papers' for English; see benchmarks/quality/limits.py."""


def ruled(
    batch: pl.DataFrame, measures: pl.DataFrame, rules: Mapping[str, str], limits: Mapping[str, Any]
) -> pl.DataFrame:
    """Drop by rules on measures, a row of which belongs to each document. A null measure breaks no rule.

    With `by_language` among the limits, one that is the paper's is that of the document's language, where it has one.
    """
    asked = [rule for rule in rules if limits[rule] is not None]
    if not asked:
        return batch
    measured = measures.hstack(_own_limits(batch))
    broken = {rule: _is_broken(rule, _limit(rule, limits)) for rule in asked}
    hit = measured.select(pl.any_horizontal(*broken.values()).fill_null(False)).to_series()
    hit &= batch["drop_reason"].is_null()
    told = measured.filter(hit).select(
        drop_reason=pl.coalesce(pl.when(broken[rule]).then(pl.lit(rules[rule])) for rule in asked),
        drop_detail=pl.coalesce(pl.when(broken[rule]).then(_said(rule, _limit(rule, limits))) for rule in asked),
    )
    return batch.with_columns(batch[name].scatter(hit.arg_true(), told[name]) for name in told.columns)


def _is_broken(rule: str, limit: pl.Expr) -> pl.Expr:
    measure = pl.col(rule[4:])
    return measure < limit if rule.startswith("min_") else measure > limit


def _said(rule: str, limit: pl.Expr) -> pl.Expr:
    """What was measured, and the limit."""
    sign = "<" if rule.startswith("min_") else ">"
    return pl.format(f"{{}} {sign} {{}}", pl.col(rule[4:]).round(4), limit)


def _limit(rule: str, limits: Mapping[str, Any]) -> pl.Expr:
    """The limit of each document: where the config says the paper's, that of its language."""
    limit = limits[rule]
    own = limits.get("by_language") and limit == LIMITS["en"].get(rule)
    return pl.col(rule).fill_null(limit) if own else pl.lit(limit)


def _own_limits(batch: pl.DataFrame) -> pl.DataFrame:
    """The limits of each document's language, a column a rule, null where it has none of its own."""
    languages = language_of(batch).to_frame("language")
    return languages.join(_table(), on="language", how="left", maintain_order="left").drop("language")


@cache
def _table() -> pl.DataFrame:
    """LIMITS, a row a language."""
    schema = {"language": pl.String} | dict.fromkeys(LIMITS["en"], pl.Float64)
    rows = [{"language": language, **table} for language, table in LIMITS.items()]
    return pl.DataFrame(rows, schema=schema)
