"""Middleware of every route: it refuses unknown hosts and origins, and adds headers to each response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gql_server.auth.host_and_origin import AccessRules
from gql_server.http.headers import SECURITY_HEADERS, SERVER
from gql_server.http.refusals import refusal

CORS_HEADERS: Mapping[str, str] = {
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, POST",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Content-Type, Authorization, Idempotency-Key, If-None-Match",
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: "ETag",
    hdrs.ACCESS_CONTROL_MAX_AGE: "600",
}
"""Sent to origins allowed by name only; `*` is never sent."""


def access_middleware(rules: AccessRules) -> Middleware:
    """Refuses unknown hosts and origins before any handler runs."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not rules.knows_host(request):
            return refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This server does not answer to that Host (REEV_GQL_ALLOWED_HOSTS)",
            )
        if not rules.knows_origin(request):
            return refusal(
                HTTPStatus.FORBIDDEN,
                "Pages of that origin may not talk to this server (REEV_GQL_ALLOWED_ORIGINS)",
            )
        if request.method == hdrs.METH_OPTIONS and hdrs.ORIGIN in request.headers:
            return web.Response(status=HTTPStatus.NO_CONTENT)
        return await handler(request)

    return check


def cors_headers(rules: AccessRules, request: web.Request) -> dict[str, str]:
    """What a page of an origin that is allowed by name needs; nothing for others."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None or origin.lower() not in rules.origins:
        return {}
    return {**CORS_HEADERS, hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin}


def header_signal(rules: AccessRules) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Sets headers on every response, errors and files too; a handler's own value wins."""

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        # Replaces the value that aiohttp has set.
        response.headers[hdrs.SERVER] = SERVER
        # Files have a validator: a browser asks again instead of keeping those of an older version.
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-cache")
        if rules.knows_host(request) and (cors := cors_headers(rules, request)):
            response.headers.update(cors)
            vary = response.headers.get(hdrs.VARY)
            response.headers[hdrs.VARY] = hdrs.ORIGIN if vary is None else f"{vary}, {hdrs.ORIGIN}"

    return add_headers
