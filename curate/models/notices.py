"""Pages that only talk about themselves: consent, error, sign-in, subscription and robot-check pages.

Their paragraphs are prose, and the line model takes them for a short article. What gives them away is what they speak
of: a line is a notice where it speaks of two or more of the SUBJECTS, half a notice where it speaks of one, and a page
is no article where it is short and most of it is notices. The words are ours, for the languages that most pages are in;
a page in another language is left as it is.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

MAX_CHARACTERS = 1_400
"""A longer body is an article, whatever it speaks of."""
MIN_SHARE = 0.6
"""Share of a body's characters that is notices."""

SUBJECTS: dict[str, str] = {
    subject: "|".join(patterns)
    for subject, patterns in json.loads(Path(__file__).with_name("notices.json").read_text("utf-8")).items()
}
"""What pages say of themselves, a pattern each."""


def pages(kept: pl.DataFrame) -> pl.Series:
    """The pages that are notices. `kept`: the kept lines, columns page and text."""
    size = pl.col("text").str.len_chars()
    short = kept.filter(size.sum().over("page") <= MAX_CHARACTERS).with_columns(text=pl.col("text").str.to_lowercase())
    subjects = pl.sum_horizontal(pl.col("text").str.contains(pattern) for pattern in SUBJECTS.values())
    share = (size * subjects.clip(0, 2)).sum() / (2 * size.sum())
    return short.group_by("page", maintain_order=True).agg(share=share).filter(pl.col("share") >= MIN_SHARE)["page"]
