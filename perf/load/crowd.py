"""Many watchers in a process of their own: each reads the events of one execution over a websocket and drops them.

    python -m perf.load.crowd URL WATCHERS ID...

Prints `watching` once each has had its first item, then reads until it is ended.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp

from tests.helpers.server import PROTOCOL

EVENTS = "subscription ($id: ID!) { executionEvents(executionId: $id) { seq kind toolCall { name } } }"


async def main(url: str, watchers: int, ids: list[str]) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        sockets = [await _open(client, url, ids[number % len(ids)]) for number in range(watchers)]
        print("watching", flush=True)
        await asyncio.gather(*(_read(socket) for socket in sockets))


async def _open(
    client: aiohttp.ClientSession, url: str, execution_id: str
) -> aiohttp.ClientWebSocketResponse:
    socket = await client.ws_connect(f"{url}/graphql", protocols=[PROTOCOL])
    await socket.send_json({"type": "connection_init"})
    payload = {"query": EVENTS, "variables": {"id": execution_id}}
    await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
    while (await socket.receive_json())["type"] != "next":
        pass
    return socket


async def _read(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass


asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
