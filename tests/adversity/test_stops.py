"""Stops that coincide with something else: the natural end, a client that disconnects, a database that is away.

Nothing of the runner lives on, there is one end, and the client was told which.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from store.executions import state_machine
from store.live.hub import Hub
from store.model import ExecutionId, ExecutionStatus
from store.postgres.database import Database
from tests.adversity.conftest import Proxied
from tests.helpers.bridge import Bridge, read_if_there
from tests.helpers.patience import DEADLINE_S, eventually, until
from tests.helpers.proxy import proxy_to
from tests.helpers.site import Site
from tests.runner_bridge.conftest import bridge
from tests.runner_bridge.worker.test_worker import at_work

__all__ = ["bridge"]

RACES = int(os.environ.get("STOP_RACES", "40"))
"""`make chaos` wants a thousand."""

AT_ONCE = 6
DRIVERS_OWN = (ConnectionError, asyncpg.PostgresConnectionError)
STOP = """
mutation ($id: ID!) {
  stopExecution(input: {executionId: $id}) {
    __typename
    ... on StopExecutionSuccess { execution { status } }
    ... on ExecutionAlreadyEndedError { execution { status } }
  }
}
"""
WON = {"StopExecutionSuccess": "STOPPING", "ExecutionAlreadyEndedError": "SUCCEEDED"}
"""What the answer tells, and the state it shows."""

WAITS_FOR_A_LOCK = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%stop_requested_at%'
"""


class Race:
    """Runs towards the moment when one end is as likely as the other: each answer moves the next stop there."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.delay_s = 0.03
        self.answers: list[str] = []

    def next_delay_s(self) -> float:
        """Up to 5 ms beside the middle."""
        return max(0.0, self.delay_s + self.dice.uniform(-0.005, 0.005))

    def took(self, answer: str) -> None:
        self.answers.append(answer)
        self.delay_s *= 1.2 if answer == "StopExecutionSuccess" else 1 / 1.2

    @property
    def is_over(self) -> bool:
        return len(self.answers) >= RACES and set(self.answers) == set(WON)


@pytest.mark.timeout(max(120, RACES))
async def test_a_stop_racing_the_natural_end_gives_one_end_and_the_answer_tells_which(
    bridge: Bridge, site: Site
) -> None:
    race = Race(seed=7)

    async def lane() -> None:
        while not race.is_over:
            execution_id = await bridge.request()
            await bridge.ready(execution_id)
            bridge.cue(execution_id)
            await asyncio.sleep(race.next_delay_s())
            _, answer = await site.post(STOP, {"id": str(execution_id)})
            told = answer["data"]["stopExecution"]
            race.took(told["__typename"])
            assert told["execution"]["status"] == WON[told["__typename"]]
            end = "STOPPED" if told["__typename"] == "StopExecutionSuccess" else "SUCCEEDED"
            await bridge.status(execution_id, ExecutionStatus(end))
            path = [event.status for event in await bridge.history(execution_id) if event.status]
            stopping = ["STOPPING"] if end == "STOPPED" else []
            assert path == ["QUEUED", "RUNNING", *stopping, end]
            again = (await site.post(STOP, {"id": str(execution_id)}))[1]["data"]["stopExecution"]
            assert (again["__typename"], again["execution"]["status"]) == ("ExecutionAlreadyEndedError", end)
            assert bridge.living(execution_id) == []

    async with at_work(bridge.worker("ends-on-cue", limit=AT_ONCE)), asyncio.TaskGroup() as lanes:
        for _ in range(AT_ONCE):
            lanes.create_task(lane())


async def test_a_client_that_goes_away_while_its_stop_is_written_has_stopped_it_all_the_same(
    bridge: Bridge, site: Site, db: Database
) -> None:
    """The mutation waits for a locked row; meanwhile its client's connection is reset."""
    port = int(site.base.rpartition(":")[2])
    async with at_work(bridge.worker("hang")), proxy_to(("127.0.0.1", port)) as wire:
        execution_id = await bridge.request()
        await bridge.ready(execution_id)
        await bridge.status(execution_id, ExecutionStatus.RUNNING)
        async with db.transaction() as connection:
            await connection.execute("SELECT FROM executions WHERE id = $1 FOR UPDATE", execution_id)
            reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
            body = json.dumps({"query": STOP, "variables": {"id": str(execution_id)}}).encode()
            head = f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
            writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
            await eventually(lambda: _counted(db, WAITS_FOR_A_LOCK))
            assert wire.reset() == 1
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b"", "no answer reached it"
            writer.close()
            await until(lambda: wire.links == 0)
        await bridge.status(execution_id, ExecutionStatus.STOPPED)
        assert bridge.living(execution_id) == []


async def _counted(db: Database, statement: str) -> bool:
    return bool(await db.fetchval(statement))


@pytest.fixture
async def behind(bridge: Bridge, proxied: Proxied) -> AsyncIterator[Bridge]:
    """The same bridge for a worker that reaches the database through the proxy."""
    loop = asyncio.get_running_loop()
    strict = loop.get_exception_handler()

    def lenient(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # The driver shields giving a connection back; when that fails late, nobody asks for it any more.
        if strict is not None and not isinstance(context.get("exception"), DRIVERS_OWN):
            strict(loop, context)

    loop.set_exception_handler(lenient)
    hub = await Hub.start(proxied.db)
    try:
        yield Bridge(proxied.db, hub, bridge.config, bridge.started)
    finally:
        proxied.proxy.heal()
        await hub.close()


async def at_its_end(bridge: Bridge, execution_id: ExecutionId) -> None:
    """The runner ignores SIGTERM: it lives until it is killed."""
    await until(lambda: b"told to end" in read_if_there(bridge.output(execution_id)))


@pytest.mark.parametrize("fault", ["refused", "stalled"])
@pytest.mark.parametrize("cause", [ExecutionStatus.STOPPED, ExecutionStatus.TIMED_OUT])
async def test_while_the_database_is_away_a_runner_is_ended_in_time_and_its_end_is_written_afterwards(
    bridge: Bridge, behind: Bridge, proxied: Proxied, fault: str, cause: ExecutionStatus
) -> None:
    timeout_ms = 600_000 if cause is ExecutionStatus.STOPPED else 1500
    execution_id = await bridge.request(timeout_ms=timeout_ms)
    handling = asyncio.create_task(behind.worker("ignore-term", term_grace_s=1.0).handle(execution_id))
    await bridge.ready(execution_id)
    await bridge.status(execution_id, ExecutionStatus.RUNNING)
    async with asyncio.timeout(DEADLINE_S):
        while await state_machine.process_of(bridge.db, execution_id) is None:
            pass
    if cause is ExecutionStatus.STOPPED:
        await state_machine.request_stop(bridge.db, execution_id)
        await at_its_end(bridge, execution_id)
    if fault == "stalled":
        proxied.proxy.stall()
    else:
        proxied.proxy.refuses = True
        proxied.proxy.reset()
    await until(lambda: not bridge.living(execution_id))
    before = await bridge.get(execution_id)
    assert before.ended_at is None, "nobody could write its end"
    assert not handling.done()
    proxied.proxy.heal()
    async with asyncio.timeout(DEADLINE_S):
        await handling
    execution = await bridge.get(execution_id)
    assert (execution.status, execution.exit_signal) == (cause, "SIGKILL")
    whole = await bridge.db.fetchval(
        "SELECT string_agg(convert_from(content, 'UTF8'), '' ORDER BY start_offset) FROM execution_output"
        " WHERE execution_id = $1",
        execution_id,
    )
    assert whole == "ready\ntold to end\n", "what it said meanwhile is not lost either"
