"""The pages for people: the dashboard and GraphiQL, from files of ours only.

No page loads anything from elsewhere or runs inline script, so they work without internet and under a strict
Content-Security-Policy.
"""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from gql_server.access import SECURITY_HEADERS
from gql_server.assets import ASSET_ROUTE, STATIC, asset, assets_base, modules_of
from gql_server.page_documents import documents_json

CSP = "Content-Security-Policy"

DASHBOARD_PATHS = (
    "/",
    "/executions",
    "/executions/{id}",
    "/compare/{left}/{right}",
    "/agents",
    "/agents/{name}",
    "/benchmarks",
    "/benchmarks/{id}",
)
"""The addresses of the dashboard's pages; its main.js shows what belongs to each."""

FIRST = ("dashboard/main.js", "dashboard/pages/grid.js")
"""The modules that are fetched at once with all they import; those of other pages come when the page stands."""

DRAWING_HEADERS = {
    CSP: "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}


def add_routes(app: web.Application, *, graphiql: bool) -> None:
    """The dashboard's addresses, and `/graphiql` when it is switched on."""
    dashboard = _dashboard(STATIC / "dashboard" / "index.html", graphiql=graphiql)
    for path in DASHBOARD_PATHS:
        app.router.add_get(path, dashboard)
    app.router.add_get("/drawing", _drawing(STATIC / "drawing" / "index.html"))
    if graphiql:
        app.router.add_get("/graphiql", _graphiql(STATIC / "graphiql" / "index.html"))
    app.router.add_get(ASSET_ROUTE, asset)
    app.router.add_static("/static", STATIC, follow_symlinks=False)


def _dashboard(file: Path, *, graphiql: bool) -> Handler:
    template = file.read_text(encoding="utf-8").replace("{graphiql}", "on" if graphiql else "off")
    template = template.replace("{documents}", documents_json())

    def page() -> str:
        base = assets_base()
        links = "".join(f'<link rel="modulepreload" href="{base}/{name}">' for name in modules_of(*FIRST))
        return template.replace("{modules}", links).replace("{static}", base)

    async def answer(request: web.Request) -> web.StreamResponse:
        text = await asyncio.to_thread(page)
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
