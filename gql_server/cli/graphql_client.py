"""Talks to a running server: over HTTP for queries and mutations, over a websocket for a subscription.

Every error is a CliError in one line. A subscription survives a dropped connection: it is opened again
after the last event that arrived, so the caller sees every event once and in order.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit, urlunsplit

# Before gql, which imports aiohttp too.
from runner_bridge.lazy_aiohttp import aiohttp

# isort: split
from gql import Client, GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportError, TransportQueryError, TransportServerError

from gql_server.cli.errors import CliError, ExitCode, wrong_use
from gql_server.documents.cli_documents import BATCH_UPDATES, EVENTS

REQUEST_TIMEOUT_S = 60
"""A sync of thousands of files takes seconds."""

PING_S = 10.0
"""A server that answers no ping for as long again is gone, and the connection is opened anew."""

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
"""Pauses between attempts to reconnect double from the first to the longest."""

GIVE_UP_AFTER_S = 60.0
"""How long to wait for a server that is away."""

OUR_FAULTS = frozenset(
    {
        *("INTERNAL", "SERVER_BUSY", "DATABASE_UNAVAILABLE", "SERVICE_UNAVAILABLE", "OPERATION_TIMEOUT"),
        *("REQUEST_TIMEOUT", "TOO_MANY_REQUESTS", "TOO_MANY_STREAMS", "ANSWERS_UNREAD"),
    }
)
"""Codes of top-level errors that are no fault of the request."""

CONNECTION_ERRORS = (aiohttp.ClientError, OSError, TransportError, TimeoutError)


REFUSED_TOKEN = frozenset({"UNAUTHORIZED", "FORBIDDEN"})


def headers() -> dict[str, str]:
    token = os.environ.get("REEV_GQL_TOKEN", "").strip()
    if not (token.isascii() and token.isprintable()):
        raise wrong_use("REEV_GQL_TOKEN has characters that no token has: copy it again")
    return {"Authorization": f"Bearer {token}"} if token else {}


async def ask(url: str, document: str, variables: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The data of one query or mutation."""
    transport = AIOHTTPTransport(url=url, headers=headers(), timeout=REQUEST_TIMEOUT_S)
    client = Client(transport=transport, execute_timeout=REQUEST_TIMEOUT_S)
    request = GraphQLRequest(document, variable_values=dict(variables or {}))
    try:
        async with client as session:
            data: dict[str, Any] = await session.execute(request)
            return data
    except TransportQueryError as error:
        raise _answered(error) from error
    except TransportServerError as error:
        code = ExitCode.WRONG_USE if (error.code or 500) < 500 else ExitCode.SERVER_FAILED
        raise CliError(f"{url} refused the request: {error}", code) from error
    except CONNECTION_ERRORS as error:
        raise unreachable(url) from error


def events(
    url: str, execution_id: str, on_lost: Callable[[], None] = lambda: None
) -> AsyncGenerator[dict[str, Any], None]:
    """Every event of the execution, once, in order, until it has ended; `on_lost`: the connection was lost."""
    return _followed(url, EVENTS, {"id": execution_id, "after": 0}, _seq, on_lost)


def batch_updates(
    url: str, batch_id: str, after: str, on_lost: Callable[[], None] = lambda: None
) -> AsyncGenerator[dict[str, Any], None]:
    """Every change of state in the batch after this cursor, once, in order, until all of it has ended."""
    return _followed(url, BATCH_UPDATES, {"id": batch_id, "after": after}, _cursor, on_lost)


def _seq(event: dict[str, Any]) -> int | None:
    return None if event["kind"] == "SNAPSHOT" else int(event["seq"])


def _cursor(update: dict[str, Any]) -> str | None:
    return None if update["event"] is None else str(update["cursor"])


async def _followed(
    url: str,
    document: str,
    variables: dict[str, object],
    place: Callable[[dict[str, Any]], object],
    on_lost: Callable[[], None],
) -> AsyncGenerator[dict[str, Any], None]:
    """What the subscription's one field delivers; what has no `place` to continue after is left out."""
    pause, lost_at = FIRST_PAUSE_S, None
    clock = asyncio.get_running_loop().time
    while True:
        try:
            async with aclosing(_subscription(url, document, variables)) as items:
                async for item in items:
                    pause, lost_at = FIRST_PAUSE_S, None
                    after = place(item)
                    if after is not None:
                        variables = {**variables, "after": after}
                        yield item
            return
        except TransportQueryError as error:
            raise _answered(error) from error
        except CONNECTION_ERRORS as error:
            lost_at = lost_at or clock()
            if clock() - lost_at > GIVE_UP_AFTER_S:
                raise unreachable(url) from error
            on_lost()
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def _subscription(
    url: str, document: str, variables: dict[str, object]
) -> AsyncGenerator[dict[str, Any], None]:
    # The transport does not close a session of its own when it cannot connect.
    async with aiohttp.ClientSession() as connections:
        transport = AIOHTTPWebsocketsTransport(
            url=_websocket_url(url),
            subprotocols=[AIOHTTPWebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            init_payload=headers(),
            heartbeat=PING_S,
            session=connections,
        )
        async with Client(transport=transport) as session:
            request = GraphQLRequest(document, variable_values=variables)
            async with aclosing(session.subscribe(request)) as results:
                async for result in results:
                    [item] = result.values()
                    yield item


def _websocket_url(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="wss" if parts.scheme == "https" else "ws"))


def _answered(error: TransportQueryError) -> CliError:
    """The top-level errors of an answer."""
    errors = error.errors or []
    message = "; ".join(str(item.get("message", item)) for item in errors) or str(error)
    codes = {str((item.get("extensions") or {}).get("code")) for item in errors}
    if codes & REFUSED_TOKEN:
        message += "; REEV_GQL_TOKEN is the token that is sent"
    return CliError(message, ExitCode.SERVER_FAILED if codes & OUR_FAULTS else ExitCode.WRONG_USE)


def unreachable(url: str) -> CliError:
    advice = "start one with `reev-gql serve`, or name another with --server, REEV_GQL_URL or REEV_GQL_PORT"
    return CliError(f"no server answers at {url}: {advice}", ExitCode.SERVER_FAILED)
