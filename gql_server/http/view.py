"""/graphql over HTTP: one operation per request, answered as the GraphQL-over-HTTP specification wants it.

A request that cannot be understood has a status that says why (400, 405, 406, 413, 415). One that GraphQL
refuses has 400 for clients that know `application/graphql-response+json`, and 200 for the older ones.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from http import HTTPStatus

from aiohttp import hdrs, web
from graphql import OperationType

from gql_server.auth.bearer_tokens import PRINCIPAL, Authenticator
from gql_server.documents.document_cache import Operation
from gql_server.http import body as bodies
from gql_server.http.answers import (
    Connection,
    Remember,
    in_one_piece,
    json_head,
    json_response,
    whole_answer,
)
from gql_server.http.media_types import EVENT_STREAM, GRAPHQL_JSON, JSON, Accepted, negotiate
from gql_server.http.open_streams import OpenStream, OpenStreams
from gql_server.http.refusals import refusal_in_one_piece
from gql_server.http.sse import send_events
from gql_server.http.unread_answers import SMALL, UnreadAnswers
from gql_server.operations.engine import Engine
from gql_server.operations.request import GraphQLRequest, read_request
from gql_server.responses.answers import refusal_of
from gql_server.responses.encoding import encode
from gql_server.responses.errors import BadRequest, Refused
from schema.contract.permissions import Principal


class GraphQLView:
    """Answers requests to /graphql that ask for no websocket. One per application."""

    def __init__(
        self,
        engine: Engine,
        authenticator: Authenticator,
        streams: OpenStreams,
        unread: UnreadAnswers,
        *,
        queries_by_get: bool = True,
        heartbeat_s: float = 20.0,
        remembers_heads: bool = True,
    ) -> None:
        self._engine, self._authenticator, self._streams, self._unread = (
            engine,
            authenticator,
            streams,
            unread,
        )
        self._heartbeat_s = heartbeat_s
        self._remember: Remember | None = self._known_head if remembers_heads else None
        self._methods = (hdrs.METH_GET, hdrs.METH_POST) if queries_by_get else (hdrs.METH_POST,)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The response to one request. Raises BadRequest."""
        if request.method == hdrs.METH_OPTIONS:
            return web.Response(status=HTTPStatus.NO_CONTENT, headers={hdrs.ALLOW: self._allow})
        if request.method not in self._methods:
            raise self._not_allowed(f"{request.method} is not answered here")
        principal = request[PRINCIPAL]
        accepted = negotiate(tuple(request.headers.getall(hdrs.ACCEPT, ())))
        asked = await bodies.read(request)
        try:
            operation = self._engine.operation(asked)
            self._check_method(request, operation)
            if accepted.single is None or operation.kind is OperationType.SUBSCRIPTION:
                return await self._stream(request, operation, asked, accepted, principal)
            payload = await self._engine.payload(operation, asked, principal)
        except Refused as refused:
            return await self._refused(request, refused, accepted)
        remember = None if request.method == hdrs.METH_GET else self._remember
        return whole_answer(request, payload, accepted.single, remember)

    def _known_head(self, request: web.BaseRequest) -> KnownPost:
        return KnownPost(self._engine, self._authenticator, self._unread, request)

    @property
    def _allow(self) -> str:
        return ", ".join((*self._methods, hdrs.METH_OPTIONS))

    def _not_allowed(self, message: str, allow: str | None = None) -> BadRequest:
        return BadRequest(
            message,
            code="METHOD_NOT_ALLOWED",
            status=HTTPStatus.METHOD_NOT_ALLOWED,
            headers={hdrs.ALLOW: allow or self._allow},
        )

    def _check_method(self, request: web.Request, operation: Operation) -> None:
        if request.method == hdrs.METH_GET and operation.kind is OperationType.MUTATION:
            raise self._not_allowed("Mutations are not answered to GET: use POST", hdrs.METH_POST)

    async def _stream(
        self,
        request: web.Request,
        operation: Operation,
        asked: GraphQLRequest,
        accepted: Accepted,
        principal: Principal,
    ) -> web.StreamResponse:
        """The answers as events; a query's only one too, for clients that take nothing else."""
        if not accepted.stream:
            raise BadRequest(
                f"Subscriptions are answered over a websocket, or as {EVENT_STREAM} if `Accept` names it",
                code="NOT_ACCEPTABLE",
                status=HTTPStatus.NOT_ACCEPTABLE,
            )

        async def end(code: int, reason: str) -> None:
            # The protocol has no message for it; a broken connection makes clients try again.
            if request.transport is not None:
                request.transport.abort()
            request.task.cancel()

        client = self._authenticator.address_of(request)
        answers = self._engine.answers(operation, asked, principal, client)
        with self._streams.slot(OpenStream(client, end, principal)):
            return await self._send_events(request, answers)

    async def _send_events(
        self, request: web.Request, answers: AsyncGenerator[bytes, None]
    ) -> web.StreamResponse:
        client = self._authenticator.address_of(request)
        return await send_events(request, answers, self._heartbeat_s, self._unread, client)

    async def _refused(
        self, request: web.Request, refused: Refused, accepted: Accepted
    ) -> web.StreamResponse:
        if accepted.single is None:

            async def only() -> AsyncGenerator[bytes, None]:
                yield encode(refusal_of(refused))

            return await self._send_events(request, only())
        return json_response(encode(refusal_of(refused)), _status(refused, accepted.single), accepted.single)


class KnownPost:
    """What is known of the head of a POST that was answered with one answer: by whom, and how to answer it."""

    __slots__ = ("_authenticator", "_client", "_engine", "_media_type", "_principal", "_secret", "_unread")

    def __init__(
        self, engine: Engine, authenticator: Authenticator, unread: UnreadAnswers, request: web.BaseRequest
    ) -> None:
        self._engine, self._authenticator, self._unread = engine, authenticator, unread
        self._principal = request[PRINCIPAL]
        self._secret = authenticator.secret_of(request)
        self._client = authenticator.address_of(request)
        self._media_type = negotiate(tuple(request.headers.getall(hdrs.ACCEPT, ()))).single or JSON

    async def answer(self, body: bytes, connection: Connection) -> bytes | None:
        """The response to a query with this head and `body`; None for what is no query, and for others by now."""
        if self._authenticator.known(self._secret) != self._principal:
            return None
        media_type = self._media_type
        try:
            asked = read_request(bodies.decode(body))
            operation = self._engine.operation(asked)
            if operation.kind is not OperationType.QUERY:
                return None
            payload = await self._engine.payload(operation, asked, self._principal)
            answer = in_one_piece(json_head(media_type), payload)
            if len(payload) <= SMALL:
                return answer
            sending = connection.write_large(answer)
            await self._unread.send_large(self._client, len(payload), sending, connection.abort)
        except BadRequest as error:
            return refusal_in_one_piece(error)
        except Refused as refused:
            head = json_head(media_type, _status(refused, media_type))
            return in_one_piece(head, encode(refusal_of(refused)))
        return b""


def _status(refused: Refused, media_type: str) -> HTTPStatus:
    """Clients that accept only application/json expect 200 for GraphQL errors."""
    return refused.status if media_type == GRAPHQL_JSON else HTTPStatus.OK
