"""Small bar charts for the dataset card: SVG made of strings, the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

ROW, LABEL, BAR, VALUE = 20, 130, 380, 90  # pixels


def bars(rows: Sequence[tuple[str, int]]) -> str:
    """A bar for each label, as long as its share of the largest count."""
    largest = max((count for _, count in rows), default=1)
    width, height = LABEL + BAR + VALUE, ROW * len(rows) + 4
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">'
    ]
    for number, (label, count) in enumerate(rows):
        top, length = ROW * number + 2, max(BAR * count // largest, 1)
        lines += [
            f'<text x="{LABEL - 6}" y="{top + 14}" text-anchor="end" fill="#555">{escape(label)}</text>',
            f'<rect x="{LABEL}" y="{top + 2}" width="{length}" height="{ROW - 4}" fill="#4a7ebb"/>',
            f'<text x="{LABEL + length + 6}" y="{top + 14}" fill="#555">{count:,}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
