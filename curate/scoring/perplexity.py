"""Perplexity under a KenLM model that the user names: prose like the model's own text has little.

Source: CCNet, Wenzek et al. 2020, section 3.4: 10 to the power of minus the mean log10 probability of a token, the end
of each line counted as one, over the lines of a document.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Self

import polars as pl
from pydantic import Field, model_validator

from curate.scoring.files import GivenFile, needs
from curate.scoring.tokens import Tokenizer, split

_DIGITS = 3
_LARGEST = 1e9


class Perplexity(GivenFile):
    """Which model, how texts are cut for it, and the bounds of a kept document."""

    tokenizer: Tokenizer | None = Field(
        None, description="The tokenizer.json that the model's text was cut with; without it, at spaces."
    )
    min_perplexity: float | None = Field(None, ge=0, description="Least perplexity of a kept document.")
    max_perplexity: float | None = Field(
        None, ge=0, description="Greatest perplexity of a kept document; CCNet cuts a language's documents in thirds."
    )

    @model_validator(mode="after")
    def _leave_something(self) -> Self:
        least, most = self.min_perplexity, self.max_perplexity
        if least is not None and most is not None and least > most:
            raise ValueError("min_perplexity is above max_perplexity, so every document would be dropped")
        return self

    def check(self) -> None:
        """Raise ValueError where the file is no language model."""
        needs("kenlm", "kenlm")
        try:
            _model(self.path, self.sha256)
        except OSError as error:
            raise ValueError(f"{self.path}: is no KenLM model: {str(error).splitlines()[0][-200:]}") from None


def perplexities(texts: pl.Series, config: Perplexity) -> pl.Series:
    """The perplexity of each text: a column `perplexity`. A text without words has 10^9."""
    return pl.Series("perplexity", [_perplexity(text, config) for text in texts], dtype=pl.Float64)


def _perplexity(text: str, config: Perplexity) -> float:
    model = _model(config.path, config.sha256)
    lines = [line for line in text.split("\n") if line.strip()]
    cut = [" ".join(tokens) for tokens in split(lines, config.tokenizer)] if config.tokenizer else lines
    tokens = sum(len(line.split()) + 1 for line in cut)
    chance = sum(model.score(line) for line in cut)
    return round(min(10 ** (-chance / tokens), _LARGEST), _DIGITS) if tokens else _LARGEST


@cache
def _model(path: str, sha256: str) -> Any:
    import kenlm

    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    return kenlm.Model(path, config)
