"""HTML pages as tables: their elements, and their blocks of text in order.

Lexbor builds the tree of a page and writes it out again. In what it writes every element is closed, and `<` and `>`
stand nowhere but around tags, so that the tags of all pages at once are found by their bytes and all else is arithmetic
on columns: a walk over the nodes in Python would be most of the time that a page takes.

A block is the text between the borders of block elements, or between line breaks: a paragraph, a list item, an entry of
a menu. Elements of the same tag and attributes have the same look, so that what depends on these is computed once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, SelectolaxError

from curate.models.html_table import Ints, Table, numbered, utf8
from curate.models.html_taming import tamed

MAX_DEPTH = 200
"""Elements below this depth count as their ancestor at it."""
MAX_TAGS = 200_000
"""Tags of a page that are read; what follows is left out."""

Mask = npt.NDArray[np.bool_]

_BLOCK = frozenset((
    "address", "article", "aside", "blockquote", "body", "br", "button", "caption", "center", "dd", "details",
    "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3",
    "h4", "h5", "h6", "header", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "option", "optgroup",
    "p", "pre", "section", "select", "summary", "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "title",
    "tr", "ul", "video", "audio",
))  # fmt: skip
_SKIP = [
    "script", "style", "noscript", "template", "svg", "object", "embed", "applet", "head", "iframe", "canvas",
    "math", "map", "xmp", "noembed", "noframes", "plaintext", "img",
]  # fmt: skip
_OPENS, _CLOSES = re.compile(rb"<([^\s>/]+)"), re.compile(rb"</([^\s>]+)")
_COMMENT = re.compile(b"<!--.*?-->", re.DOTALL)
_TOLD = ("class", "id", "role", "itemprop", "data-testid", "data-component", "data-type", "data-block", "property")
_RARE = rf' (?:{"|".join(_TOLD[2:])}|hidden|aria-hidden|style)="'
_UNSEEN = r' hidden="| aria-hidden="true"| style="[^"]*(?i:display\s*:\s*none|visibility\s*:\s*hidden)'
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&nbsp;": "\u00a0", "&quot;": '"', "&amp;": "&"}
_SPACE = r"[\s\u200b\ufeff]{2,}|[^\S ]|[\u200b\ufeff]"  # but not one alone


def read(pages: Sequence[bytes]) -> Table:
    """The elements and blocks of HTML pages, in UTF-8. A page that cannot be parsed has no blocks."""
    tags = _Tags([_written(page) for page in pages])
    return _table(tags, _Blocks(tags))


def _written(page: bytes) -> bytes:
    """The tree of a page as HTML, without comments and what is never text of an article."""
    try:
        tree = LexborHTMLParser(tamed(page), options=LexborDocumentOptions.WO_EVENTS)
        tree.strip_tags(_SKIP)
        root = tree.root
        written = root.html if root is not None else None
    except (SelectolaxError, ValueError, UnicodeError):
        written = None
    source = (written or "<html></html>").encode()
    return _cut(_COMMENT.sub(b"", b"<html>" + source[source.index(b">") + 1 :]))


def _cut(written: bytes) -> bytes:
    """The first MAX_TAGS tags, and the ends of the elements that they leave open."""
    if np.count_nonzero(np.frombuffer(written, np.uint8) == ord(">")) <= MAX_TAGS:
        return written
    kept = b">".join(written.split(b">", MAX_TAGS)[:-1]) + b">"
    left_open = Counter(_OPENS.findall(kept)) - Counter(_CLOSES.findall(kept))
    ends = set(_CLOSES.findall(written))
    return kept + b"".join(b"</%b>" % name * count for name, count in left_open.items() if name in ends)


class _Tags:
    """The tags of all pages in order, in numbers. `texts`: what stands behind each."""

    def __init__(self, pages: Sequence[bytes]) -> None:
        data = np.frombuffer(b"".join(pages), np.uint8)
        marks = np.flatnonzero((data == ord("<")) | (data == ord(">")))
        ends = np.flatnonzero(data[marks] == ord(">"))
        start, end = marks[np.append(0, ends + 1)[:-1]], marks[ends] + 1
        pieces = _pieces(data, np.append(np.stack([start, end], 1).ravel(), len(data)))
        kind, of_kinds, self.looks = _kinds(pieces.gather_every(2))
        self.texts = pieces.gather_every(2, 1)
        self.first = np.searchsorted(start, np.cumsum([0, *map(len, pages)])[:-1])  # of each page
        self.step, self.look = (of_kinds[name].to_numpy()[kind].astype(np.int64) for name in ("step", "look"))
        self.block, self.link, self.hidden = (of_kinds[name].to_numpy()[kind] for name in ("block", "link", "hidden"))
        self.level = np.cumsum(self.step)
        self.opened = np.flatnonzero((self.step == 1) & (self.level <= MAX_DEPTH))
        self.depth = self.level[self.opened] - 1
        self._by_depth = _by_depth(self.depth)
        self.closed = self._closed()

    def _closed(self) -> Ints:
        """Of each element, the tag that closes it: at each depth elements open and close in turns."""
        tags = np.flatnonzero((self.step == -1) & (self.level < MAX_DEPTH))
        closed = np.empty_like(self.opened)
        closed[self._by_depth] = tags[_by_depth(self.level[tags])]
        return closed

    def page(self, at: Ints) -> Ints:
        """The pages that some tags are of."""
        return np.searchsorted(self.first, at, "right") - 1

    def around(self, at: Ints) -> Ints:
        """The elements that the texts behind some tags stand in."""
        return _last(self.opened, self.depth, at, np.minimum(self.level[at], MAX_DEPTH) - 1)

    def block_around(self, at: Ints) -> Ints:
        """The innermost block elements that the texts behind some tags stand in."""
        seen = np.where(self.step == 1, self.level <= MAX_DEPTH, self.level < MAX_DEPTH)
        level = np.cumsum(self.step * self.block * seen)
        blocks = np.flatnonzero(self.block[self.opened])
        opened = self.opened[blocks]
        return blocks[_last(opened, level[opened] - 1, at, level[at] - 1)]

    def parent(self) -> Ints:
        """Of each element the one around it; a root is its own."""
        key = (self.depth * len(self.step) + self.opened)[self._by_depth]
        around = np.empty_like(self.opened)
        around[self._by_depth] = self._by_depth[np.searchsorted(key, key - len(self.step)) - 1]  # of sorted keys: fast
        return np.where(self.depth == 0, np.arange(len(self.opened)), around)

    def inside(self, chosen: Mask) -> Mask:
        """Of each element, whether it or one around it is chosen."""
        change = np.zeros(len(self.step), np.int64)
        change[self.opened[chosen]] = 1
        change[self.closed[chosen]] = -1
        return np.cumsum(change)[self.opened] > 0


def _by_depth(depth: Ints) -> Ints:
    """The order by depth; of equal depth, as they stand."""
    return np.argsort(depth.astype(np.int16), kind="stable")


def _last(opened: Ints, depth: Ints, at: Ints, wanted: Ints) -> Ints:
    """For each tag `at`, which of some elements is the last one opened up to there at the wanted depth."""
    size = max(int(at.max(initial=0)), int(opened.max(initial=0))) + 1
    key = depth * size + opened
    order = np.argsort(key)
    last: Ints = order[np.searchsorted(key[order], wanted * size + at, "right") - 1]
    return last


def _pieces(data: npt.NDArray[np.uint8], bounds: Ints) -> pl.Series:
    """UTF-8 cut at some places."""
    buffers = (pa.py_buffer(bounds.astype(np.int64)), pa.py_buffer(data))
    return pl.Series(pa.LargeStringArray.from_buffers(max(len(bounds) - 1, 0), *buffers))


def _joined(texts: pl.Series, first: Ints) -> pl.Series:
    """Neighbouring strings as one: those from each of some places up to the next."""
    bounds, data = utf8(texts)
    return _pieces(data, bounds[np.append(first, len(texts))])


def _kinds(tags: pl.Series) -> tuple[Ints, pl.DataFrame, pl.DataFrame]:
    """The kind of each tag; of kinds what they do, look, block, link and hidden; and the looks."""
    kind, kinds = numbered(tags)
    rare = kinds.str.contains(_RARE)
    name = kinds.str.extract(r"^</?([^\s>]+)")
    told = _told(kinds, _TOLD[:2]).scatter(rare.arg_true(), _told(kinds.filter(rare), _TOLD))
    look, looks = numbered(name + " " + _plain(told).str.slice(0, 300))
    closes = kinds.str.starts_with("</")
    opens = name.is_in(name.filter(closes).implode()) & ~closes  # what is never closed, as <br>, opens nothing
    of_kinds = {
        "step": opens.cast(pl.Int64) - closes.cast(pl.Int64),
        "look": look,
        "block": name.is_in(_BLOCK),
        "link": name == "a",
    }
    frame = pl.DataFrame(of_kinds | {"hidden": rare & kinds.str.contains(_UNSEEN)})
    return kind, frame, looks.str.splitn(" ", 2).struct.rename_fields(["tag", "told"]).struct.unnest()


def _told(tags: pl.Series, names: Sequence[str]) -> pl.Series:
    """The values of some attributes, one after the other."""
    values = [pl.lit(tags).str.extract(rf' {name}="([^"]+)"') for name in names]
    return pl.select(pl.concat_str(values, separator=" ", ignore_nulls=True).fill_null("")).to_series()


def _plain(written: pl.Series) -> pl.Series:
    return written.str.replace_many(list(_ENTITIES), list(_ENTITIES.values()))


class _Blocks:
    """The blocks of all pages: runs of text with no tag of a block element between them."""

    def __init__(self, tags: _Tags) -> None:
        said = (tags.texts != "").arg_true().to_numpy()
        text = tags.texts.gather(said)
        borders = np.cumsum(tags.block)
        run = borders[said]
        start = np.flatnonzero(np.diff(run, prepend=-1))
        runs = _joined(text, start).str.strip_chars()
        there = (runs != "").to_numpy()
        runs = _plain(runs.filter(there)).str.replace_all(_SPACE, " ").str.strip_chars(" ")
        there[there] = runs != ""  # of &nbsp; nothing is left
        self.texts = runs.filter(runs != "")
        self.tag = said[start][there]  # the text of each begins behind it
        linked = np.cumsum(tags.link * tags.step)[said] > 0
        size = np.zeros(len(said), np.int64)
        size[linked] = _plain(text.filter(linked)).str.strip_chars().str.len_chars().to_numpy()
        self.link_chars = np.add.reduceat(size, start)[there] if len(start) else start
        ends = np.searchsorted(borders, run[start], "right")
        before = np.maximum(np.append(0, ends)[:-1], tags.first[tags.page(ends)])
        opened = np.cumsum(tags.link & (tags.step == 1))
        self.links = (opened[ends] - opened[before])[there]  # since the end of the run before, on the same page


def _table(tags: _Tags, blocks: _Blocks) -> Table:
    """Of the elements, those that have text in them, and the roots."""
    inline, element = tags.around(blocks.tag), tags.block_around(blocks.tag)
    end = np.searchsorted(tags.opened, tags.closed)
    before = np.cumsum(np.bincount(inline + 1, minlength=len(end) + 1))
    used = np.flatnonzero((before[end] > before[:-1]) | (tags.depth == 0))
    number = np.searchsorted(used, np.arange(len(end) + 1))
    looks, look = np.unique(tags.look[tags.opened[used]], return_inverse=True)
    return Table(
        pages=len(tags.first),
        parent=number[tags.parent()[used]],
        end=number[end[used]],
        depth=tags.depth[used],
        look=look,
        hidden=tags.inside(tags.hidden[tags.opened])[used].astype(np.int64),
        element_page=tags.page(tags.opened[used]),
        looks=tags.looks[looks],
        texts=blocks.texts,
        block_page=tags.page(blocks.tag),
        element=number[element],
        inline=number[inline],
        link_chars=blocks.link_chars,
        links=blocks.links,
    )
