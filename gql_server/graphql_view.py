"""/graphql over HTTP and websocket: Strawberry's view with our access rules, bounds and masked errors.

A body that is no GraphQL request is told so (400, 413, 415), never answered with our own fault. The legacy
websocket protocol, batches and uploads are off.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from aiohttp import hdrs, web
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from strawberry.aiohttp.views import GraphQLView as StrawberryView
from strawberry.exceptions import MissingQueryError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from gql_server.access import AccessRules, refusal
from gql_server.masking import masked
from gql_server.sockets import CLOSE_TIMEOUT_S, MAX_MESSAGE_BYTES, OpenSockets, SocketAdapter, SocketHandler

if TYPE_CHECKING:
    from strawberry import Schema

    from schema.context import Context

MAX_BODY_BYTES = 2 * 1024 * 1024
"""Room for the largest benchmark file, escaped, and no more."""

MAX_SUBSCRIPTIONS_PER_SOCKET = 100

T = TypeVar("T")


class GraphQLView(StrawberryView["Context", None]):
    """One per application. `make_context` gives each request, or each socket, a context of its own."""

    websocket_adapter_class = SocketAdapter
    graphql_transport_ws_handler_class = SocketHandler

    def __init__(
        self,
        schema: Schema,
        make_context: Callable[[], Context],
        rules: AccessRules,
        *,
        queries_by_get: bool = True,
        heartbeat_s: float = 20.0,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=queries_by_get,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            multipart_uploads_enabled=False,
            max_subscriptions_per_connection=MAX_SUBSCRIPTIONS_PER_SOCKET,
            allowed_origins=tuple(rules.origins),
        )
        self.rules = rules
        self.sockets = OpenSockets()
        self.make_context = make_context
        self._heartbeat_s = heartbeat_s

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        is_socket = self.is_websocket_request(request)
        if not is_socket and not self.rules.knows_token(request.headers.get(hdrs.AUTHORIZATION)):
            response: web.StreamResponse = refusal(
                HTTPStatus.UNAUTHORIZED, "A bearer token is needed (REEV_GQL_TOKEN)"
            )
            response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
            return response
        try:
            return await self.run(request=request)
        except HTTPException as error:
            return refusal(HTTPStatus(error.status_code), str(error.reason))

    async def get_context(self, request: web.Request, response: object) -> Context:
        return self.make_context()

    async def create_websocket_response(
        self, request: web.Request, subprotocol: str | None
    ) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            protocols=[subprotocol] if subprotocol else [],
            heartbeat=self._heartbeat_s,
            timeout=CLOSE_TIMEOUT_S,
            max_msg_size=MAX_MESSAGE_BYTES,
            # Deflate keeps 117 kB per socket, for messages of a few hundred bytes.
            compress=False,
        )
        await socket.prepare(request)
        self.sockets.add(socket)
        return socket

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """The request, checked as far as it goes without knowing the schema; HTTPException otherwise."""
        if request.method == "GET":
            fields: object = self.parse_query_params(request.query_params)
        else:
            media_type = (request.content_type or "").partition(";")[0].strip().lower()
            if media_type != "application/json":
                raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/json")
            fields = self.parse_json(await request.get_body())
        if not isinstance(fields, dict):
            raise HTTPException(HTTPStatus.BAD_REQUEST, "Send one JSON object with a `query`")
        return GraphQLRequestData(
            query=_optional(fields, "query", str, "a string"),
            variables=_optional(fields, "variables", dict, "an object"),
            operation_name=_optional(fields, "operationName", str, "a string"),
            extensions=_optional(fields, "extensions", dict, "an object"),
        )

    async def execute_single(
        self,
        request: web.Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: web.Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """As Strawberry's, but a subscription, which has no single answer, is refused."""
        allowed = OperationType.from_http(request_adapter.method) - {OperationType.SUBSCRIPTION}
        if request_adapter.method == "GET" and not self.allow_queries_via_get:
            allowed -= {OperationType.QUERY}
        try:
            result = await self.schema.execute(
                request_data.query,
                root_value=root_value,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types=allowed,
            )
        except CannotGetOperationTypeError as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, error.as_http_error_reason()) from error
        except InvalidOperationTypeError as error:
            reason = error.as_http_error_reason(request_adapter.method)
            raise HTTPException(HTTPStatus.BAD_REQUEST, reason) from error
        except MissingQueryError as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "There is no `query` in the request") from error
        return result

    async def process_result(self, request: web.Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        if result.errors:
            result.errors = [masked(error) for error in result.errors]
        return await super().process_result(request, result)

    def create_response(
        self,
        response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse],
        sub_response: web.Response,
    ) -> web.Response:
        sub_response.body = self.encode_json(response_data).encode()
        sub_response.content_type = "application/json"
        sub_response.headers[hdrs.CACHE_CONTROL] = "no-store"
        return sub_response

    def decode_json(self, data: str | bytes) -> object:
        """Raises json.JSONDecodeError for whatever is no JSON, invalid UTF-8 and bottomless nesting too."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """Text, because graphql-transport-ws knows no binary messages."""
        try:
            return orjson.dumps(data).decode()
        except TypeError:
            # Integers beyond 64 bits, as a JSON field may hold them.
            return json.dumps(data, separators=(",", ":"))


def _optional(fields: dict[str, Any], name: str, kind: type[T], what: str) -> T | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, kind):
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"`{name}` must be {what}")
    return value
