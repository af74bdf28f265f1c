"""Addresses that lead nowhere: a browser gets a page that helps, with status 404; programs get JSON as ever."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gql_server.pages.pages import DASHBOARD_PATHS

_LOOKING = (hdrs.METH_GET, hdrs.METH_HEAD)


def unknown_address_middleware(dashboard: Handler) -> Middleware:
    """Answers with the dashboard, which says that there is no such page and which there are.

    The address of a page with a slash too many leads to that page.
    """

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not (is_unknown(request.match_info) and wants_page(request)):
            return await handler(request)
        if (address := await _without_slashes(request)) is not None:
            return web.Response(status=HTTPStatus.FOUND, headers={hdrs.LOCATION: address})
        response = await dashboard(request)
        response.set_status(HTTPStatus.NOT_FOUND)
        return response

    return answer


def is_unknown(match: web.UrlMappingMatchInfo) -> bool:
    """Whether no route has the address."""
    return isinstance(match.http_exception, web.HTTPNotFound)


def wants_page(request: web.Request) -> bool:
    """Whether a person looks: only browsers name HTML, programs accept anything."""
    return request.method in _LOOKING and "text/html" in request.headers.get(hdrs.ACCEPT, "").lower()


async def _without_slashes(request: web.Request) -> str | None:
    """The address of the page that is meant, without the slashes at its end; None when none is."""
    raw = request.rel_url.raw_path
    bare = raw.rstrip("/")
    if not bare or bare == raw:
        return None
    meant = request.rel_url.with_path(bare, encoded=True, keep_query=True)
    match = await request.app.router.resolve(request.clone(rel_url=meant))
    if is_unknown(match) or match.route.resource is None:
        return None
    # One of our own patterns: it begins with one slash, so it is never another server's address.
    return str(meant) if match.route.resource.canonical in DASHBOARD_PATHS else None
