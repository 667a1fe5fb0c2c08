"""The template of a header line, `date {published} {site}`: flattened pages often carry one, with what a crawler knew.

Words of the template must stand in the line as they are; a field takes what stands up to the next word, or blank where
a blank follows it, and the last field the rest of the line. White space counts as one blank wherever it stands.

The template becomes a regular expression in which each field is an atomic group, so that matching never goes back.
"""

from __future__ import annotations

import re
import string
from itertools import pairwise

from curate.readers.records import COLUMNS

FIELDS = tuple(name for name in COLUMNS if name not in ("text", "html"))
"""What a header may tell."""

MAX_BYTES = 2000
"""No header line is longer."""

_TOLD = {"published": r"(?=\S*\d)"}  # a date has a digit; a page's first sentence that fits by chance has not


def compiled(template: str) -> re.Pattern[str]:
    """The template as a pattern for a line with single blanks. Raises ValueError that says what is wrong with it."""
    parts = _parts(template)
    names = [name for _, name in parts if name]
    if not names:
        raise ValueError(f"has no field; a field is one of {_listed()}")
    if len(set(names)) < len(names):
        raise ValueError("names a field twice")
    if any(not text for text, _ in parts[1:-1]):
        raise ValueError("has two fields with nothing between them")
    return re.compile("".join(_pattern(parts)))


def parsed(page: bytes, pattern: re.Pattern[str]) -> tuple[dict[str, str], bytes]:
    """What the first line tells, and the page without it; nothing, and the whole page, where it does not fit.

    >>> parsed(b"date 2024-03-12 echo.example\\nThe page.", compiled("date {published} {site}"))
    ({'published': '2024-03-12', 'site': 'echo.example'}, b'The page.')
    """
    start = len(page) - len(page.removeprefix(b"\xef\xbb\xbf").lstrip())
    end = page.find(b"\n", start, start + MAX_BYTES)
    end = end if end >= 0 else min(len(page), start + MAX_BYTES)
    found = pattern.fullmatch(" ".join(page[start:end].decode("utf-8", "replace").split()))
    return (found.groupdict(), page[end + 1 :]) if found else ({}, page)


def _parts(template: str) -> list[tuple[str, str | None]]:
    """The template as (text, field after it) pairs. White space is single blanks, none at the ends."""
    try:
        found = list(string.Formatter().parse(" ".join(template.split())))
    except ValueError as error:
        raise ValueError(f"is not a template: {error}; a brace itself is written twice") from None
    for _, name, spec, conversion in found:
        if name is not None and (name not in FIELDS or spec or conversion):
            raise ValueError(f"has the unknown field {{{name}}}; a field is one of {_listed()}")
    parts: list[tuple[str, str | None]] = []
    text = ""
    for literal, name, _, _ in found:  # a doubled brace splits the text around it
        text += literal
        if name:
            parts.append((text, name))
            text = ""
    return [*parts, (text, None)]


def _pattern(parts: list[tuple[str, str | None]]) -> list[str]:
    """Each field is matched together with the text after it, atomically."""
    pattern = [re.escape(parts[0][0])]
    for (_, name), (text, _) in pairwise(parts):
        field = f"(?P<{name}>{_TOLD.get(str(name), '')}.+{'?' if text else ''})"
        pattern.append(f"(?>{field}{re.escape(text)})")
    return pattern


def _listed() -> str:
    return ", ".join(f"{{{name}}}" for name in FIELDS)
