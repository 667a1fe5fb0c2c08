"""HTML pages as tables: their elements, and their blocks of text in order. One walk over the tree that lexbor builds.

A block is the text between the borders of block elements, or between line breaks: a paragraph, a list item, an entry of
a menu. Elements of the same tag and attributes have the same look, so that what depends on these is computed once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from curate.models.html_table import Table

MAX_DEPTH = 200
"""Elements below this depth count as their ancestor at it."""
MAX_NODES = 500_000
"""Nodes of a page that are read; what follows is left out."""

_BLOCK = frozenset((
    "address", "article", "aside", "blockquote", "body", "br", "button", "caption", "center", "dd", "details",
    "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3",
    "h4", "h5", "h6", "header", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "option", "optgroup",
    "p", "pre", "section", "select", "summary", "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "title",
    "tr", "ul", "video", "audio",
))  # fmt: skip
_SKIP = frozenset((
    "script", "style", "noscript", "template", "svg", "object", "embed", "applet", "head", "iframe", "canvas",
    "math", "map",
))  # fmt: skip
_TOLD = ("class", "id", "role", "itemprop", "data-testid", "data-component", "data-type", "data-block", "property")
_SPACE = re.compile(r"[\s\u200b\ufeff]+")
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)

_OPENING = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)([^>]*)>?")
_VOID = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
))  # fmt: skip
_CLOSES_ITSELF = frozenset((
    "p", "li", "td", "th", "tr", "dt", "dd", "option", "optgroup", "thead", "tbody", "tfoot", "colgroup", "body",
    "html", "head",
))  # fmt: skip
_FORMATTING = frozenset((
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
))  # fmt: skip
_LONG_TAG = re.compile(r"<[a-zA-Z][^>]{20000}")
_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'')
_MANY_TAGS, _MANY_COPIES, _LONG_PAGE, _MAX_TAG = 20_000, 4_000_000, 100_000, 4_000
_OPEN_FORMATTING, _OPEN_OTHERS = 60, 600


class _Pages:
    """What a walk collects."""

    def __init__(self) -> None:
        self.looks: dict[tuple[str, str], int] = {}
        self.elements: list[tuple[int, int, int, bool]] = []  # parent, depth, look, hidden
        self.ends: list[int] = []
        self.texts: list[str] = []
        self.blocks: list[tuple[int, int, int, int]] = []  # element, inline, link characters, links
        self.first_element: list[int] = []
        self.first_block: list[int] = []

    def table(self) -> Table:
        parent, depth, look, hidden = np.array(self.elements, np.int64).reshape(-1, 4).T
        ends = np.array(self.ends, np.int64)
        blocks = np.array(self.blocks, np.int64).reshape(-1, 4).T
        pages = len(self.first_element)
        ids = np.arange(pages)
        element_page = np.repeat(ids, np.diff([*self.first_element, len(self.elements)]))
        block_page = np.repeat(ids, np.diff([*self.first_block, len(self.blocks)]))
        elements = (parent, ends, depth, look, hidden, element_page)
        return Table(pages, *elements, list(self.looks), self.texts, block_page, *blocks)


def read(pages: Sequence[str]) -> Table:
    """The elements and blocks of HTML pages. A page that cannot be parsed has no blocks."""
    found = _Pages()
    for page in pages:
        found.first_element.append(len(found.elements))
        found.first_block.append(len(found.blocks))
        _walk(_root(page), found)
    return found.table()


def _root(page: str) -> LexborNode | None:
    try:
        return LexborHTMLParser(_tamed(page)).root
    except (SelectolaxError, ValueError, UnicodeError):
        return None


def _tamed(page: str) -> str:
    """A page that no tree builder chokes on.

    The HTML standard makes nested blocks and long lists of attributes cost their square, and unclosed formatting come
    back in every paragraph. Pages that could do so lose the tags that are nested too deep, and endless attributes.
    """
    tags = page.count("<")
    unclosed = tags - 2 * page.count("</")
    bomb = tags > _MANY_TAGS or tags * unclosed > _MANY_COPIES
    if bomb or (len(page) > _LONG_PAGE and _LONG_TAG.search(page)):
        return _OPENING.sub(_Tamer(), page)
    return page


class _Tamer:
    """Says what becomes of each tag, in order. Counts what is open by name, as if each end tag met its like."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._depth = {True: 0, False: 0}

    def __call__(self, match: re.Match[str]) -> str:
        tag = match[2].lower()
        if tag in _VOID or tag in _CLOSES_ITSELF:
            return self._written(match)
        return self._closed(match, tag) if match[1] else self._opened(match, tag)

    def _opened(self, match: re.Match[str], tag: str) -> str:
        formats = tag in _FORMATTING
        if self._depth[formats] >= (_OPEN_FORMATTING if formats else _OPEN_OTHERS):
            self._left_out[tag] += 1
            return " "
        self._open[tag] += 1
        self._depth[formats] += 1
        return self._written(match)

    def _closed(self, match: re.Match[str], tag: str) -> str:
        if self._left_out[tag]:
            self._left_out[tag] -= 1
            return " "
        if self._open[tag]:
            self._open[tag] -= 1
            self._depth[tag in _FORMATTING] -= 1
        return self._written(match)

    def _written(self, match: re.Match[str]) -> str:
        endless = len(match[3]) > _MAX_TAG and len(_QUOTED.sub("", match[3])) > _MAX_TAG
        return f"<{match[1]}{match[2][:40]}>" if endless else match[0]


def _walk(root: LexborNode | None, found: _Pages) -> None:
    """Append a page. One loop without calls per node: it is most of the time that a page takes."""
    looks, elements, ends, blocks, texts = found.looks, found.elements, found.ends, found.blocks, found.texts
    top = len(elements)
    elements.append((top, 0, looks.setdefault(("html", ""), len(looks)), False))
    ends.append(top + 1)
    stack: list[tuple[LexborNode | None, int, int, bool, bool]] = []
    parts: list[str] = []
    link_chars = links = 0
    at = block = top
    begins = -1
    in_link = False
    node = root.first_child if root is not None else None
    budget = MAX_NODES
    while True:
        if node is None or not budget:
            if begins >= 0 and (not stack or stack[-1][4]):
                if text := _spaced("".join(parts)):
                    texts.append(text)
                    blocks.append((block, begins, link_chars, links))
                parts, link_chars, links, begins = [], 0, 0, -1
            ends[at] = len(elements)
            if not stack:
                return
            node, at, block, in_link, _ = stack.pop()
            continue
        budget -= 1
        tag = node.tag
        if tag == "-text":
            text = node.text_content or ""
            if begins < 0:
                begins = at
            if parts or not text.isspace():
                parts.append(text)
                if in_link:
                    link_chars += len(text.strip())
            node = node.next
            continue
        if tag is None or tag[0] in "-!" or tag in _SKIP:
            node = node.next
            continue
        is_block = tag in _BLOCK
        if is_block and begins >= 0:
            if text := _spaced("".join(parts)):
                texts.append(text)
                blocks.append((block, begins, link_chars, links))
            parts, link_chars, links, begins = [], 0, 0, -1
        child = node.first_child
        if child is None:
            node = node.next
            continue
        attributes = node.attributes
        told, hidden = _told(attributes) if attributes else ("", False)
        parent = elements[at]
        depth = parent[1] + 1
        stack.append((node.next, at, block, in_link, is_block))
        if depth < MAX_DEPTH:
            elements.append((at, depth, looks.setdefault((tag, told), len(looks)), hidden or parent[3]))
            ends.append(0)
            at = len(elements) - 1
            if is_block:
                block = at
        if tag == "a":
            links += 1
            in_link = True
        node = child


def _spaced(text: str) -> str:
    return " ".join(text.split()) if text.isascii() else _SPACE.sub(" ", text).strip()


def _told(attributes: dict[str, str | None]) -> tuple[str, bool]:
    """What the attributes say of an element's role, and whether it is hidden."""
    if len(attributes) == 1 and "class" in attributes:
        return (attributes["class"] or "")[:300], False
    told = " ".join([value for name in _TOLD if (value := attributes.get(name))])[:300]
    hidden = (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or ("style" in attributes and bool(_UNSEEN.search(attributes["style"] or "")))
    )
    return told, hidden
