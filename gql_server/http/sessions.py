"""/session: signs a browser in with a token, says who is signed in, and signs out.

A program sends its token in `Authorization` and needs no session.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from gql_server.auth.bearer_tokens import Authenticator
from gql_server.auth.host_and_origin import is_from_own_page
from gql_server.auth.sessions import session_cookie, session_token
from gql_server.http.body import read_json
from gql_server.http.refusals import refusal_response
from gql_server.responses.errors import BadRequest
from schema.contract.permissions import Principal

MAX_TOKEN = 1024
"""Characters. A cookie has room for 4096 bytes, and a token for 51 characters unless an operator chose it."""

METHODS = (hdrs.METH_GET, hdrs.METH_POST, hdrs.METH_DELETE)


def session_handler(authenticator: Authenticator) -> Handler:
    """Answers each of METHODS with `{name, scope}` of the session: null and null when there is none."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await _answer(request, authenticator)
        except BadRequest as error:
            return refusal_response(error)

    return answer


async def _answer(request: web.Request, authenticator: Authenticator) -> web.Response:
    if not is_from_own_page(request):
        raise BadRequest(
            "Only pages of this server sign in and out", code="FORBIDDEN", status=HTTPStatus.FORBIDDEN
        )
    if request.method == hdrs.METH_DELETE:
        return _state(None, session_cookie(request, None))
    if request.method == hdrs.METH_POST:
        token = _token(await read_json(request))
        principal = await authenticator.authenticate(f"Bearer {token}", authenticator.address_of(request))
        return _state(principal, session_cookie(request, token))
    is_signed_in = session_token(request) is not None
    return _state(await authenticator.authenticate_request(request) if is_signed_in else None)


def _token(body: object) -> str:
    """The token in the body of a request to sign in. Raises BadRequest."""
    match body:
        case {"token": str(token)} if 0 < len(token.strip()) <= MAX_TOKEN:
            return token.strip()
    raise BadRequest(f'Send {{"token": "…"}}, with 1 to {MAX_TOKEN} characters')


def _state(principal: Principal | None, cookie: str | None = None) -> web.Response:
    state = {"name": principal and principal.name, "scope": principal and principal.scope.name}
    headers = {hdrs.CACHE_CONTROL: "no-store"} | ({hdrs.SET_COOKIE: cookie} if cookie else {})
    return web.json_response(state, headers=headers)
