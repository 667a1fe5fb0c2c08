"""A fastText classifier that the user names: how much a document is like what it was trained to tell.

Sources: DCLM, Li et al. 2024, section 4.4: the probability of one label; FineWeb-Edu, Penedo et al. 2024, section 4: a
mark from 0 to 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import Field

from curate.scoring import fasttext_file
from curate.scoring.files import GivenFile, needs

_DIGITS = 6
"""Of a score. The last bits depend on the machine."""


class Classifier(GivenFile):
    """Which classifier, what its score is, and the least score of a kept document."""

    label: str | dict[str, float] = Field(
        description="The label whose probability is the score, or labels with values: the score is the value to be "
        "expected (FineWeb-Edu: `{0: 0, 1: 1, ... 5: 5}`)."
    )
    min_score: float | None = Field(
        None, allow_inf_nan=False, description="Least score of a kept document. FineWeb-Edu: 3. See `keep_top` too."
    )

    @property
    def values(self) -> dict[str, float]:
        """The value of each label that has one."""
        given = {self.label: 1.0} if isinstance(self.label, str) else self.label
        return {name.removeprefix("__label__"): value for name, value in given.items()}

    def check(self) -> None:
        """Raise ValueError where the file is no classifier or does not know the labels."""
        needs("fasttext", "fasttext")
        known = fasttext_file.labels(Path(self.path))
        if unknown := sorted(self.values.keys() - set(known)):
            raise ValueError(f"label: {self.path} does not know {unknown[0]!r}; it knows {', '.join(known[:20])}")


def classifier_scores(texts: pl.Series, config: Classifier) -> pl.Series:
    """The score of each text: a column `classifier_score`. A text of which nothing is known has 0."""
    model, values = _model(config.path, config.sha256), config.values
    scores = [_score(model.predict(" ".join(text.split()), k=-1), values) for text in texts]
    return pl.Series("classifier_score", scores, dtype=pl.Float64)


def _score(found: tuple[Sequence[str], Sequence[float]], values: Mapping[str, float]) -> float:
    """What is to be expected of labels with these probabilities."""
    chances = {name.removeprefix("__label__"): min(chance, 1.0) for name, chance in zip(*found, strict=True)}
    return round(sum(chances.get(name, 0.0) * value for name, value in values.items()), _DIGITS)


@cache
def _model(path: str, sha256: str) -> Any:
    import fasttext

    return fasttext.load_model(path)
