"""`reev-gql serve` as a process with a directory of its own, and a plain client of its API."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.helpers.patience import DEADLINE_S
from tests.helpers.places import REPOSITORY
from tests.helpers.prepared import start_reev_gql

PROTOCOL = "graphql-transport-ws"


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A server process that answers at `url`; its output is in `log`."""

    process: asyncio.subprocess.Process
    port: int
    log: Path
    client: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ask(self, document: str, **variables: object) -> Any:
        """The data of a document that must have no errors."""
        body = {"query": document, "variables": variables}
        async with self.client.post(f"{self.url}/graphql", json=body) as response:
            answer = await response.json(content_type=None)
        assert "errors" not in answer, answer
        return answer["data"]

    @asynccontextmanager
    async def watch(self, document: str, **variables: object) -> AsyncIterator[AsyncGenerator[Any, None]]:
        """The items of a subscription, over a socket of its own."""
        async with self.client.ws_connect(f"{self.url}/graphql", protocols=[PROTOCOL]) as socket:
            await socket.send_json({"type": "connection_init"})
            assert (await socket.receive_json())["type"] == "connection_ack"
            payload = {"query": document, "variables": variables}
            await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
            items = self._items(socket)
            try:
                yield items
            finally:
                await items.aclose()

    @staticmethod
    async def _items(socket: aiohttp.ClientWebSocketResponse) -> AsyncGenerator[Any, None]:
        async for message in socket:
            frame = message.json()
            match frame["type"]:
                case "next":
                    yield frame["payload"]["data"]
                case "complete":
                    return
                case "error":
                    raise AssertionError(frame["payload"])

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signals the process and returns its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.process.wait()


async def close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """How the server closed it, after everything else it had to say; one that is gone hears no answer."""
    while not socket.closed:
        with suppress(ConnectionError):
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.CLOSE:
                return int(message.data)
    return socket.close_code


@asynccontextmanager
async def running_server(
    directory: Path,
    environment: Mapping[str, str],
    *arguments: str,
    start: Callable[..., Awaitable[asyncio.subprocess.Process]] = start_reev_gql,
) -> AsyncIterator[Server]:
    """Starts `reev-gql serve` with `directory` for all its files; killed if the test does not end it.

    `start` is called like `start_reev_gql`.
    """
    port = free_port()
    log = directory / "server.log"
    (directory / "benchmarks").mkdir(exist_ok=True)
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("REEV_GQL_")},
        "REEV_GQL_PORT": str(port),
        "REEV_GQL_DATA_DIR": str(directory / "data"),
        "REEV_GQL_BENCHMARKS_DIR": str(directory / "benchmarks"),
        "REEV_GQL_SESSIONS_DIR": str(directory / "sessions"),
        "REEV_GQL_OUTPUT_DIR": str(directory / "runs"),
        "REEV_GQL_TERM_GRACE_S": "1",
        **environment,
    }
    with log.open("wb") as output:
        process = await start(
            "serve",
            *arguments,
            cwd=REPOSITORY,
            env=variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    async with aiohttp.ClientSession() as client:
        server = Server(process, port, log, client)
        try:
            await _until_ready(server)
            yield server
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _until_ready(server: Server) -> None:
    """Asks until the server says it is ready; nothing announces the moment its port opens."""
    deadline = asyncio.get_running_loop().time() + DEADLINE_S
    while asyncio.get_running_loop().time() < deadline:
        if server.process.returncode is not None:
            raise AssertionError(f"the server ended: {server.log.read_text()}")
        try:
            async with server.client.get(f"{server.url}/readyz") as response:
                if response.status == 200:
                    return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.02)
    raise AssertionError(f"the server was not ready in time: {server.log.read_text()}")
