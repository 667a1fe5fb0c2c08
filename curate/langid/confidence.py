"""How sure one may be that a text is in the language a detector named: a probability, unlike langdetect's score.

Each of langdetect's languages has some 300 words: its most frequent, and frequent ones of texts that langdetect
wrongly takes for it (Scots for English). A word weighs the logarithm of how much likelier it is in the language than in
all other texts; all words that are not among the 300 have one weight. The mean over the first words in the text's long
lines, their number and langdetect's score give the confidence by logistic regression.

Weights, data, calibration: curate/models/language.md. Trained by benchmarks/language/fit.py. Naive Bayes, one against
the rest.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

LINE_CHARACTERS, ENOUGH_CHARACTERS = 60, 200
"""Lines shorter than this are left out, where at least that much text is left: menus have few words of a language."""
CHARACTERS = 1_000
"""How much text decides."""
NEAR, FAR = 4, 20
"""How far they are looked for, in CHARACTERS: most texts have enough near their start."""
MANY_WORDS = 30
"""More words make no surer."""
DIGITS = 4

# By ranges of what is no letter: classes of Unicode letters take longer to compile than to use.
_SINGLE = r"\x{e00}-\x{e7f}\x{3041}-\x{30ff}\x{3400}-\x{9fff}"
_NO_LETTER = (
    r"\x00-@\[-`{-\x{bf}\x{d7}\x{f7}\x{589}\x{5be}\x{60c}\x{61b}\x{61f}\x{66a}-\x{66d}\x{6d4}\x{964}\x{965}"
    r"\x{1361}-\x{1368}\x{2000}-\x{200b}\x{200e}-\x{2bff}\x{3000}-\x{3040}\x{fe10}-\x{fe6f}\x{ff00}-\x{ff20}\x{fffd}"
)
_WORD = rf"[{_SINGLE}]|[^{_SINGLE}{_NO_LETTER}]+"
_SHORT_LINES = rf"(?m)^.{{0,{LINE_CHARACTERS - 1}}}(?:\n|$)"
Floats = npt.NDArray[np.float64]


class Model(NamedTuple):
    """`weights`: language, word, weight. `others`: language, weight of any other word. `logistic`: of `features`."""

    weights: pl.DataFrame
    others: pl.DataFrame
    logistic: Floats


def confidence(texts: pl.Series, languages: pl.Series, scores: pl.Series) -> pl.Series:
    """Probability that each text is in the language that langdetect found; null for a language without words here."""
    model = _model()
    found = pl.DataFrame({"language": languages.str.head(3).str.strip_chars_end("-"), "score": scores})
    evidence = found.with_row_index("row").join(
        weigh(words_of(texts, found["language"]), model.weights, model.others),
        on="row",
        how="left",
        maintain_order="left",
    )
    odds = features(evidence.with_columns(pl.col("mean", "count").fill_null(0))) @ model.logistic
    known = pl.col("language").is_in(model.others["language"].implode())
    sure = pl.Series("sure", 1 / (1 + np.exp(-odds))).round(DIGITS)
    return evidence.with_columns(sure).select(confidence=pl.when(known).then("sure"))["confidence"]


def prose(texts: pl.Series, characters: int = CHARACTERS) -> pl.Series:
    """The first characters of each text's long lines, or of all its lines where the long ones are few."""
    long = texts.str.head(NEAR * characters).str.replace_all(_SHORT_LINES, "")
    few = long.str.len_chars() < characters
    long = long.scatter(few.arg_true(), texts.filter(few).str.head(FAR * characters).str.replace_all(_SHORT_LINES, ""))
    return long.zip_with(long.str.len_chars() >= ENOUGH_CHARACTERS, texts).str.head(characters)


def words_of(texts: pl.Series, languages: pl.Series, characters: int = CHARACTERS) -> pl.DataFrame:
    """Columns row, language, word: the words that decide, in lower case, from so many characters."""
    words = prose(texts, characters).str.to_lowercase().str.extract_all(_WORD)
    frame = pl.DataFrame({"language": languages, "word": words}).with_row_index("row")
    return frame.explode("word").drop_nulls()


def weigh(words: pl.DataFrame, weights: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Columns row, mean, count: the mean weight of a text's words and their number, rows in order."""
    found = words.join(weights, on=["language", "word"], how="left").join(
        others.rename({"weight": "other"}), on="language", how="inner"
    )
    return (
        found.group_by("row")
        .agg(count=pl.len(), total=pl.coalesce("weight", "other").round(6).sum())
        .select("row", "count", mean=pl.col("total") / (pl.col("count") + 1))
        .sort("row")
    )


def features(evidence: pl.DataFrame) -> Floats:
    """What the regression sees of each text, shape (texts, 5)."""
    mean, score = evidence["mean"].to_numpy(), evidence["score"].to_numpy()
    size = np.log1p(np.minimum(evidence["count"].to_numpy(), MANY_WORDS))
    return np.stack([np.ones_like(mean), mean, size, mean * size, score], axis=1)


@cache
def _model() -> Model:
    stored = json.loads(files("curate.models").joinpath("language.json").read_text("utf-8"))
    rows = [(language, word, weight) for language, words in stored["words"].items() for word, weight in words.items()]
    weights = pl.DataFrame(rows, schema=["language", "word", "weight"], orient="row")
    others = pl.DataFrame(list(stored["others"].items()), schema=["language", "weight"], orient="row")
    return Model(weights, others, np.array(stored["logistic"]))
