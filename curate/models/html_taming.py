"""HTML that no tree builder chokes on.

The HTML standard makes nested blocks and long lists of attributes cost their square, and unclosed formatting come back
in every paragraph. Pages that could do so lose the tags that are nested too deep, and endless attributes.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

_OPENING = re.compile(rb"<(/?)([a-zA-Z][^\s/>]*)([^>]*)>?")
_VOIDS = b"area base br col embed hr img input link meta param source track wbr".split()
_VOID = frozenset(_VOIDS)
_CLOSES_ITSELF = frozenset(b"p li td th tr dt dd option optgroup thead tbody tfoot colgroup body html head".split())
_FORMATTING = frozenset(b"a b big code em font i nobr s small strike strong tt u".split())
_OPENS_NOTHING = re.compile(rb"<(?:!|(?:" + b"|".join(_VOIDS) + rb")\b)", re.IGNORECASE)
_ENDLESS = 20_000
_LONG_TAG = re.compile(rb"<[a-zA-Z]([^>]{%d,})" % _ENDLESS)
_QUOTED = re.compile(rb'"[^"]*"|\'[^\']*\'')
_MANY_TAGS, _MANY_COPIES, _LONG_PAGE, _MAX_TAG = 20_000, 4_000_000, 100_000, 4_000
_OPEN_FORMATTING, _OPEN_OTHERS = 60, 600


def tamed(page: bytes) -> bytes:
    """The page, UTF-8, itself, or without the tags that could cost their square."""
    return _OPENING.sub(_Tamer(), page) if _copies_much(page) or _has_endless_tag(page) else page


def _copies_much(page: bytes) -> bool:
    begins = np.frombuffer(page, np.uint8) == ord("<")
    tags = int(np.count_nonzero(begins))  # six times as fast as page.count
    if tags * tags <= _MANY_COPIES:
        return False
    if tags > _MANY_TAGS:
        return True
    ends = np.frombuffer(page, np.uint8, offset=1) == ord("/")
    unclosed = tags - 2 * int(np.count_nonzero(begins[:-1] & ends))
    return tags * unclosed > _MANY_COPIES and tags * (unclosed - len(_OPENS_NOTHING.findall(page))) > _MANY_COPIES


def _has_endless_tag(page: bytes) -> bool:
    if len(page) <= _LONG_PAGE:
        return False
    step = _ENDLESS // 2  # a tag so long holds a whole piece, in which no tag ends
    starts = [at for at in range(0, len(page) - step, step) if page.find(b">", at, at + step) < 0]
    long = any(_LONG_TAG.search(page, max(at - step, 0), at + _ENDLESS + 2) for at in starts)
    return long and any(_is_endless(tag[1]) for tag in _LONG_TAG.finditer(page))


def _is_endless(attributes: bytes) -> bool:
    return len(attributes) > _MAX_TAG and len(_QUOTED.sub(b"", attributes)) > _MAX_TAG


class _Tamer:
    """Says what becomes of each tag, in order. Counts what is open by name, as if each end tag met its like."""

    def __init__(self) -> None:
        self._open: Counter[bytes] = Counter()
        self._left_out: Counter[bytes] = Counter()
        self._depth = {True: 0, False: 0}

    def __call__(self, match: re.Match[bytes]) -> bytes:
        tag = match[2].lower()
        if tag in _VOID or tag in _CLOSES_ITSELF:
            return self._written(match)
        return self._closed(match, tag) if match[1] else self._opened(match, tag)

    def _opened(self, match: re.Match[bytes], tag: bytes) -> bytes:
        formats = tag in _FORMATTING
        if self._depth[formats] >= (_OPEN_FORMATTING if formats else _OPEN_OTHERS):
            self._left_out[tag] += 1
            return b" "
        self._open[tag] += 1
        self._depth[formats] += 1
        return self._written(match)

    def _closed(self, match: re.Match[bytes], tag: bytes) -> bytes:
        if self._left_out[tag]:
            self._left_out[tag] -= 1
            return b" "
        if self._open[tag]:
            self._open[tag] -= 1
            self._depth[tag in _FORMATTING] -= 1
        return self._written(match)

    def _written(self, match: re.Match[bytes]) -> bytes:
        return b"<%b%b>" % (match[1], match[2][:40]) if _is_endless(match[3]) else match[0]
