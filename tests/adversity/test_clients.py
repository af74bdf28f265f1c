"""Clients whose sockets are cut, that disappear, or that come too late; a pool without a free connection."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest

from gql_server.ws import connection as sockets
from schema.executions.events import ExecutionEvent
from store.executions import state_machine
from store.live.events import Cursor, HubEvent
from store.live.hub import Hub
from store.model import ExecutionId
from store.postgres import database
from store.postgres.database import Database
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.proxy import Proxy, proxy_to
from tests.helpers.server import PROTOCOL
from tests.helpers.site import MakeSite, Site
from tests.helpers.stored_rows import append, background, database_order, ending, queued
from tests.helpers.workers import claim

CUTS = 100
TERMINAL = ("SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "LOST")
EVENTS = """
subscription ($id: ID!, $after: Int!) {
  executionEvents(executionId: $id, after: $after) { kind seq status toolCall { result } }
}
"""
UPDATES = """
subscription ($after: String) { executionUpdates(after: $after) { cursor event { executionId seq status } } }
"""


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    """Clients that are gone are noticed sooner than in production."""
    return await make_site(heartbeat_s=1)


@pytest.fixture
async def cut(site: Site) -> AsyncIterator[Proxy]:
    """A proxy in front of the site."""
    port = int(site.base.rpartition(":")[2])
    async with proxy_to(("127.0.0.1", port)) as proxy:
        yield proxy


@asynccontextmanager
async def frames_of(
    site: Site, port: int, document: str, **variables: object
) -> AsyncIterator[AsyncGenerator[Any, None]]:
    """The frames of a subscription over its own socket; they end when the socket ends."""
    headers = {"Host": site.base.removeprefix("http://")}
    url = f"http://127.0.0.1:{port}/graphql"
    async with site.client.ws_connect(url, protocols=[PROTOCOL], headers=headers) as socket:
        await socket.send_json({"type": "connection_init"})
        payload = {"query": document, "variables": variables}
        await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})

        async def frames() -> AsyncGenerator[Any, None]:
            async for message in socket:
                if (frame := message.json())["type"] in ("next", "error", "complete"):
                    yield frame

        async with aclosing(frames()) as items:
            yield items


async def until_ended(site: Site, port: int, execution_id: ExecutionId) -> list[int]:
    """What a client sees that resumes from its last seq whenever its socket is gone."""
    seqs: list[int] = []
    while True:
        with suppress(aiohttp.ClientError, ConnectionError):
            after = seqs[-1] if seqs else 0
            async with frames_of(site, port, EVENTS, id=str(execution_id), after=after) as frames:
                async for frame in frames:
                    event = frame["payload"]["data"]["executionEvents"]
                    if event["kind"] != "SNAPSHOT":
                        seqs.append(event["seq"])
                        if event["status"] in TERMINAL:
                            return seqs


async def until_all_ended(site: Site, port: int) -> list[tuple[str, int]]:
    """The same over the list of executions, of which there is one, with the last cursor."""
    seen: list[tuple[str, int]] = []
    cursor = str(Cursor.at(0))
    while True:
        with suppress(aiohttp.ClientError, ConnectionError):
            async with frames_of(site, port, UPDATES, after=cursor) as frames:
                async for frame in frames:
                    update = frame["payload"]["data"]["executionUpdates"]
                    cursor = update["cursor"]
                    if (event := update["event"]) is not None:
                        seen.append((event["executionId"], event["seq"]))
                        if event["status"] in TERMINAL:
                            return seen


async def test_a_client_cut_a_hundred_times_has_seen_what_the_database_holds(
    site: Site, cut: Proxy, db: Database
) -> None:
    chance = random.Random(11)
    execution = await queued(db)
    cut_often = asyncio.Event()

    async def write() -> None:
        await claim(db, execution.id)
        for ordinal in itertools.count(1):
            await append(db, execution.id, ordinal)
            await asyncio.sleep(chance.uniform(0, 0.01))
            if cut_often.is_set():
                break
        await state_machine.finish(db, execution.id, ending())

    async def nemesis() -> None:
        for _ in range(CUTS):
            before = cut.accepted
            await eventually(lambda before=before: _is(lambda: cut.links > 1 or cut.accepted > before))  # type: ignore[misc]
            await asyncio.sleep(chance.uniform(0, 0.02))
            cut.reset()
        cut_often.set()

    async with asyncio.timeout(DEADLINE_S):
        seqs, seen, _, _ = await asyncio.gather(
            until_ended(site, cut.port, execution.id), until_all_ended(site, cut.port), write(), nemesis()
        )
    order = await database_order(db)
    assert seqs == [seq for _, _, seq in order] == list(range(1, len(order) + 1))
    assert seen == [(str(execution_id), seq) for _, execution_id, seq in order]


async def _is(condition: Callable[[], bool]) -> bool:
    return condition()


async def test_a_client_that_vanished_without_a_word_is_let_go(
    site: Site, cut: Proxy, db: Database, hub: Hub
) -> None:
    execution = await queued(db)
    async with frames_of(site, cut.port, EVENTS, id=str(execution.id), after=0) as frames:
        await anext(frames)
        assert len(hub._channels) == 1
        cut.half_open = True
        await eventually(lambda: _is(lambda: not hub._channels))
        cut.heal()


async def test_a_client_that_reads_nothing_is_cut_off_and_keeps_nobody_waiting(
    site: Site, cut: Proxy, db: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SEND_TIMEOUT_S", 0.3)
    execution = await queued(db)
    port = int(site.base.rpartition(":")[2])
    watch = {"id": str(execution.id), "after": 0}
    async with (
        asyncio.timeout(DEADLINE_S),
        frames_of(site, cut.port, EVENTS, **watch) as slow,
        background(until_ended(site, port, execution.id)) as [other],
    ):
        await anext(slow)
        cut.stall()
        await claim(db, execution.id)
        for ordinal in range(1, 9):
            await append(db, execution.id, ordinal, result="x" * 2_000_000)
        await eventually(lambda: _is(lambda: all(c.followers == 1 for c in hub._channels.values())))
        await state_machine.finish(db, execution.id, ending())
        assert await other == list(range(1, 12))
        cut.heal()


async def test_an_event_that_cannot_be_told_is_one_subscribers_error_and_nobody_elses(
    site: Site, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await queued(db)
    port = int(site.base.rpartition(":")[2])
    told, broken = ExecutionEvent.of.__func__, [True]  # type: ignore[attr-defined]

    def of(cls: type[ExecutionEvent], item: HubEvent) -> ExecutionEvent:
        if item.event.seq == 2 and broken:
            broken.clear()
            raise ValueError("a formatter's fault")
        event: ExecutionEvent = told(cls, item)
        return event

    monkeypatch.setattr(ExecutionEvent, "of", classmethod(of))
    watch = {"id": str(execution.id), "after": 0}
    async with asyncio.timeout(DEADLINE_S), frames_of(site, port, EVENTS, **watch) as frames:
        await anext(frames)
        await anext(frames)
        await claim(db, execution.id)
        failed = await anext(frames)
        assert failed["type"] == "error" and failed["payload"][0]["extensions"]["code"] == "INTERNAL"
        async with background(until_ended(site, port, execution.id)) as [other]:
            await state_machine.finish(db, execution.id, ending())
            assert await other == [1, 2, 3]


async def test_without_a_free_connection_requests_are_told_so_and_probes_are_answered(
    site: Site, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "{ executions(first: 1) { edges { node { id } } } }"
    async with AsyncExitStack() as stack:
        for _ in range(10):
            await stack.enter_async_context(db.connection())
        # Not before: opening a connection takes longer on a busy machine.
        with monkeypatch.context() as patched:
            patched.setattr(database, "ACQUIRE_TIMEOUT_S", 0.2)
            _, answer = await site.post(query)
        assert answer["errors"][0]["extensions"]["code"] == "SERVER_BUSY"
        async with site.client.get(f"{site.base}/healthz") as response:
            assert response.status == 200
    assert (await site.post(query))[1] == {"data": {"executions": {"edges": []}}}
