"""The handlers of the routes, by path and method, for the application to add."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from gql_server.rest.context import Rest, tagged
from gql_server.rest.openapi import document
from gql_server.rest.operations import OPENAPI, OPERATIONS
from gql_server.rest.remembered import Tagged


def rest_handlers(rest: Rest) -> Iterator[tuple[str, str, Handler]]:
    """Path, method and handler of each route."""
    for one in OPERATIONS:
        yield one.route, one.method, partial(one.handler, rest)
    yield OPENAPI, hdrs.METH_GET, partial(_openapi, rest)


async def _openapi(rest: Rest, request: web.Request) -> web.StreamResponse:
    return tagged(rest, request, Tagged(document()))
