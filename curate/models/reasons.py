"""Why a line scored what it did: what becomes of its score when the model is not told one thing about it.

One group of what the line model sees is hidden at a time (occlusion, Zeiler & Fergus 2014), and the change of the
log-odds is what the group weighed. No convolution reaches farther than 32 lines, so every 33rd line of a page can be
tried at once: 33 copies of the page a group, however long it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from curate.models import flattened, html, html_features, html_tree, lines, marks, network, templates
from curate.models.html_words import CUES
from curate.models.lines import NAMES, Floats, Ints

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
    "its words": ("topic", "content_words", "function_words", *marks.OWN),
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
    "comments, teasers and dates on the page": marks.AROUND,
    "blank lines and indent": ("blank_before", "blank_after", "indent"),
}
_COLUMNS = {group: [NAMES.index(name) for name in names] for group, names in _GROUPS.items()}
_COLUMNS["its words"].append(_TOLD)
_COLUMNS["said on other pages of the site"] = list(range(_TOLD + 1, _PLACE))
_COLUMNS["its place on the page"] = list(range(_PLACE, _PLACE + network.POSITIONS))
_NEIGHBOURS = "the lines around it"
"""Hidden altogether, with what a line's own columns say of them."""
_COLUMNS[_NEIGHBOURS] = []

_HTML_GROUPS = {
    "its length": "units|chars|share|per_unit",
    "its sentences": "good|share_good|ends|commas",
    "its letters, digits and signs": "upper|digits|capitals|unspaced",
    "its links": "links|anchors|in_link",
    "its tags": "<.+>|depth|hidden|in_strong|in_time",
    "its class names": r"\..+|told|told_alike|told_around_.",
    "the elements around it": "(units|good|links|blocks|goodness)_[0-3]",
    "the page's main element": "(in|below|above)_(half|most|nearly_all|best)|by_tag|by_parent",
    "the lines that look like it": "alike|alike_.+",
    "the prose before and after": "before|since|until",
    "its place on the page": "at|from_start|from_end|blocks|page_units|page_good",
    _NEIGHBOURS: r".+_[+-]\d|.+_within_.",
}
_HTML_NAMES = [*(f"<{tag}>" for tag in html_features.TAGS), *(f".{cue}" for cue in CUES)]
_HTML_NAMES += html_features.columns()[len(_HTML_NAMES) :]
_HTML_COLUMNS = {
    group: [i for i, name in enumerate(_HTML_NAMES) if re.fullmatch(pattern, name)]
    for group, pattern in _HTML_GROUPS.items()
}
_HTML_COLUMNS["its place on the page"] += range(len(_HTML_NAMES), len(_HTML_NAMES) + network.POSITIONS)


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
    model, found = flattened.Model.load(path), lines.read([page])
    if not len(found):
        return []
    return _weighed(model.values(found, known), found.tokens, _COLUMNS, model.run)


def html_reasons(page: str) -> list[list[Reason]]:
    """For each block of an HTML page the reasons that weighed most with the network; the trees are not asked."""
    model, table = html.load(), html_tree.read([page.encode()])
    if not len(table.texts):
        return []
    batch = html.described(model, table)
    values, _, words = html.inputs(batch, batch.columns(), model["mean"], model["scale"])
    return _weighed(values, words, _HTML_COLUMNS, partial(network.run, model))


def _weighed(
    values: Floats, tokens: Ints, groups: Mapping[str, list[int]], run: Callable[[Floats, Ints, Ints], Floats]
) -> list[list[Reason]]:
    """The heaviest of some groups of columns for each line of a page. `run` as `network.run` without its weights."""
    values, tokens = values[:MAX_LINES], tokens[:MAX_LINES]
    count = len(values)

    def odds(copies: Floats) -> Floats:
        bounds = np.arange(len(copies) + 1) * count
        every = run(copies.reshape(-1, values.shape[1]), bounds, np.tile(tokens, len(copies)))
        return every.reshape(len(copies), count)

    whole = odds(values[None])[0]
    own = np.arange(count) % _STRIDE
    weights = [whole - odds(copies)[own, np.arange(count)] for copies in _hidden(values, own, groups)]
    return [_heaviest(list(groups), line) for line in np.stack(weights, 1)]


def _hidden(values: Floats, own: Ints, groups: Mapping[str, list[int]]) -> Iterator[Floats]:
    """Of each group the copies of a page, [copies, lines, columns]; in copy `own[i]` it is hidden of line `i`."""
    tried = own == np.arange(_STRIDE)[:, None]
    for name, columns in groups.items():
        copies = values * tried[:, :, None] if name == _NEIGHBOURS else np.repeat(values[None], _STRIDE, 0)
        copies[:, :, columns] *= ~tried[:, :, None]
        yield copies


def _heaviest(names: list[str], weights: Floats) -> list[Reason]:
    order = np.argsort(-np.abs(weights), kind="stable")[:SHOWN]
    return [Reason(names[i], round(float(weights[i]), 1)) for i in order if abs(weights[i]) >= WEIGHTY]
