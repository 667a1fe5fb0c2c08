"""HTTP on loopback: the pages of a build, a search, and corrections.

Nothing that a request says reaches the file system: a document is named by four numbers that must fit the record of the
run, corrections go to one file that was named at the start, and the text that is saved is the build's own. Requests for
another host (DNS rebinding) and writes from another site's page are refused; what a page says is escaped and cannot
run (report/markup.py). A `why` is asked for when a page is looked at: it takes 2 or 3 ms a line.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from curate.browse.corrections import Corrections, Labelled, judged
from curate.browse.search import KEPT, UNCERTAIN, Query, place_of, search, spelled
from curate.errors import CurateError, UsageError
from curate.removal_list import REMOVED
from curate.report.markup import source, template, visible
from curate.report.pages import Page, Way, page, ways, with_reasons
from curate.report.trail import Place, Row, Trail
from curate.tasks import Json

HOST = "127.0.0.1"
MAX_LINES = 5_000
"""Lines of a page that are shown; those behind them stay as they were judged."""
_MAX_BODY = 1_000_000
_POLICY = (
    f"default-src 'none'; style-src {source('style.css')[1]} {source('browse.css')[1]}; "
    f"script-src {source('browse.js')[1]}; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def serve(app: Starlette, port: int, ready: Callable[[str], None]) -> None:
    """Serve on loopback until interrupted. `ready` is told the address. Raises UsageError where the port is taken."""
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise UsageError(f"--port {port}: {error.strerror}; name another, or 0 for any that is free") from None
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, proxy_headers=False, lifespan="off", ws="none"
    )
    with listening, suppress(KeyboardInterrupt):
        ready(f"http://{HOST}:{listening.getsockname()[1]}/")
        uvicorn.Server(config).run(sockets=[listening])


@dataclass(frozen=True)
class Browser:
    """What is served: a build, and what people say of it."""

    trail: Trail
    name: str
    corrections: Corrections
    lock: Lock = field(default_factory=Lock)

    def app(self) -> Starlette:
        """The web application."""
        routes = [
            Route("/", self.index),
            Route("/search", self.search),
            Route("/page/{place}", self.page),
            Route("/why/{place}", self.why),
            Route("/labels/{place}", self.label, methods=["POST"]),
        ]
        guards = [
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"], www_redirect=False),
            Middleware(BaseHTTPMiddleware, dispatch=_guard),
        ]
        return Starlette(routes=routes, middleware=guards, exception_handlers={CurateError: _failed})

    def index(self, request: Request) -> Response:
        """The page in which everything else is shown."""
        funnel = [row for row in self.trail.funnel if row["reasons"]]
        names = {"name": self.name, "kept": KEPT, "uncertain": UNCERTAIN, "removed": REMOVED}
        text = template("browse.html.j2").render(**names, funnel=funnel, count=len(self.corrections))
        return HTMLResponse(text)

    def search(self, request: Request) -> Response:
        """Documents that fit, a page at a time."""
        asked = request.query_params
        query = Query(**{name: asked.get(name, "") for name in ("text", "id", "site", "stage", "reason")})
        try:
            after = place_of(self.trail, asked["after"]) if "after" in asked else None
            found = search(self.trail, query, after)
        except ValueError as error:
            raise HTTPException(404, str(error)) from None
        return JSONResponse(
            {
                "documents": [self._listed(place, row) for place, row in found.rows],
                "stopped": found.stopped and spelled(found.stopped),
                "passed": found.passed,
                "of": found.of,
            }
        )

    def page(self, request: Request) -> Response:
        """A document, line by line."""
        one = self._looked_at(request)
        shown = {"page": one.page, "judged": one.judged, "current": self.corrections.of(one.page, one.judged)}
        return HTMLResponse(template("browse_page.html.j2").render(**shown, most=MAX_LINES))

    def why(self, request: Request) -> Response:
        """What weighed on each line of a document."""
        one = self._looked_at(request)
        lines = with_reasons(self.trail, one.way, one.page).lines[:MAX_LINES]
        return JSONResponse([", ".join(line.why) for line in lines])

    async def label(self, request: Request) -> Response:
        """Save the letters of a document's lines, or withdraw them (null)."""
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MAX_BODY:
                raise HTTPException(413, "too long")
        return await run_in_threadpool(self._label, request, body)

    def _label(self, request: Request, body: bytes) -> Response:
        one = self._looked_at(request)
        try:
            letters = json.loads(body)["letters"]
            labelled = None if letters is None else one.judged.relabelled(letters)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise HTTPException(400, str(error)) from None
        with self.lock:
            if labelled:
                self.corrections.save(one.page, labelled)
            else:
                self.corrections.withdraw(one.page.id)
        return JSONResponse({"count": len(self.corrections)})

    def _looked_at(self, request: Request) -> _LookedAt:
        try:
            place = place_of(self.trail, request.path_params["place"])
        except ValueError as error:
            raise HTTPException(404, str(error)) from None
        way = ways(self.trail, [place])[0]
        found = page(self.trail, way)
        if found.last.reason == REMOVED:
            raise HTTPException(404, REMOVED)
        return _LookedAt(way, found, judged(self.trail, way, found))

    def _listed(self, place: Place, row: Row) -> Json:
        stage = self.trail.stages[place.stage] if place.part == "dropped" else None
        return {
            "place": spelled(place),
            "name": visible(row["title"] or row["url"] or row["source"], 160),
            "where": visible(" · ".join(filter(None, [row["site"], row.get("language"), stage])), 120),
            "reason": row.get("drop_reason"),
            "corrected": row["id"] in self.corrections,
        }


@dataclass(frozen=True)
class _LookedAt:
    way: Way
    page: Page
    judged: Labelled


async def _guard(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse writes that come from elsewhere; let no browser run or embed what is answered."""
    origin = f"http://{request.headers['host']}"
    if request.method not in ("GET", "HEAD") and request.headers.get("origin") != origin:
        response: Response = PlainTextResponse("only this page may write", 403)
    else:
        response = await proceed(request)
    response.headers.update(_HEADERS)
    return response


async def _failed(request: Request, error: Exception) -> Response:
    return PlainTextResponse(visible(error, 2_000), 500)
