"""From where one may talk to the server: exact host names and known origins.

A web page anywhere can make its visitor's browser send requests to a server on that machine. So a request is
answered only if its Host is one of our names (a name rebound to 127.0.0.1 is not), and, when a browser says
where it comes from, only if that is one of our own pages or an origin allowed by name. Checked before
anything else runs, for HTTP and for websockets alike.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import istr

from gql_server.http.headers import SECURITY_HEADERS, SERVER
from gql_server.http.refusals import refusal

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

CORS_HEADERS = {
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, POST",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Content-Type, Authorization",
    hdrs.ACCESS_CONTROL_MAX_AGE: "600",
}
"""For the origins allowed by name, and never for others; `*` is never sent."""

GRAPHQL_PATH = "/graphql"

SEC_FETCH_SITE = istr("Sec-Fetch-Site")


@dataclass(frozen=True)
class AccessRules:
    """The names this server answers to and the origins it lets in; everything else is refused."""

    hosts: frozenset[str]
    origins: frozenset[str]

    @classmethod
    def build(cls, port: int, hosts: Iterable[str], origins: Iterable[str]) -> AccessRules:
        """`hosts` without a port are met at our port and at the default ports, loopback names at ours."""
        names = {f"{name}:{port}" for name in LOOPBACK_NAMES}
        for host in hosts:
            has_port = re.search(r":[0-9]+$", host) is not None
            names.update({host} if has_port else {host, f"{host}:{port}"})
        return cls(frozenset(names), frozenset(origin.lower() for origin in origins))

    def knows_host(self, request: web.BaseRequest) -> bool:
        """Exactly one Host header, and it is one of our names."""
        values = request.headers.getall(hdrs.HOST, [])
        return len(values) == 1 and values[0].lower() in self.hosts

    def knows_origin(self, request: web.BaseRequest) -> bool:
        """No browser, or a page of this very host, or an allowed one. `null` is nobody's origin."""
        origins = request.headers.getall(hdrs.ORIGIN, ())
        if origins:
            host, origin = request.headers.get(hdrs.HOST, "").lower(), origins[0].lower()
            is_known = origin in (f"http://{host}", f"https://{host}") or origin in self.origins
            return len(origins) == 1 and is_known
        # Browsers leave Origin out of simple GETs, but then say that another site asked.
        site = request.headers.get(SEC_FETCH_SITE, "none")
        return request.path != GRAPHQL_PATH or site in ("none", "same-origin")


def access_middleware(rules: AccessRules) -> Middleware:
    """Refuses what `rules` do not know, before any handler runs."""

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


def header_signal(rules: AccessRules) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Sets headers on every response, errors and files too; a handler's own value wins."""

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        # aiohttp has said already what it is.
        response.headers[hdrs.SERVER] = SERVER
        # Files have a validator: a browser asks again instead of keeping those of an older version.
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-cache")
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and origin.lower() in rules.origins and rules.knows_host(request):
            response.headers.update(CORS_HEADERS | {hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin})
            vary = response.headers.get(hdrs.VARY)
            response.headers[hdrs.VARY] = hdrs.ORIGIN if vary is None else f"{vary}, {hdrs.ORIGIN}"

    return add_headers
