"""The pages for people: the dashboard and GraphiQL, from files of ours only.

No page loads anything from elsewhere or runs inline script, so they work without internet and under a strict
Content-Security-Policy.
"""

from __future__ import annotations

import asyncio
import functools
import secrets
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from gql_server.documents.page_documents import documents_json
from gql_server.http.headers import SECURITY_HEADERS
from gql_server.pages.assets import ASSET_ROUTE, PLAIN_ROUTE, STATIC, Assets, assets_base, modules_of

CSP = "Content-Security-Policy"

DASHBOARD_PATHS = (
    "/",
    "/leaderboard",
    "/batches",
    "/batches/{id}",
    "/compare",
    "/executions",
    "/executions/{id}",
    "/compare/{left}/{right}",
    "/agents",
    "/agents/{name}",
    "/benchmarks",
    "/benchmarks/{id}",
    "/sign-in",
)
"""The addresses of the dashboard's pages; its main.js shows what belongs to each."""

FIRST = ("dashboard/first_question.js",), ("dashboard/main.js", "dashboard/pages/grid.js")
"""The modules that a page preloads with all that they import, in this order; those of other pages come later."""

DRAWING_HEADERS = {
    CSP: "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}


def page_handlers(*, graphiql: bool, own_runner: bool) -> dict[str, Handler]:
    """The handler of each path: the dashboard's, those of files, and `/graphiql` when it is switched on.

    With our own runner the dashboard offers to add agents, and their settings.
    """
    dashboard = _dashboard(STATIC / "dashboard" / "index.html", graphiql=graphiql, own_runner=own_runner)
    handlers: dict[str, Handler] = dict.fromkeys(DASHBOARD_PATHS, dashboard)
    handlers["/drawing"] = _drawing(STATIC / "drawing" / "index.html")
    if graphiql:
        handlers["/graphiql"] = _graphiql(STATIC / "graphiql" / "index.html")
    assets = Assets(STATIC)
    return handlers | {ASSET_ROUTE: assets.answer, PLAIN_ROUTE: assets.answer}


def _dashboard(file: Path, *, graphiql: bool, own_runner: bool) -> Handler:
    template = file.read_text(encoding="utf-8").replace("{documents}", documents_json())
    for name, is_on in (("{graphiql}", graphiql), ("{own-runner}", own_runner)):
        template = template.replace(name, "on" if is_on else "off")

    @functools.lru_cache(1)
    def page(base: str) -> str:
        names = dict.fromkeys(name for entries in FIRST for name in modules_of(*entries))
        links = "".join(f'<link rel="modulepreload" href="{base}/{name}">' for name in names)
        return template.replace("{modules}", links).replace("{static}", base)

    async def answer(request: web.Request) -> web.StreamResponse:
        text = await asyncio.to_thread(lambda: page(assets_base()))
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-cache"})

    return answer


def _drawing(file: Path) -> Handler:
    """The frame that Mermaid draws in, for our own pages only: the one page that allows inline styles."""
    text = file.read_text(encoding="utf-8")

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type="text/html", headers=DRAWING_HEADERS)

    return answer


def _graphiql(file: Path) -> Handler:
    """GraphiQL's dialogs add one style element of their own: it carries this response's nonce."""
    template = file.read_text(encoding="utf-8")

    async def answer(request: web.Request) -> web.StreamResponse:
        nonce = secrets.token_urlsafe(16)
        policy = SECURITY_HEADERS[CSP].replace("style-src 'self'", f"style-src 'self' 'nonce-{nonce}'")
        return web.Response(
            text=template.replace("{nonce}", nonce),
            content_type="text/html",
            headers={CSP: policy, "Cache-Control": "no-store"},
        )

    return answer
