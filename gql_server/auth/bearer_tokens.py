"""Bearer tokens: each request and each websocket is authenticated here before anything is executed for it.

The token is in `Authorization`, in the first message of a websocket, or in the session of a browser (sessions.py).

A server that listens on loopback requires no token unless it is configured to. A token that is sent is checked all
the same, because it may have a smaller scope. A valid token is always accepted; failures are throttled by address.
"""

from __future__ import annotations

import asyncio
import hmac
import time
import uuid
from collections import OrderedDict
from collections.abc import Collection
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import hdrs, web

from gql_server.auth.sessions import session_cookie, session_token
from gql_server.auth.throttle import AuthThrottle
from gql_server.responses.errors import BadRequest
from schema.contract.permissions import LOCAL, Principal, Scope
from store import api_tokens
from store.errors import StoreError
from store.postgres.database import Database

PRINCIPAL = web.RequestKey("principal", Principal)
"""The principal of a request; not set on public routes and websocket handshakes."""

CONFIGURED = Principal("REEV_GQL_TOKEN", Scope.ADMIN)
"""The principal of the token in the settings."""

REMEMBER_S = 5.0
"""How long a token counts as valid without another look-up; a revoked one is refused after it."""

REMEMBERED = 1000

LOOK_UP_S = 3.0
"""A lock on the table of tokens delays a request for no longer."""

Network = IPv4Network | IPv6Network


class Authenticator:
    """One per server. `proxies` are trusted to name the addresses of clients."""

    def __init__(
        self, db: Database, token: str | None, *, required: bool = False, proxies: Collection[Network] = ()
    ) -> None:
        self._db = db
        self._token = token
        self._required = required or token is not None
        self._proxies = tuple(proxies)
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._throttle = AuthThrottle()

    def address_of(self, request: web.BaseRequest) -> str:
        """The address of the client: the peer of the connection, or what trusted proxies say it is."""
        address = request.remote or "unknown"
        if not self._proxies:
            return address
        said = [
            part.strip()
            for header in request.headers.getall("X-Forwarded-For", [])
            for part in header.split(",")
        ]
        # Each proxy appends the address of its peer. A client can forge what stands before the first unknown one.
        while said and self._is_proxy(address):
            address = said.pop()
        return address

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)

    async def authenticate_request(self, request: web.Request) -> Principal:
        """The principal that sends this request. Raises BadRequest (401, 429, 503)."""
        given = request.headers.getall(hdrs.AUTHORIZATION, ())
        if len(given) > 1:
            raise _unauthorized("One Authorization header is enough")
        session = None if given else session_token(request)
        if session is None:
            return await self.authenticate(given[0] if given else None, self.address_of(request))
        try:
            return await self.authenticate(f"Bearer {session}", self.address_of(request))
        except BadRequest as error:
            if error.status is HTTPStatus.UNAUTHORIZED:
                # Else the browser would show it again and again, and have to wait.
                error.headers[hdrs.SET_COOKIE] = session_cookie(request, None)
            raise

    async def authenticate(self, authorization: object, address: str) -> Principal:
        """The principal with this `Authorization`. Raises BadRequest (401, 429, 503)."""
        secret = _bearer(authorization)
        principal = self.known(secret)
        if principal is not None:
            return principal
        if secret is None:
            raise _unauthorized("A bearer token is needed")
        principal = await self._of_database(api_tokens.digest_of(secret))
        if principal is None:
            # Only failures wait: else an attacker could lock out others who share its address.
            self._throttle.failed(address)
            raise _unauthorized("This token is not known, or was revoked")
        return principal

    def secret_of(self, request: web.BaseRequest) -> str | None:
        """The token that a request shows, unchecked; None when it shows none."""
        given = request.headers.get(hdrs.AUTHORIZATION)
        return session_token(request) if given is None else _bearer(given)

    def known(self, secret: str | None) -> Principal | None:
        """The principal with this token, or without one; None when it must be looked up, or is not valid."""
        if secret is None:
            return None if self._required else LOCAL
        if self._token is not None and hmac.compare_digest(secret.encode(), self._token.encode()):
            return CONFIGURED
        known = self._known.get(api_tokens.digest_of(secret)) if self._known else None
        return known[1] if known is not None and time.monotonic() - known[0] < REMEMBER_S else None

    async def _of_database(self, digest: bytes) -> Principal | None:
        self._known.pop(digest, None)
        try:
            async with asyncio.timeout(LOOK_UP_S):
                token = await api_tokens.use(self._db, digest)
        except (TimeoutError, StoreError) as error:
            raise BadRequest(
                "Tokens cannot be looked up now; try again shortly",
                code="DATABASE_UNAVAILABLE",
                status=HTTPStatus.SERVICE_UNAVAILABLE,
            ) from error
        if token is None:
            return None
        principal = Principal(token.name, token.scope, token.id)
        self._known[digest] = (time.monotonic(), principal)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return principal

    async def revoked(self, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
        """Those of `ids` that are no longer valid. Raises StoreError."""
        return set(ids) - await api_tokens.valid(self._db, ids)


def _bearer(authorization: object) -> str | None:
    """The token in an `Authorization`; None when it is of another kind, or none."""
    if not isinstance(authorization, str):
        return None
    scheme, _, given = authorization.partition(" ")
    return given.strip().encode("utf-8", "replace").decode() if scheme.lower() == "bearer" else None


def _unauthorized(message: str) -> BadRequest:
    return BadRequest(
        message,
        code="UNAUTHORIZED",
        status=HTTPStatus.UNAUTHORIZED,
        headers={hdrs.WWW_AUTHENTICATE: "Bearer"},
    )
