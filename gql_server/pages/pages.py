"""The pages for people: the dashboard and GraphiQL, from files of ours only.

No page loads anything from elsewhere or runs inline script, so they work without internet and under a strict
Content-Security-Policy.
"""

from __future__ import annotations

import asyncio
import functools
import html
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from aiohttp import web
from aiohttp.typedefs import Handler

from gql_server.documents.page_documents import document_text, documents_json
from gql_server.http.headers import SECURITY_HEADERS
from gql_server.pages import bundle
from gql_server.pages.assets import ASSET_ROUTE, PLAIN_ROUTE, STATIC, Assets, assets_base

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

ENTRIES = ("dashboard/first_question.js", "dashboard/theme.js", "dashboard/main.js")
"""The modules that a page executes, in this order."""

SCRIPT, STYLES = "dashboard/all.js", "dashboard/all.css"
"""All modules and all style sheets of the dashboard, each as one file."""

SHEETS = ("base", "controls", "surfaces", "states", "execution", "figures", "last")
"""The style sheets in their order."""

FIRST_QUESTIONS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "/": ("grid", {"filter": {}, "first": 25, "after": None}),
    "/benchmarks": ("benchmarks", {"filter": {}, "first": 50, "after": None}),
}
"""What these pages ask first without any filter: the document and its variables, as list_address.js makes them.

The browser asks it as soon as it reads the page's head, long before the modules are there that want the answer.
"""

DRAWING_HEADERS = {
    CSP: "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}


def page_handlers(*, graphiql: bool, own_runner: bool, queries_by_get: bool) -> dict[str, Handler]:
    """The handler of each path: the dashboard's, those of files, and `/graphiql` when it is switched on.

    With our own runner the dashboard offers to add agents, and their settings. Without queries by GET no page can
    ask before its modules are there.
    """
    questions = {path: question_link(*question) for path, question in FIRST_QUESTIONS.items()}
    dashboard = _dashboard(
        STATIC / "dashboard" / "index.html",
        graphiql=graphiql,
        own_runner=own_runner,
        questions=questions if queries_by_get else {},
    )
    handlers: dict[str, Handler] = dict.fromkeys(DASHBOARD_PATHS, dashboard)
    handlers["/drawing"] = _drawing(STATIC / "drawing" / "index.html")
    if graphiql:
        handlers["/graphiql"] = _graphiql(STATIC / "graphiql" / "index.html")
    assets = Assets(STATIC, {SCRIPT: lambda: _script(assets_base()), STYLES: _styles})
    return handlers | {ASSET_ROUTE: assets.answer, PLAIN_ROUTE: assets.answer}


@functools.lru_cache(1)
def _script(base: str) -> bytes:
    """Of the files as they are at this address."""
    return bundle.script(STATIC, ENTRIES).encode()


def _styles() -> bytes:
    return bundle.styles(STATIC / "dashboard" / "style" / f"{name}.css" for name in SHEETS).encode()


def question_link(document: str, variables: Mapping[str, object]) -> str:
    """The element that lets the browser ask at once; first_question.js takes the answer."""
    parameters = {"query": document_text(document), "variables": json.dumps(variables)}
    address = f"/graphql?{urlencode(parameters, quote_via=quote)}"
    return f'<link id="question" rel="preload" as="fetch" crossorigin href="{html.escape(address)}">'


def _dashboard(file: Path, *, graphiql: bool, own_runner: bool, questions: Mapping[str, str]) -> Handler:
    template = file.read_text(encoding="utf-8").replace("{documents}", documents_json())
    for name, is_on in (("{graphiql}", graphiql), ("{own-runner}", own_runner)):
        template = template.replace(name, "on" if is_on else "off")

    @functools.lru_cache(1)
    def page(base: str) -> str:
        names = bundle.outside(_script(base).decode())
        links = "".join(f'<link rel="modulepreload" href="{base}/{name}">' for name in names)
        return template.replace("{modules}", links).replace("{static}", base)

    async def answer(request: web.Request) -> web.StreamResponse:
        text = await asyncio.to_thread(lambda: page(assets_base()))
        # With filters the question is another one.
        question = "" if request.query_string else questions.get(request.path, "")
        text = text.replace("{question}", question)
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
