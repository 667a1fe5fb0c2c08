"""Charts as SVG: axes, units, hatching where two series stand side by side, colours from the page's style sheet.

Written here rather than drawn by matplotlib: its SVG has fixed colours (no dark mode), glyphs as outlines (no text to
select or to read aloud) and some 20 KB a chart; what is needed is bars. A chart has two forms: `Bars`, categories with
one or two counts, and `Histogram`, counts of bins along a scale with thresholds drawn in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH, _LABEL, _VALUE, _ROW, _FOOT = 640, 200, 74, 30, 44  # pixels
_LEFT, _HEIGHT, _TOP = 62, 240, 26
_LONGEST = 26
"""Characters of a label; the table has all of it."""


@dataclass(frozen=True)
class Series:
    """Numbers of one kind: their name in the legend, one for each label or bin."""

    name: str
    counts: Sequence[float]


@dataclass(frozen=True)
class Bars:
    """A bar for each label in each series; where there are two, the first is hatched."""

    title: str
    unit: str
    labels: Sequence[str]
    series: Sequence[Series]
    head: str = ""  # of the column of labels
    note: str = ""

    @property
    def svg(self) -> Markup:
        """The chart."""
        most = max((count for one in self.series for count in one.counts), default=0)
        step, end = _scale(most)
        thick = _ROW if len(self.series) == 1 else _ROW + 8
        floor = _TOP + thick * len(self.labels)
        room = _WIDTH - _LABEL - _VALUE
        parts = [_legend(self.series), _axis_below(step, end, room, floor, self.unit)]
        for row, label in enumerate(self.labels):
            top = _TOP + thick * row
            parts.append(_text(_LABEL - 8, top + thick / 2 + 4, _short(label), "end"))
            for place, one in enumerate(self.series):
                height = (thick - 8) / len(self.series)
                parts.append(
                    _bar(_LABEL, top + 4 + place * height, room * one.counts[row] / end, height, self._kind(place))
                )
                said_at = _LABEL + room * one.counts[row] / end + 6
                parts.append(_text(said_at, top + 8 + (place + 0.5) * height, number(one.counts[row])))
        return _svg(self.title, self.summary, floor + _FOOT, parts)

    def _kind(self, place: int) -> int:
        return place + 2 - len(self.series)

    @property
    def summary(self) -> str:
        """What a screen reader says of the chart; the table says the rest."""
        names = " and ".join(one.name for one in self.series)
        return f"Bar chart of {self.unit}: {names}, {len(self.labels)} rows; the table below it has the numbers."

    @property
    def rows(self) -> list[list[str]]:
        """The table behind the chart, its head first."""
        head = [self.head or "", *(f"{one.name}, {self.unit}" for one in self.series)]
        return [
            head,
            *([label, *(number(one.counts[i]) for one in self.series)] for i, label in enumerate(self.labels)),
        ]


@dataclass(frozen=True)
class Histogram:
    """Counts of bins: `edges` has one more than there are bins. Counts of the series are stacked."""

    title: str
    scale: str
    unit: str
    edges: Sequence[float]
    series: Sequence[Series]
    thresholds: Sequence[tuple[str, float]] = ()
    logarithmic: bool = False  # the axis of counts: where a few bins hold nearly all
    side_by_side: bool = False  # the series, rather than stacked
    note: str = ""

    @property
    def svg(self) -> Markup:
        """The chart."""
        room, floor = _WIDTH - _LEFT - 16, _TOP + _HEIGHT
        step, end = _scale(max(self._heights, default=0))
        rise = _logarithm(end) if self.logarithmic else (lambda count: count / end)
        parts = [
            _legend(self.series),
            _axis_beside(_ticks(step, end, self.logarithmic), rise, self._unit_said),
            _axis_of_bins(self.edges, room / max(len(self.edges) - 1, 1), floor, self.scale),
            *(self._column(i, rise) for i in range(len(self.edges) - 1)),
            *(_threshold(name, self._at(value) * room, floor) for name, value in self.thresholds),
        ]
        return _svg(self.title, self.summary, floor + _FOOT, parts)

    @property
    def _heights(self) -> list[float]:
        """What the axis of counts must reach."""
        bins = [[one.counts[i] for one in self.series] for i in range(len(self.edges) - 1)]
        return [max(counts) if self.side_by_side else sum(counts) for counts in bins]

    def _column(self, i: int, rise: Callable[[float], float]) -> Markup:
        """The bars of one bin."""
        wide = (_WIDTH - _LEFT - 16) / (len(self.edges) - 1)
        each = (wide - 2) / (len(self.series) if self.side_by_side else 1)
        parts, below = [], 0.0
        for place, one in enumerate(self.series):
            low, high = rise(below), rise(below + one.counts[i])
            left = _LEFT + i * wide + 1 + (each * place if self.side_by_side else 0)
            top = _TOP + _HEIGHT * (1 - high)
            parts.append(_bar(left, top, each, _HEIGHT * (high - low), place + 2 - len(self.series)))
            below += 0 if self.side_by_side else one.counts[i]
        return Markup("").join(parts)

    @property
    def _unit_said(self) -> str:
        return f"{self.unit}, logarithmic" if self.logarithmic else self.unit

    def _at(self, value: float) -> float:
        """Where a value stands along the scale, from 0 to 1; bins are drawn equally wide."""
        bins = len(self.edges) - 1
        for i in range(bins):
            low, high = self.edges[i], self.edges[i + 1]
            if low <= value < high:
                return (i + (value - low) / (high - low)) / bins
        return 0.0 if value < self.edges[0] else 1.0

    @property
    def summary(self) -> str:
        """What a screen reader says of the chart; the table says the rest."""
        lines = "".join(f"; {name} is drawn at {value:g}" for name, value in self.thresholds)
        return f"Histogram of {self.scale} in {self.unit}{lines}; the table below it has the numbers."

    @property
    def rows(self) -> list[list[str]]:
        """The table behind the chart, its head first."""
        head = [self.scale, *(f"{one.name}, {self.unit}" for one in self.series)]
        names = [f"{number(low)} to {number(high)}" for low, high in zip(self.edges, self.edges[1:], strict=False)]
        return [head, *([name, *(number(one.counts[i]) for one in self.series)] for i, name in enumerate(names))]


def number(value: float) -> str:
    """Digits in groups of three; two decimals where it is no whole number."""
    return f"{value:,.0f}" if value == round(value) or abs(value) >= 100 else f"{value:,.2f}"


def _svg(title: str, summary: str, height: float, parts: Sequence[Markup]) -> Markup:
    head = Markup('<svg class="chart" viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">').format(
        _WIDTH, height, f"{title}. {summary}"
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(
        x, y, anchor, kind, escape(text)
    )


def _bar(x: float, y: float, width: float, height: float, place: int) -> Markup:
    """A bar of the series at this place: 0 hatched, 1 solid."""
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="series-{}"/>').format(
        x, y, max(width, 0), max(height, 0), min(max(place, 0), 1)
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>').format(x1, y1, x2, y2, kind)


def _legend(series: Sequence[Series]) -> Markup:
    if len(series) < 2:
        return Markup("")
    x, parts = float(_LEFT), []
    for place, one in enumerate(series):
        parts += [_bar(x, 4, 14, 12, place), _text(x + 20, 14, one.name)]
        x += 40 + 7 * len(one.name)
    return Markup("").join(parts)


def _axis_below(step: float, end: float, room: float, floor: float, unit: str) -> Markup:
    parts = [_text(_LABEL + room, floor + 36, unit, "end", "unit")]
    for tick in _ticks(step, end, False):
        x = _LABEL + room * tick / end
        parts += [_line(x, _TOP, x, floor, "grid"), _text(x, floor + 18, _compact(tick), "middle", "tick")]
    return Markup("").join(parts)


def _axis_beside(ticks: Sequence[float], rise: Callable[[float], float], unit: str) -> Markup:
    floor = _TOP + _HEIGHT
    parts = [_text(_WIDTH - 16, 14, unit, "end", "unit")]
    for tick in ticks:
        y = floor - _HEIGHT * rise(tick)
        parts += [_line(_LEFT, y, _WIDTH - 16, y, "grid"), _text(_LEFT - 6, y + 4, _compact(tick), "end", "tick")]
    return Markup("").join(parts)


def _axis_of_bins(edges: Sequence[float], wide: float, floor: float, scale: str) -> Markup:
    every = max(len(edges) // 10, 1)
    parts = [_text(_WIDTH - 16, floor + 36, scale, "end", "unit"), _line(_LEFT, floor, _WIDTH - 16, floor, "axis")]
    parts += [
        _text(_LEFT + i * wide, floor + 18, _compact(edge), "middle", "tick")
        for i, edge in enumerate(edges)
        if i % every == 0
    ]
    return Markup("").join(parts)


def _threshold(name: str, x: float, floor: float) -> Markup:
    anchor, shift = ("end", -6) if x > (_WIDTH - _LEFT) / 2 else ("start", 6)
    line = _line(_LEFT + x, _TOP - 4, _LEFT + x, floor, "threshold")
    return line + _text(_LEFT + x + shift, _TOP + 10, name, anchor, "threshold-name")


def _scale(most: float) -> tuple[float, float]:
    """Distance of ticks (1, 2 or 5 times a power of ten), and the last of them: at least `most`."""
    if most <= 0:
        return 1.0, 1.0
    power = 10 ** math.floor(math.log10(most))
    step = next(step for step in (power / 5, power / 2, power, 2 * power) if most / step <= 6)
    step = max(step, 1.0) if most >= 1 else step
    return step, step * math.ceil(most / step)


def _ticks(step: float, end: float, logarithmic: bool) -> list[float]:
    if logarithmic:
        digits = (1, 2, 5) if end < 100 else (1,)
        every = (digit * 10.0**power for power in range(int(math.log10(max(end, 1))) + 1) for digit in digits)
        return [tick for tick in every if tick <= max(end, 1)]
    return [step * i for i in range(round(end / step) + 1)]


def _logarithm(end: float) -> Callable[[float], float]:
    """How high a count stands, from 0 to 1: 1 has a height too."""
    return lambda count: math.log10(1 + count) / math.log10(1 + end)


def _compact(value: float) -> str:
    """A number as it stands at a tick: `12k`, `3M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
