"""Writes data/raw, the sample crawl, and tests/golden/sample_crawl.json, which says what is in it.

    python tests/support/make_crawl.py

The articles, the sites and their furniture were written for this project; nothing in them is real. crawl/articles has
the texts, crawl/templates the pages around them, crawl/sites.toml the sites, crawl/copies.toml the stories that run on
more than one page. What a crawl suffers from is added here: wrong encodings, empty pages, cut files. Nothing depends on
time or chance: what varies from page to page is picked by a checksum of the page's address.
"""

from __future__ import annotations

import datetime
import gzip
import json
import sys
import tomllib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import ftfy.bad_codecs  # noqa: F401  (registers sloppy-windows-1252)
import jinja2

HERE = Path(__file__).parent / "crawl"
ROOT = Path(__file__).parents[2]
CRAWLED = "2024-04-02T06:00:00Z"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WOCHENTAGE = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
CHARSETS = {"sakura": "shift_jis", "theater": "windows-1252"}
"""Articles whose HTML pages are not in UTF-8."""
INLINE = {"a", "b", "i", "span", "cite", "time", "button", "label", "html", "head", "body", "meta", "link"}
"""Elements within a line."""


@dataclass(frozen=True)
class Article:
    """A text as a site prints it."""

    key: str
    site: str
    title: str
    author: str
    published: str
    section: str
    tags: tuple[str, ...]
    paragraphs: tuple[str, ...]
    dateline: str = ""

    def printed(self) -> Article:
        """With the dateline in front of the first paragraph, as pages show it."""
        first = f"{self.dateline} {self.paragraphs[0]}".lstrip()
        return replace(self, paragraphs=(first, *self.paragraphs[1:]), dateline="")


@dataclass(frozen=True)
class Page:
    """An article at an address, in a file. `key` names it there; `story` is the key of the article it came from."""

    article: Article
    key: str
    story: str
    site: str
    source: str
    url: str
    cut: bool = False  # the last record of a file that breaks off inside it


# --- what was written -------------------------------------------------------------------------------------------------


def read_articles() -> dict[str, Article]:
    """All articles by key, in the order of the files."""
    found = {}
    for path in sorted((HERE / "articles").glob("*.txt")):
        for part in path.read_text("utf-8").split("=== ")[1:]:
            key, rest = part.split("\n", 1)
            head, body = rest.split("\n\n", 1)
            fields = dict(line.split(": ", 1) for line in head.splitlines())
            fields["tags"] = tuple(fields["tags"].split(", "))
            if fields.get("dateline"):
                fields["dateline"] += " -"
            paragraphs = tuple(body.strip().split("\n\n"))
            assert key not in found, key
            found[key] = Article(key=key, site=path.stem, paragraphs=paragraphs, **fields)
    return found


def edited(article: Article, copy: dict[str, Any]) -> Article:
    """The article as another editor printed it."""
    kept = [p for i, p in enumerate(article.paragraphs) if i not in copy.get("cut", [])]
    for old, new in copy.get("change", []):
        assert any(old in p for p in kept), f"{article.key}: {old!r} is not there"
        kept = [p.replace(old, new) for p in kept]
    kept += [copy["added"]] if "added" in copy else []
    return replace(
        article,
        site=copy["site"],
        title=copy.get("title", article.title),
        author=copy.get("byline", article.author),
        published=copy.get("published", article.published),
        dateline=copy.get("dateline", article.dateline),
        paragraphs=tuple(kept),
    )


def all_pages(sites: dict[str, Any], articles: dict[str, Article]) -> list[Page]:
    """Every page with an article: at home first, then the copies."""
    copies = tomllib.loads((HERE / "copies.toml").read_text("utf-8"))["copy"]
    entries = [{"article": key, "site": a.site, "key": key} for key, a in articles.items()] + copies
    return [_page(entry, edited(articles[entry["article"]], entry), sites[entry["site"]]) for entry in entries]


def _page(entry: dict[str, Any], article: Article, site: dict[str, str]) -> Page:
    yyyy, mm, dd = article.published.split("-")
    names = {"key": entry["key"], "date": article.published, "yyyy": yyyy, "mm": mm, "dd": dd}
    url = site["url"].format(**names)
    source = entry.get("source", site["source"]).format(**names)
    cut = entry["key"] == "film-festival-dry-dock"
    return Page(article.printed(), entry["key"], entry["article"], entry["site"], source, url, cut)


# --- pages ------------------------------------------------------------------------------------------------------------


class Press:
    """Prints pages: an article in its site's furniture."""

    def __init__(self, sites: dict[str, Any], pages: Sequence[Page]) -> None:
        loader = jinja2.FileSystemLoader(HERE / "templates")
        self.templates = jinja2.Environment(
            loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
        )
        self.sites = sites
        self.stories = {host: [_teaser(p) for p in pages if p.site == host] for host in sites}

    def page(self, page: Page) -> str:
        """The page as HTML."""
        return self._print(f"{page.site}.html", page.site, page.url, page.article, page.key)

    def front(self, host: str) -> str:
        """A page that only lists stories."""
        return self._print("front.html", host, f"https://{host}/", None, "")

    def _print(self, template: str, host: str, url: str, article: Article | None, key: str) -> str:
        date = datetime.date.fromisoformat(article.published if article else "2024-03-31")
        others = [s for s in self.stories[host] if article is None or s["title"] != article.title]
        return self.templates.get_template(template).render(
            article=article,
            key=key,
            url=url,
            layout=f"{host}.html",
            site=self.sites[host],
            stories=self.stories[host],
            year=date.year,
            day=date.day,
            weekday=WEEKDAYS[date.weekday()],
            weekday_de=WOCHENTAGE[date.weekday()],
            charset=CHARSETS.get(article.key, "utf-8") if article else "utf-8",
            number=_numbers(url),
            pick=lambda items, n: _picked(items, n, url),
            others=lambda n: _picked(others, n, url),
        )


def _teaser(page: Page) -> dict[str, str]:
    return {"title": page.article.title, "url": page.url, "section": page.article.section}


def _checksum(*parts: object) -> int:
    return zlib.crc32("|".join(map(str, parts)).encode())


def _numbers(url: str) -> Callable[[str, int, int], int]:
    return lambda name, low, high: low + _checksum(url, name) % (high - low + 1)


def _picked(items: Sequence[Any], n: int, url: str) -> list[Any]:
    return sorted(items, key=lambda item: _checksum(url, item))[:n]


class _Flattener(HTMLParser):
    """The text of a page as crawlers flatten it: a line for each block, white space collapsed."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = [""]
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden += tag in ("script", "style")
        self._edge(tag)

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style")
        self._edge(tag)

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.lines[-1] += data

    def _edge(self, tag: str) -> None:
        if tag not in INLINE:
            self.lines.append("")


def flatten(html: str, between: str = "\n") -> str:
    """The lines of a page's text."""
    flattener = _Flattener()
    flattener.feed(html)
    lines = (" ".join(line.split()) for line in flattener.lines)
    return between.join(line for line in lines if line)


# --- files ------------------------------------------------------------------------------------------------------------

Files = dict[str, bytes]


def text_files(press: Press, pages: Sequence[Page]) -> Files:
    """One flattened page a file; the Echo's begin with a line that names date and site."""
    files = {}
    for page in pages:
        text = flatten(press.page(page), "\n\n")
        if page.site == "northgateecho.example":
            text = f" date {page.article.published} {press.sites[page.site]['shown']}\n{text}"
        files[page.source] = text.encode()
    return files


def spoil(files: Files, truth: list[dict[str, Any]]) -> None:
    """What happens to text files on their way: a wrong decoder, an old encoding, nothing at all."""
    echo = "news/northgateecho.example"
    for name in ("2024-03-12-bus-52", "2024-03-27-school-garden"):
        _change(files, f"{echo}/{name}.txt", lambda b: b.decode().encode().decode("sloppy-windows-1252").encode())
    _change(files, f"{echo}/2024-03-21-market-roof.txt", lambda b: b.decode().encode("cp1252"))
    _change(files, "news/fjordposten.example/ferje.txt", lambda b: b.decode().encode("cp1252"))
    _change(files, "news/fjordposten.example/bibliotek.txt", lambda b: b"\xef\xbb\xbf" + b.replace(b"\n", b"\r\n"))
    odd = {
        f"{echo}/2024-03-30-untitled.txt": ("empty", b""),
        f"{echo}/2024-03-31-untitled.txt": ("empty", b" date 2024-03-31 NorthgateEcho.example\n\n   \n\n"),
        "news/harrowdalepost.example/snow-pass-map.html": ("not text", PNG),
        "news/harrowdalepost.example/login.html": ("no article", LOGIN.encode()),
    }
    for source, (what, data) in odd.items():
        files[source] = data
        truth.append({"source": source, "record": 0, "what": what})


def _change(files: Files, source: str, change: Callable[[bytes], bytes]) -> None:
    before = files[source]
    files[source] = change(before)
    assert files[source] != before, source


def jsonl(press: Press, pages: Sequence[Page], truth: list[dict[str, Any]]) -> bytes:
    """A line a page; one was cut in half when the disk was full."""
    lines = []
    for page in pages:
        article = page.article
        record = {
            "url": page.url,
            "title": article.title,
            "author": article.author,
            "published": article.published,
            "section": article.section,
            "text": flatten(press.page(page)),
        }
        lines.append(json.dumps(record, ensure_ascii=False))
    half = lines[4][: len(lines[4]) // 2]
    lines.insert(9, half)
    source = pages[0].source
    truth.append({"source": source, "record": 9, "what": "cut"})
    return _gzip("".join(line + "\n" for line in lines).encode())


def warc(press: Press, pages: Sequence[Page], extra: Sequence[bytes] = ()) -> bytes:
    """HTTP responses, each with its request, as crawlers write them. `extra` records come after the first page."""
    name = pages[0].source.rsplit("/", 1)[1]
    out = [
        _record("warcinfo", None, "application/warc-fields", b"software: a crawler of our own\r\nformat: WARC/1.0\r\n")
    ]
    for i, page in enumerate(pages):
        body = press.page(page).encode(charset := CHARSETS.get(page.story, "utf-8"), "xmlcharrefreplace")
        said = "" if charset == "windows-1252" else f"; charset={charset}"
        out += [_request(page.url), _response(page.url, "200 OK", "text/html" + said, body)]
        out += extra if i == 0 else []
    assert all(len(record) for record in out), name
    return b"".join(map(_gzip, out))


def wet(press: Press, pages: Sequence[Page]) -> bytes:
    """The text of pages, as Common Crawl's WET files have it."""
    out = [_record("warcinfo", None, "application/warc-fields", b"Software-Info: a crawler of our own\r\n")]
    for page in pages:
        text = flatten(press.page(page)) + "\n"
        if page.story == "musee-horloge":
            text = text.encode().decode("sloppy-windows-1252")
        out.append(_record("conversion", page.url, "text/plain", text.encode()))
    return b"".join(map(_gzip, out))


def others_in_warc(press: Press, source: str, truth: list[dict[str, Any]]) -> list[bytes]:
    """What else a crawler brings home: lists of stories, errors, redirects, pictures."""
    hosts = ["coastalherald.example", "lindenauer-tagblatt.example", "courrier-valmont.example", "thesundial.example"]
    out = []
    for host in hosts:
        url = f"https://{host}/"
        out += [_request(url), _response(url, "200 OK", "text/html; charset=utf-8", press.front(host).encode())]
        truth.append({"source": source, "url": url, "what": "no article"})
    gone, moved = (
        "https://www.coastalherald.example/2024/02/ice-jam/",
        "http://www.coastalherald.example/2024/03/oysters/",
    )
    out += [_request(gone), _response(gone, "404 Not Found", "text/html", NOT_FOUND.encode())]
    out += [_request(moved), _response(moved, "301 Moved Permanently", "text/html", b"")]
    picture = "https://www.coastalherald.example/img/oysters.jpg"
    out += [_request(picture), _response(picture, "200 OK", "image/png", PNG)]
    truth += [{"source": source, "url": url, "what": "no page"} for url in (gone, moved, picture)]
    return out


def _request(url: str) -> bytes:
    _, _, host, path = url.split("/", 3)
    return _record(
        "request",
        url,
        "application/http; msgtype=request",
        f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sample-crawler/1.0\r\nAccept: text/html\r\n\r\n".encode(),
    )


def _response(url: str, status: str, kind: str, body: bytes) -> bytes:
    head = [
        f"HTTP/1.1 {status}",
        "Date: Tue, 02 Apr 2024 06:00:00 GMT",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    ]
    return _record(
        "response", url, "application/http; msgtype=response", "\r\n".join(head).encode() + b"\r\n\r\n" + body
    )


def _record(kind: str, url: str | None, content_type: str, block: bytes) -> bytes:
    name = f"{_checksum(kind, url):08x}-{zlib.crc32(block):08x}"
    head = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Date: {CRAWLED}",
        f"WARC-Record-ID: <urn:uuid:{name[:8]}-0000-4000-8000-0000{name[9:]}>",
        *([f"WARC-Target-URI: {url}"] if url else []),
        f"Content-Type: {content_type}",
        f"Content-Length: {len(block)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)


def _png() -> bytes:
    """A grey picture of 64 x 64."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = (64).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    rows = b"".join(b"\0" + bytes((x * y) % 251 for x in range(64)) for y in range(64))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PNG = _png()
LOGIN = """<html><head><title>Sign in | The Harrowdale Post</title></head><body>
<noscript>Please enable JavaScript to view this page.</noscript>
<h1>Sign in</h1><form><label>E-mail address</label><input name="email"><label>Password</label><input name="pw"></form>
<a href="/forgot">Forgotten your password?</a> <a href="/register">Register</a>
<div id="foot">Copyright &copy; The Harrowdale Post 2024.</div></body></html>
"""
NOT_FOUND = """<html><head><title>Page not found - Coastal Herald</title></head>
<body><h1>404</h1><p>The tide has taken this page. Try the search box.</p></body></html>
"""


# --- the crawl --------------------------------------------------------------------------------------------------------


def build() -> tuple[Files, list[dict[str, Any]]]:
    """All files of the crawl by path below data/raw, and what is in them, page by page."""
    sites = tomllib.loads((HERE / "sites.toml").read_text("utf-8"))
    pages = all_pages(sites, read_articles())
    press = Press(sites, pages)
    truth: list[dict[str, Any]] = []
    by_source: dict[str, list[Page]] = {}
    for page in pages:
        by_source.setdefault(page.source, []).append(page)
    singles = [p for p in pages if p.source.endswith(".txt")]
    files = text_files(press, singles)
    files |= {p.source: press.page(p).encode() for p in pages if p.source.endswith(".html")}
    for source, inside in by_source.items():
        if source.endswith(".jsonl.gz"):
            files[source] = jsonl(press, inside, truth)
        elif source.endswith(".wet.gz"):
            files[source] = wet(press, inside)
        elif source.endswith("late.warc.gz"):
            files[source] = warc(press, inside)[:-900]
        elif source.endswith(".warc.gz"):
            files[source] = warc(press, inside, others_in_warc(press, source, truth))
    spoil(files, truth)
    truth += [_truth(page, sites) for page in pages]
    return files, sorted(truth, key=lambda t: (t["source"], t.get("record", -1), t.get("url", "")))


def _truth(page: Page, sites: dict[str, Any]) -> dict[str, Any]:
    """What a page says about itself, and what of it is the article."""
    article = page.article
    known = {"source": page.source}
    known |= {"record": 0} if page.source.endswith((".txt", ".html")) else {"url": page.url}
    if page.cut:
        return known | {"what": "cut"}
    return known | {
        "what": "article",
        "cluster": page.story,
        "language": sites[page.site]["language"],
        "site": page.site,
        "title": article.title,
        "author": article.author,
        "published": article.published,
        "body": list(article.paragraphs),
    }


def main() -> None:
    """Write the crawl and what is known of it."""
    files, truth = build()
    for source, data in files.items():
        path = ROOT / "data/raw" / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    golden = ROOT / "tests/golden/sample_crawl.json"
    golden.write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", "utf-8")
    size = sum(map(len, files.values()))
    print(f"{len(truth)} pages in {len(files)} files, {size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
