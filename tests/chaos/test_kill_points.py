"""Real processes are killed at critical points, and the next process must handle what they left."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from runner_bridge.processes import process_identity
from tests.chaos.deployment import Deployment, deployed
from tests.chaos.kill_points import (
    POINTS,
    ROOM,
    STOP_POINTS,
    worker_killed_at_every_point,
    worker_killed_at_every_point_of_a_stop,
)
from tests.chaos.programs import Program
from tests.helpers.patience import DEADLINE_S
from tests.helpers.server import PROTOCOL, close_code


async def test_a_server_killed_before_the_insert_or_during_its_commit_starts_nothing_twice(
    tmp_path: Path, database_url: str
) -> None:
    """Before the insert there is nothing; a commit that was under way counts, although its answer is lost."""
    agents = ["quick.unsent", "quick.committing"]
    async with deployed(tmp_path, database_url, agents) as site:
        unsent = await site.gates.before("INSERT", "executions", agents[0])
        committing = await site.gates.at_commit_of("INSERT", "executions", agents[1])
        server = site.server(worker=True)
        asking = [asyncio.create_task(site.launch(agent)) for agent in agents]
        await asyncio.gather(unsent.reached(), committing.reached())
        await server.kill()
        await unsent.break_off()
        await committing.open()
        await site.until(committed(site, agents[1]), "the commit that was under way")
        assert await site.database.fetchval("SELECT count(*) FROM executions") == 1
        # The client asks on, with the key it had.
        server.start()
        ids = await asyncio.gather(*asking)
        assert await site.database.fetchval("SELECT count(*) FROM executions") == 2
        for execution_id in ids:
            assert await site.end_of(execution_id) == "SUCCEEDED"
            assert site.notes(execution_id) == ["started", "wrote"]
        await site.check(*ids)


def committed(site: Deployment, agent: str) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        found = await site.database.fetchval("SELECT count(*) FROM executions WHERE agent = $1", agent)
        return bool(found)

    return condition


async def test_a_worker_killed_at_every_point_of_an_execution_is_taken_over_at_each(
    tmp_path: Path, database_url: str
) -> None:
    async with deployed(tmp_path, database_url, POINTS, **ROOM) as site:
        await worker_killed_at_every_point(site)


async def test_a_worker_killed_at_every_point_of_an_accepted_stop_leaves_it_to_end_as_stopped(
    tmp_path: Path, database_url: str
) -> None:
    async with deployed(tmp_path, database_url, STOP_POINTS, **ROOM) as site:
        await worker_killed_at_every_point_of_a_stop(site)


async def test_a_worker_that_is_frozen_is_taken_over_and_does_no_harm_when_it_thaws(
    tmp_path: Path, database_url: str
) -> None:
    async with deployed(tmp_path, database_url, ["held"]) as site:
        site.server(worker=False)
        frozen = site.worker("frozen")
        execution_id = await site.launch("held")
        site.watch(execution_id)
        await site.until_recorded(execution_id)
        former = (await site.row(execution_id))["worker_id"]
        frozen.send(signal.SIGSTOP)
        site.worker("other")
        await site.until_taken_over(execution_id, former)
        frozen.send(signal.SIGCONT)
        site.go(execution_id)
        assert await site.end_of(execution_id) == "SUCCEEDED"
        assert site.notes(execution_id) == ["started", "wrote"]
        await site.check(execution_id)


EXECUTIONS, SUBSCRIBERS = 20, 200


async def test_sigterm_with_20_executions_and_200_subscribers_keeps_every_runner_for_the_next_server(
    tmp_path: Path, database_url: str
) -> None:
    limit = str(EXECUTIONS)
    async with deployed(tmp_path, database_url, ["held"], REEV_GQL_MAX_CONCURRENT_EXECUTIONS=limit) as site:
        server = site.server(worker=True)
        ids = [await site.launch("held", f"key {number}") for number in range(EXECUTIONS)]
        for execution_id in ids:
            await site.until_recorded(execution_id)
        # They are read all the time: who answers no ping is closed as one that is gone.
        told = [asyncio.create_task(close_code(await subscriber(site, server))) for _ in range(SUBSCRIBERS)]
        await server.retire(signal.SIGTERM, DEADLINE_S)
        [ended] = site.history.of("ended")
        assert ended.details["code"] == 0
        assert Counter(await asyncio.gather(*told)) == {1012: SUBSCRIBERS}
        rows = await site.database.fetch("SELECT status::text, process_id FROM executions")
        assert {row["status"] for row in rows} == {"RUNNING"}
        assert all(process_identity.is_living(row["process_id"]) for row in rows)

        server.start()
        for execution_id in ids:
            site.go(execution_id)
        assert {await site.end_of(execution_id) for execution_id in ids} == {"SUCCEEDED"}
        assert {tuple(site.notes(execution_id)) for execution_id in ids} == {("started", "wrote")}
        await site.check(*ids)


async def subscriber(site: Deployment, server: Program) -> aiohttp.ClientWebSocketResponse:
    """A socket with an open subscription that has had its first item."""
    socket = await site.client.world.http.ws_connect(f"{server.url}/graphql", protocols=[PROTOCOL])
    await socket.send_json({"type": "connection_init"})
    payload = {"query": "subscription { executionUpdates { cursor } }"}
    await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
    while (await socket.receive_json())["type"] != "next":
        pass
    return socket
