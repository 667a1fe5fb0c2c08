"""What an HTML page says of itself: JSON-LD, meta tags, <time>, bylines, <h1> and <title>.

Tags are found by regular expressions over the source, no tree is built: each looks no further than the next angle
bracket, so that any page is read in linear time. Vocabularies: schema.org, Open Graph, Dublin Core, Highwire Press
(citation_*).
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

MAX_CHARS = 3_000_000
_MAX_TAGS = 2000


class Said(NamedTuple):
    """Each as the page writes it, None where it does not. `published` holds a date somewhere; `site` is an address."""

    title: str | None
    author: str | None
    published: str | None
    site: str | None


_META = re.compile(r"<meta\s([^<>]{1,4000})>", re.I)
_LINK = re.compile(r"<link\s([^<>]{0,1000}canonical[^<>]{0,1000})>", re.I)
_ATTRIBUTE = re.compile(r"""([\w:.-]{1,40})\s{0,5}=\s{0,5}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_SCRIPT = re.compile(r"<script[^<>]{0,1000}ld\+json[^<>]{0,1000}>", re.I)
_TIME = re.compile(r"<time\b([^<>]{0,1000})>([^<]{0,100})", re.I)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_SPACE = re.compile(r"[\s\u00a0\u200b]+")
_HEADING = re.compile(r"<h1\b[^<>]{0,2000}>", re.I)
_TITLE = re.compile(r"<title\b[^<>]{0,500}>([^<]{1,1000})", re.I)
_MARKED = re.compile(
    r"""<(?:\w{1,20})\s[^<>]{0,1000}(?:rel|itemprop)\s{0,2}=\s{0,2}["']?author["'\s][^<>]{0,1000}>""", re.I
)
_BYLINE = re.compile(
    r"""<(?:\w{1,20})\s[^<>]{0,1000}class\s{0,2}=\s{0,2}["'][^<>"']{0,200}(?:byline|author)[^<>"']{0,200}["'][^<>]{0,1000}>""",
    re.I,
)
_WORD = re.compile(r"\w+")
_ARTICLE = re.compile(r"Article|Posting|Report|Review|WebPage|Blog$|Recipe|Podcast|VideoObject|QAPage|FAQ|Book|Course")
_NAME = re.compile(r"^\D*[^\W\d_]\D*$")
_BY = re.compile(
    r"^(?:written |posted |published |words |story )?(?:by|von|par|por|di|door|av|autor|author)\b:?\s*", re.I
)

_BEFORE_DIGITS = re.compile(
    r"(?:^|[\s,;|•·–—/(-]+)(?:(?:on|published|updated|posted|(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tue|wed|thu|fri|sat|sun)"
    r"\b[\s.,:|]*)*(?:(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)(?:uary|ruary|ch|il|ust|ember|tember|ober)?"
    r"\b\.?\s*)?$",
    re.I,
)
"""What stands between a name and the digits of a date, as in `Ann Bell, Tuesday, March 5, 2024`."""
_PARTS = re.compile(r"</(?:div|p|li|span|a|address|section)\b[^<>]*>")

_TITLE_KEYS = (
    "og:title",
    "citation_title",
    "twitter:title",
    "dc.title",
    "dcterms.title",
    "sailthru.title",
    "parsely-title",
    "title",
)
_AUTHOR_KEYS = (
    "author", "parsely-author", "sailthru.author", "citation_author", "dc.creator", "dcterms.creator",
    "dc.contributor", "byl", "article:author_name", "cxenseparse:author", "article:author", "og:article:author",
    "book:author", "twitter:data1",
)  # fmt: skip
_DATE_KEYS = (
    "article:published_time", "og:published_time", "og:article:published_time", "citation_publication_date",
    "citation_date", "parsely-pub-date", "sailthru.date", "date", "pubdate", "publishdate", "publish-date",
    "publish_date", "publication_date", "dc.date.issued", "dc.date", "dc.date.created", "dcterms.created",
    "dcterms.date", "dcterms.issued", "datepublished", "cxenseparse:recs:publishtime", "article.published",
    "originalpublicationdate", "article:published", "published", "pdate", "ptime", "weibo:article:create_at",
    "bt:pubdate", "article_date_original", "og:pubdate", "created", "release_date",
)  # fmt: skip
_LATER_DATE_KEYS = ("article:modified_time", "og:updated_time", "datemodified", "last-modified", "dcterms.modified")


def read(source: str) -> Said:
    """What a page's source says of its title, author, date of publication and address."""
    source = source[:MAX_CHARS]
    meta = _metas(source)
    things = list(_linked_data(source))
    return Said(
        title=_first(_titles(source, meta, things)),
        author=_first(_authors(source, meta, things)),
        published=_first(_published(source, meta, things)),
        site=_first(_addresses(source, meta)),
    )


def _first(values: Iterator[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _clean(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    bare = _TAG.sub(" ", html.unescape(html.unescape(value)))
    return _SPACE.sub(" ", bare.split("<", 1)[0]).strip()[:500] or None


def _attributes(tag: str) -> dict[str, str]:
    return {name.lower(): a or b or c for name, a, b, c in _ATTRIBUTE.findall(tag)}


def _metas(source: str) -> dict[str, str]:
    """Content by name, property or itemprop, lower case; the first wins."""
    found: dict[str, str] = {}
    for match in islice(_META.finditer(source), _MAX_TAGS):
        tag = _attributes(match[1])
        key = tag.get("property") or tag.get("name") or tag.get("itemprop") or ""
        content = _clean(tag.get("content"))
        if key and content:
            found.setdefault(key.strip().lower(), content)
    return found


def _linked_data(source: str) -> Iterator[dict[str, Any]]:
    """The objects of all JSON-LD scripts, outer before inner."""
    for match in islice(_SCRIPT.finditer(source), 100):
        end = source.find("</script", match.end())
        text = source[match.end() : end if end >= 0 else None].strip().removeprefix("<!--").removesuffix("-->")
        try:
            yield from _objects(json.loads(text.strip().rstrip(";"), strict=False))
        except (ValueError, RecursionError):
            continue


def _objects(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    if depth > 6:
        return
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value[:500]:
            yield from _objects(item, depth + 1)


def _articles(things: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects of an article's type, the plainest articles first."""
    typed = [(str(thing.get("@type", "")), thing) for thing in things]
    return [t for kind, t in typed if "Article" in kind or "Posting" in kind] + [
        t for kind, t in typed if _ARTICLE.search(kind) and "Article" not in kind and "Posting" not in kind
    ]


def _titles(source: str, meta: dict[str, str], things: list[dict[str, Any]]) -> Iterator[str | None]:
    """The one heading that the page's own titles agree with; else these."""
    headings = [heading for inner in _inners(source, _HEADING, "</h1") if (heading := _clean(inner))]
    page = _clean(match[1]) if (match := _TITLE.search(source)) else None
    said = [
        *(_clean(thing.get("headline")) for thing in _articles(things)),
        *(meta.get(key) for key in _TITLE_KEYS),
        page,
    ]
    own = [_without_site(title, meta.get("og:site_name")) for title in said if title]
    yield from (heading for heading in headings if not own or any(_alike(heading, title) for title in own))
    yield from own
    yield from headings


def _alike(heading: str, title: str) -> bool:
    """Whether half of the heading's words stand in the title, and are a third of it."""
    one, other = set(_WORD.findall(heading.lower())), set(_WORD.findall(title.lower()))
    shared = len(one & other)
    return 2 * shared >= len(one) > 0 and 3 * shared >= len(other)


def _inners(source: str, opening: re.Pattern[str], closing: str, most: int = 5) -> Iterator[str]:
    """What stands between the first few tags of a kind and their ends."""
    for match in islice(opening.finditer(source), most):
        end = source.find(closing, match.end(), match.end() + 2000)
        if end >= 0:
            yield source[match.end() : end]


def _without_site(title: str, site: str | None) -> str:
    for bar in (" | ", " - ", " – ", " — ", " : ", " » ", " · ", " • "):
        head, _, tail = title.rpartition(bar)
        if head and (tail.strip() == site or (bar == " | " and len(tail) <= 40)):
            return head.strip()
    return title


def _published(source: str, meta: dict[str, str], things: list[dict[str, Any]]) -> Iterator[str | None]:
    articles = _articles(things)
    for key in ("datePublished", "dateCreated", "uploadDate"):
        yield from (_clean(t.get(key)) for t in articles)
    yield from (meta.get(key) for key in _DATE_KEYS)
    yield from (_clean(t.get("datePublished")) for t in things)
    times = [(_attributes(match[1]), _clean(match[2])) for match in islice(_TIME.finditer(source), 50)]
    marked = [t for t in times if "pubdate" in t[0] or "publish" in " ".join(t[0].values()).lower()]
    for tag, text in marked + times[:3]:
        yield tag.get("datetime") or text
    yield from (meta.get(key) for key in _LATER_DATE_KEYS)
    yield from (_clean(t.get("dateModified")) for t in articles)


def _authors(source: str, meta: dict[str, str], things: list[dict[str, Any]]) -> Iterator[str | None]:
    named = {t["@id"]: t for t in things if isinstance(t.get("@id"), str) and "name" in t}
    for thing in _articles(things):
        yield _people(thing.get("author") or thing.get("creator"), named)
    for key in _AUTHOR_KEYS:
        yield _person(meta.get(key))
    for pattern in (_MARKED, _BYLINE):
        for match in islice(pattern.finditer(source), 10):
            after = source[match.end() : match.end() + 400]
            *whole, _ = _PARTS.split(after)
            yield from (_person(_undated(_clean(part) or "")) for part in whole[:3])


def _undated(byline: str) -> str:
    """The byline without the date behind the name.

    >>> _undated("By Ann Bell | Tuesday, March 5, 2024")
    'By Ann Bell'
    """
    name, *date = re.split(r"\d", byline, maxsplit=1)
    return _BEFORE_DIGITS.sub("", name) if date else name


def _people(value: Any, named: dict[str, dict[str, Any]]) -> str | None:
    people = value if isinstance(value, list) else [value]
    names = [_person(_name(person, named)) for person in people[:20]]
    return ", ".join(dict.fromkeys(name for name in names if name)) or None


def _name(person: Any, named: dict[str, dict[str, Any]]) -> Any:
    if isinstance(person, dict):
        person = person.get("name") or named.get(str(person.get("@id")), {}).get("name")
    return person[0] if isinstance(person, list) and person else person


def _person(value: object) -> str | None:
    """A name without `by`; None for addresses, accounts and what is too long for a name."""
    name = _clean(value)
    if not name or len(name) > 150 or name.startswith(("http", "/", "@")) or not _NAME.search(name):
        return None
    return _BY.sub("", name).strip(" ,;|-") or None


def _addresses(source: str, meta: dict[str, str]) -> Iterator[str | None]:
    for match in islice(_LINK.finditer(source), 3):
        yield _attributes(match[1]).get("href")
    yield meta.get("og:url")
