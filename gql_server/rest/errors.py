"""Errors below /api/v1: JSON with `error`, a code for programs, and `message`, which the old page shows.

Every refusal is turned into this shape here, whichever layer it comes from: a rule of Host or Origin, a missing
token, the router, a handler, or a fault of ours.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gql_server.auth.host_and_origin import REST_PATH
from gql_server.http.answers import json_response
from gql_server.http.media_types import JSON
from gql_server.http.refusals import Refusal
from gql_server.responses.answers import refused_for
from gql_server.responses.errors import BadRequest
from gql_server.rest import absent

SWITCHED_OFF = (
    "The old server's routes are switched off: start the server with REEV_GQL_REST=true, or ask GraphQL"
)
NOWHERE = "There is no such route; GET /api/v1/openapi.json lists those there are, and /graphql has it all"


def error_response(error: BadRequest) -> web.Response:
    """`error` as JSON."""
    # The shapes of all answers, which a server without these routes never needs.
    from gql_server.rest.shapes import ErrorAnswer

    body = ErrorAnswer(error=error.code, message=error.message).model_dump_json().encode()
    return json_response(body, error.status, JSON, error.headers)


def json_errors(*, switched_on: bool) -> Middleware:
    """The middleware that does so; it comes before all others."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(REST_PATH):
            return await handler(request)
        try:
            response = await handler(request)
        except BadRequest as error:
            return error_response(error)
        except web.HTTPException as error:
            return error_response(_of_router(request, error, switched_on))
        except Exception as error:
            return error_response(_fault(error))
        return error_response(response.error) if isinstance(response, Refusal) else response

    return answer


def _of_router(request: web.Request, error: web.HTTPException, switched_on: bool) -> BadRequest:
    status = HTTPStatus(error.status)
    if switched_on and (gone := absent.reason(request.method, request.path)):
        return gone
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        allow = error.headers.get(hdrs.ALLOW, "")
        return BadRequest(
            f"This route answers to {allow.replace(',', ', ')}",
            code=status.name,
            status=status,
            headers={hdrs.ALLOW: allow},
        )
    if status is not HTTPStatus.NOT_FOUND:
        return BadRequest(status.phrase, code=status.name, status=status)
    if not switched_on:
        return BadRequest(SWITCHED_OFF, code="REST_SWITCHED_OFF", status=status)
    return BadRequest(NOWHERE, code=status.name, status=status)


def _fault(error: Exception) -> BadRequest:
    """What the client may see of an exception; the rest is in the log."""
    shown = refused_for(error).errors[0]
    extensions = shown.extensions or {}
    code = str(extensions["code"])
    is_ours = code == "INTERNAL"
    message = f"{shown.message} ({extensions['errorId']})" if is_ours else shown.message
    status = HTTPStatus.INTERNAL_SERVER_ERROR if is_ours else HTTPStatus.SERVICE_UNAVAILABLE
    return BadRequest(message, code=code, status=status)
