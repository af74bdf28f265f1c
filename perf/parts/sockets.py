"""What a websocket costs the server in memory, idle and subscribed, and how long a hostile document takes."""

from __future__ import annotations

import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import psutil

from gql_server.documents.document_store import DocumentStore
from gql_server.responses.errors import Refused
from gql_server.settings.document_limits import DocumentLimits
from perf.report.figures import show
from schema import build_schema
from tests.gql_server.documents.test_size_limits import HOSTILE
from tests.helpers.server import PROTOCOL, running_server

SOCKETS = 400
WATCH = "subscription { executionUpdates { cursor } }"


async def measure(url: str) -> None:
    """Prints KiB per socket and per subscription, and the slowest refusal."""
    with tempfile.TemporaryDirectory() as name:
        async with running_server(Path(name), {"DATABASE_URL": url}) as server, AsyncExitStack() as stack:
            # The usual client keeps a hundred connections at most.
            connector = aiohttp.TCPConnector(limit=0)
            client = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
            process = psutil.Process(server.process.pid)
            before = process.memory_info().rss
            sockets = []
            for _ in range(SOCKETS):
                socket = await stack.enter_async_context(
                    client.ws_connect(f"{server.url}/graphql", protocols=[PROTOCOL])
                )
                await socket.send_json({"type": "connection_init"})
                await socket.receive_json()
                sockets.append(socket)
            idle = process.memory_info().rss
            for socket in sockets:
                await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": WATCH}})
                await socket.receive_json()
            subscribed = process.memory_info().rss
    name, seconds = _slowest_refusal()
    show(
        "The front door",
        [
            (f"memory of an idle websocket, mean of {SOCKETS}", _kib(idle - before)),
            ("memory of a subscription on it", _kib(subscribed - idle)),
            (
                f"slowest refusal of {len(HOSTILE)} hostile documents ({name})",
                f"{1000 * seconds:.1f} ms of CPU",
            ),
        ],
    )


def _kib(total: int) -> str:
    return f"{total / SOCKETS / 1024:.1f} KiB"


def _slowest_refusal() -> tuple[str, float]:
    documents = DocumentStore(build_schema()._schema, DocumentLimits())
    taken = {}
    for name, (document, _) in HOSTILE.items():
        began = time.thread_time()
        try:
            documents.operation(document, None, None)
        except Refused:
            taken[name] = time.thread_time() - began
    slowest = max(taken, key=lambda name: taken[name])
    return slowest, taken[slowest]
