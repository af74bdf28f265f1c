"""What many watch is executed and encoded once, and each of them sees everything once, over real sockets."""

from __future__ import annotations

import asyncio
import json
import random
import socket as sockets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from gql_server.operations import broadcasts
from gql_server.operations.broadcasts import Broadcast
from gql_server.operations.subscription_events import SubscriptionEvents
from gql_server.ws import connection
from gql_server.ws.messages import message
from schema.subscriptions import executions
from store import api_tokens
from store.api_tokens import Scope
from store.executions import state_machine
from store.live.hub import Hub
from store.postgres.database import Database
from tests.helpers.patience import DEADLINE_S, until
from tests.helpers.site import Site
from tests.helpers.stored_rows import append, ending, running

EVENTS = """
subscription ($id: ID!, $after: Int! = 0, $more: Boolean! = true) {
  executionEvents(executionId: $id, after: $after) {
    seq kind toolCall { name params } execution { status toolCalls @include(if: $more) { name } }
  }
}
"""
UPDATES = "subscription ($after: String) { executionUpdates(after: $after) { cursor event { seq } } }"
Socket = aiohttp.ClientWebSocketResponse


@asynccontextmanager
async def watching(
    site: Site,
    query: str,
    *,
    id_: str = "1",
    headers: Mapping[str, str] | None = None,
    client: aiohttp.ClientSession | None = None,
    **variables: object,
) -> AsyncIterator[Socket]:
    async with (client or site.client).ws_connect(
        f"{site.base}/graphql", protocols=("graphql-transport-ws",)
    ) as socket:
        await socket.send_json({"type": "connection_init", "payload": dict(headers or {})})
        payload = {"query": query, "variables": variables}
        await socket.send_json({"type": "subscribe", "id": id_, "payload": payload})
        assert (await socket.receive_json())["type"] == "connection_ack"
        yield socket


async def events(socket: Socket, until_seq: int | None = None) -> list[int]:
    """The numbers of the events that come, snapshot excepted, up to `until_seq` or the end."""
    seen: list[int] = []
    while (answer := await socket.receive_json())["type"] == "next":
        assert "errors" not in answer["payload"], answer
        event = answer["payload"]["data"]["executionEvents"]
        if event["kind"] != "SNAPSHOT":
            seen.append(event["seq"])
        if event["seq"] == until_seq:
            return seen
    assert answer["type"] == "complete", answer
    return seen


LARGE = {"text": "x" * 300_000}


def small_buffer(info: Any) -> sockets.socket:
    """A client's socket for which the system keeps little."""
    created = sockets.socket(*info[:3])
    created.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    return created


@dataclass
class Counted:
    """What happened since the test began to look."""

    listeners: int = 0
    answers: int = 0


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counts = Counted()
    listen, payload_of = Broadcast.listen, SubscriptionEvents.payload_of

    def counting_listen(self: Broadcast, *arguments: Any) -> None:
        counts.listeners += 1
        listen(self, *arguments)

    async def counting_payload_of(self: SubscriptionEvents, item: object) -> bytes:
        counts.answers += 1
        return await payload_of(self, item)

    monkeypatch.setattr(Broadcast, "listen", counting_listen)
    monkeypatch.setattr(SubscriptionEvents, "payload_of", counting_payload_of)
    return counts


async def test_whoever_joins_at_whatever_time_sees_every_event_once(
    site: Site, db: Database, hub: Hub
) -> None:
    dice = random.Random(20261124)
    start, execution_id = hub.updates.text(hub.updates.position), await running(db)

    async def watch(after: int) -> None:
        async with watching(site, EVENTS, id=str(execution_id), after=after) as socket:
            assert await events(socket) == list(range(after + 1, 44))

    async def watch_all() -> None:
        async with watching(site, UPDATES, after=start) as socket:
            cursors: list[str] = []
            while len(cursors) < 43:
                update = (await socket.receive_json())["payload"]["data"]["executionUpdates"]
                cursors += [update["cursor"]] if update["event"] else []
            assert [int(cursor.split(".")[2]) for cursor in cursors] == list(range(1, 44))

    async def leave_early(after: int) -> None:
        async with watching(site, EVENTS, id=str(execution_id), after=after) as socket:
            await events(socket, dice.randint(after + 1, 43))
            if dice.random() < 0.5:
                await socket.send_json({"type": "complete", "id": "1"})
            else:
                socket._response.connection.transport.abort()  # type: ignore[union-attr]

    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        for ordinal in range(1, 41):
            for _ in range(dice.randint(0, 2)):
                kind = dice.choice([watch, watch, leave_early])
                group.create_task(kind(dice.choice([0, ordinal + 1, dice.randint(0, ordinal + 1)])))
            if ordinal % 8 == 0:
                group.create_task(watch_all())
            await append(db, execution_id, ordinal)
        await state_machine.finish(db, execution_id, ending())
    await until(lambda: hub.followers == 0)


async def test_an_event_is_executed_once_for_all_who_ask_the_same(
    site: Site, db: Database, hub: Hub, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their operations are called and wherever they began."""
    ids = ["1", "1", '"', "\\", "é", "😀", "\u2028", "x" * 200, "</script>", "1 "]
    execution_id = await running(db)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:

        async def watch(number: int, id_: str) -> None:
            async with watching(site, EVENTS, id_=id_, id=str(execution_id), after=number % 3) as socket:
                for _ in range(3 - number % 3):
                    await socket.receive()
                for seq in range(3, 8):
                    text = await socket.receive_str()
                    answer = json.loads(text)
                    assert answer["payload"]["data"]["executionEvents"]["seq"] == seq
                    assert answer == {"id": id_, "payload": answer["payload"], "type": "next"}
                    # The same bytes as those of a message that was made in one piece.
                    assert text.startswith(message("next", id=id_).decode().removesuffix(',"type":"next"}'))
                assert await socket.receive_json() == {"id": id_, "type": "complete"}

        for number, id_ in enumerate(ids):
            group.create_task(watch(number, id_))
        await until(lambda: counted.listeners == len(ids))
        counted.answers = 0
        for ordinal in range(1, 5):
            await append(db, execution_id, ordinal)
        await state_machine.finish(db, execution_id, ending())
    assert counted.answers == 5
    await until(lambda: hub.followers == 0)


async def test_others_variables_documents_and_rights_are_others_answers(
    site: Site, db: Database, counted: Counted
) -> None:
    execution_id = str(await running(db))
    secret = api_tokens.new_secret()
    assert await api_tokens.create(db, "reader", Scope.READ, secret)
    reader = {"Authorization": f"Bearer {secret}"}
    watches: list[tuple[str, dict[str, str] | None, dict[str, Any]]] = [
        (EVENTS, None, {"id": execution_id, "after": 2}),
        (EVENTS, None, {"id": execution_id, "after": 1}),
        (EVENTS, None, {"id": execution_id, "more": False}),
        (EVENTS, reader, {"id": execution_id, "after": 2}),
        (EVENTS.replace("kind", "kind at"), None, {"id": execution_id, "after": 2}),
    ]
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:

        async def watch(query: str, headers: dict[str, str] | None, variables: dict[str, Any]) -> None:
            async with watching(site, query, headers=headers, **variables) as socket:
                while (answer := await socket.receive_json())["type"] == "next":
                    event = answer["payload"]["data"]["executionEvents"]
                    assert ("toolCalls" in event["execution"]) == variables.get("more", True)
                    assert ("at" in event) == (" at" in query)

        for one in watches:
            group.create_task(watch(*one))
        await until(lambda: counted.listeners == len(watches))
        counted.answers = 0
        await state_machine.finish(db, (await state_machine.live(db))[0].id, ending())
    assert counted.answers == 4


async def test_a_reader_that_does_not_read_delays_nobody_and_gets_everything_later(
    site: Site, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcasts, "REMEMBERED", 4)
    execution_id = await running(db)
    opened: list[connection.Connection] = []
    run = connection.Connection.run

    async def noted(self: connection.Connection, *arguments: Any) -> None:
        opened.append(self)
        await run(self, *arguments)

    monkeypatch.setattr(connection.Connection, "run", noted)
    async with (
        asyncio.timeout(DEADLINE_S),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=small_buffer)) as client,
        watching(site, EVENTS, id=str(execution_id), client=client) as slow,
        watching(site, EVENTS, id=str(execution_id)) as quick,
    ):
        await events(quick, 2)
        for ordinal in range(1, 31):
            await append(db, execution_id, ordinal, params=LARGE)
            assert await events(quick, ordinal + 2) == [ordinal + 2]
        # Thirty events of this size fit into no buffer of the system's, and few are kept for it in ours.
        transport = opened[0]._transport
        assert transport is not None
        assert 0 < transport.get_write_buffer_size() < 3 * 300_000
        await state_machine.finish(db, execution_id, ending())
        assert await events(quick) == [33]
        assert await events(slow) == list(range(1, 34))


async def test_what_goes_wrong_in_a_source_is_told_to_all_of_its_watchers(
    site: Site, db: Database, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await running(db)
    async with (
        asyncio.timeout(DEADLINE_S),
        watching(site, EVENTS, id=str(execution_id), after=2) as one,
        watching(site, EVENTS, id=str(execution_id), after=2) as other,
    ):
        await until(lambda: counted.listeners == 2)

        async def fail(*_: object) -> None:
            raise RuntimeError("canary")

        monkeypatch.setattr(executions, "gap_before", fail)
        await append(db, execution_id, 1)
        for socket in (one, other):
            await socket.receive()
            answer = await socket.receive_json()
            assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "INTERNAL")
            assert "canary" not in str(answer)


async def test_a_watcher_that_never_reads_is_cut_off(
    site: Site, db: Database, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SEND_TIMEOUT_S", 0.3)
    execution_id = await running(db)
    async with (
        asyncio.timeout(DEADLINE_S),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=small_buffer)) as client,
        watching(site, EVENTS, id=str(execution_id), client=client),
    ):
        await until(lambda: counted.listeners == 1)
        for ordinal in range(1, 31):
            await append(db, execution_id, ordinal, params=LARGE)
        await until(lambda: site.open_streams == 0)
