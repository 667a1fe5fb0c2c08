"""Why a line scored what it did: what becomes of its score when the model is not told one thing about it.

One group of what the line model sees is hidden at a time (occlusion, Zeiler & Fergus 2014), and the change of the
log-odds is what the group weighed. No convolution reaches farther than 32 lines, so every 33rd line of a page can be
tried at once: 33 copies of the page a group, however long it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from curate.models import flattened, lines, network, templates
from curate.models.lines import NAMES, Floats

MAX_LINES = 2_000
"""Of a longer page the first lines are explained."""
SHOWN = 3
"""Reasons a line, at most."""
WEIGHTY = 0.25
"""Log-odds; what weighs less is no reason."""

_STRIDE = sum(network.DILATIONS) + 1
_TOLD = len(NAMES)
_PLACE = _TOLD + 1 + templates.FEATURES
_GROUPS = {
    "its words": ("topic", "content_words", "function_words"),
    "its length": ("characters", "units", "word_length"),
    "its sentences": (
        "ends_sentence",
        "ends_quoted",
        "ends_cut",
        "ends_colon",
        "commas",
        "sentences",
        "quotes",
        "prose",
    ),
    "its letters, digits and signs": (
        *("capitalised", "capitals", "digits", "starts_lower", "starts_digit", "starts_symbol", "separators"),
        *("brackets", "unspaced", "numbers"),
    ),
    "the prose before and after": ("prose_before", "prose_after"),
    "said again on the page": ("repeats", "occurrence"),
    "blank lines and indent": ("blank_before", "blank_after", "indent"),
}
_COLUMNS = {group: [NAMES.index(name) for name in names] for group, names in _GROUPS.items()}
_COLUMNS["its words"].append(_TOLD)
_COLUMNS["said on other pages of the site"] = list(range(_TOLD + 1, _PLACE))
_COLUMNS["its place on the page"] = list(range(_PLACE, _PLACE + network.POSITIONS))
_NEIGHBOURS = "the lines around it"


@dataclass(frozen=True)
class Reason:
    """What weighed on a line: log-odds, above 0 for keeping it."""

    what: str
    weight: float

    def __str__(self) -> str:
        return f"{self.what} {self.weight:+.1f}"


def reasons(page: str, known: pl.DataFrame | None = None, path: str | None = None) -> list[list[Reason]]:
    """For each visible line of a flattened page the reasons that weighed most, the heaviest first.

    `known` and `path` as `flattened.judge` takes them, `known` with one row. Seconds for a page of 500 lines.
    """
    model = flattened.Model.load(path)
    found = lines.read([page])
    count = min(len(found), MAX_LINES)
    if not count:
        return []
    values, tokens = model.values(found, known)[:count], found.tokens[:count]

    def odds(copies: Floats) -> Floats:
        bounds = np.arange(len(copies) + 1) * count
        every = model.run(copies.reshape(-1, values.shape[1]), bounds, np.tile(tokens, len(copies)))
        return every.reshape(len(copies), count)

    whole = odds(values[None])[0]
    own = np.arange(count) % _STRIDE
    weights = [whole - odds(copies)[own, np.arange(count)] for copies in _hidden(values, own)]
    return [_heaviest(line) for line in np.stack(weights, 1)]


def _hidden(values: Floats, own: lines.Ints) -> Iterator[Floats]:
    """Of each group the copies of a page, [copies, lines, columns]; in copy `own[i]` it is hidden of line `i`."""
    tried = own == np.arange(_STRIDE)[:, None]
    for columns in _COLUMNS.values():
        copies = np.repeat(values[None], _STRIDE, 0)
        copies[:, :, columns] *= ~tried[:, :, None]
        yield copies
    yield values * tried[:, :, None]


def _heaviest(weights: Floats) -> list[Reason]:
    names = [*_COLUMNS, _NEIGHBOURS]
    order = np.argsort(-np.abs(weights), kind="stable")[:SHOWN]
    return [Reason(names[i], round(float(weights[i]), 1)) for i in order if abs(weights[i]) >= WEIGHTY]
