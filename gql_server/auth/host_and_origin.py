"""The Host names that the server answers to, and the origins whose pages may use it.

A web page anywhere can make its visitor's browser send requests to a server on that machine. So a request is
answered only if its Host is one of our names (a name rebound to 127.0.0.1 is not), and, when a browser says
where it comes from, only if that is one of our own pages or an origin allowed by name. Checked before
anything else runs, for HTTP and for websockets alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import hdrs, web
from multidict import istr

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

GRAPHQL_PATH = "/graphql"
EXPORT_PATH = "/export/"
REST_PATH = "/api/"
DATA_PATHS = (EXPORT_PATH, REST_PATH)
"""No page of another site may read these, whether its browser names an origin or not; nor GRAPHQL_PATH."""

SEC_FETCH_SITE = istr("Sec-Fetch-Site")


@dataclass(frozen=True)
class AccessRules:
    """The names this server answers to and the origins it lets in; everything else is refused."""

    hosts: frozenset[str]
    origins: frozenset[str]

    @classmethod
    def build(cls, port: int, hosts: Iterable[str], origins: Iterable[str]) -> AccessRules:
        """`hosts` without a port are accepted with our port and without one; loopback names with our port only."""
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
        """Whether no page sent it, or a page of this host or of an allowed origin; `null` is never allowed."""
        if is_from_own_page(request):
            return True
        if origins := request.headers.getall(hdrs.ORIGIN, ()):
            return len(origins) == 1 and origins[0].lower() in self.origins
        return not (request.path == GRAPHQL_PATH or request.path.startswith(DATA_PATHS))


def is_from_own_page(request: web.BaseRequest) -> bool:
    """Whether no page sent it, or a page of this very host and port."""
    if origins := request.headers.getall(hdrs.ORIGIN, ()):
        host = request.headers.get(hdrs.HOST, "").lower()
        return len(origins) == 1 and origins[0].lower() in (f"http://{host}", f"https://{host}")
    # Browsers omit Origin in simple GETs, but then Sec-Fetch-Site names other sites.
    return request.headers.get(SEC_FETCH_SITE, "none") in ("none", "same-origin")
