"""Runners when their worker ends: they go on by default, and end or are waited for when that is set."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runner_bridge.waiting import ShuttingDown
from runner_bridge.worker import runner_end
from store.errors import DatabaseUnavailable
from store.executions import state_machine
from store.model import ExecutionId, ExecutionStatus
from tests.helpers.bridge import Bridge, fake_command, read_if_there
from tests.helpers.patience import DEADLINE_S, until
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import Server, running_server

STOPPED = ExecutionStatus.STOPPED

RUN = """
mutation {
  runBenchmark(input: {benchmarkId: "transfer"}) { ... on RunBenchmarkSuccess { execution { id } } }
}
"""


@pytest.mark.parametrize("mode", ["hang", "family", "setsid-escape"])
async def test_a_worker_that_is_set_to_leaves_no_runner_and_says_why(bridge: Bridge, mode: str) -> None:
    execution_id = await bridge.request()
    worker = bridge.worker(mode, stop_runners_on_shutdown=True)
    handling = asyncio.create_task(worker.handle(execution_id))
    await bridge.ready(execution_id)
    worker.stop()
    async with asyncio.timeout(DEADLINE_S):
        await handling
    assert bridge.living(execution_id) == []
    execution = await bridge.get(execution_id)
    assert execution.status is STOPPED
    assert execution.stop_reason is not None and "shut down" in execution.stop_reason
    statuses = [event.status for event in await bridge.history(execution_id)]
    assert statuses == ["QUEUED", "RUNNING", "STOPPING", "STOPPED"]


async def test_a_stop_that_a_client_asked_for_has_no_reason_of_ours(bridge: Bridge) -> None:
    execution_id = await bridge.request()
    worker = bridge.worker("hang", stop_runners_on_shutdown=True)
    handling = asyncio.create_task(worker.handle(execution_id))
    await bridge.ready(execution_id)
    await state_machine.request_stop(bridge.db, execution_id)
    worker.stop()
    await handling
    execution = await bridge.get(execution_id)
    assert (execution.status, execution.stop_reason) == (STOPPED, None)


async def test_the_grace_of_a_shutdown_is_bounded_whatever_is_set(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_end, "SHUTDOWN_GRACE_S", 0.2)
    execution_id = await bridge.request()
    worker = bridge.worker("ignore-term", stop_runners_on_shutdown=True, term_grace_s=300.0)
    handling = asyncio.create_task(worker.handle(execution_id))
    await bridge.ready(execution_id)
    worker.stop()
    async with asyncio.timeout(DEADLINE_S):
        await handling
    assert (await bridge.get(execution_id)).exit_signal == "SIGKILL"


async def test_without_a_database_the_runner_ends_and_the_next_worker_writes_it(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise DatabaseUnavailable("away")

    execution_id = await bridge.request()
    worker = bridge.worker("hang", stop_runners_on_shutdown=True)
    handling = asyncio.create_task(worker.handle(execution_id))
    await bridge.ready(execution_id)
    with monkeypatch.context() as patch:
        patch.setattr(state_machine, "request_stop", away)
        worker.stop()
        with pytest.raises(ShuttingDown):
            await handling
    await until(lambda: not bridge.living(execution_id))
    await bridge.worker("ok").handle(execution_id)
    execution = await bridge.get(execution_id)
    assert execution.status is ExecutionStatus.LOST
    assert execution.failure is not None and "no worker watched it" in execution.failure.message


@asynccontextmanager
async def executing(
    bridge: Bridge, database_url: str, tmp_path: Path, mode: str, **settings: str
) -> AsyncIterator[tuple[Server, ExecutionId]]:
    """A server with an execution whose runner has begun."""
    directory = tmp_path / "server"
    (directory / "benchmarks").mkdir(parents=True)
    (directory / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
    given = {"DATABASE_URL": database_url, "REEV_GQL_RUNNER_COMMAND": fake_command(mode), **settings}
    async with running_server(directory, given) as server:
        found = (await server.ask(RUN))["runBenchmark"]["execution"]["id"]
        execution_id = ExecutionId(uuid.UUID(found))
        bridge.started.append(execution_id)
        output = directory / "runs" / f"{found}.log"
        await until(lambda: b"ready" in read_if_there(output))
        yield server, execution_id


@pytest.mark.parametrize(
    ("policy", "timeout_s", "status"),
    [
        ("keep", "600", ExecutionStatus.RUNNING),
        ("stop", "600", ExecutionStatus.STOPPED),
        ("finish", "0.1", ExecutionStatus.STOPPED),
    ],
)
async def test_the_server_keeps_or_stops_its_runners_as_set(
    bridge: Bridge, database_url: str, tmp_path: Path, policy: str, timeout_s: str, status: ExecutionStatus
) -> None:
    """The whole server gets SIGTERM in the middle of an execution that does not end by itself."""
    settings = {"REEV_GQL_RUNNERS_ON_SHUTDOWN": policy, "REEV_GQL_FINISH_TIMEOUT_S": timeout_s}
    async with executing(bridge, database_url, tmp_path, "family", **settings) as (server, execution_id):
        assert await server.stop() == 0
    assert bool(bridge.living(execution_id)) is (policy == "keep")
    assert (await bridge.get(execution_id)).status is status


async def test_a_server_that_finishes_takes_nothing_more_and_ends_after_its_runner(
    bridge: Bridge, database_url: str, tmp_path: Path
) -> None:
    settings = {"REEV_GQL_RUNNERS_ON_SHUTDOWN": "finish"}
    async with executing(bridge, database_url, tmp_path, "ends-on-cue", **settings) as (server, execution_id):
        server.process.terminate()
        await until(lambda: "finishing" in server.log.read_text())
        queued = await bridge.request(benchmark_id="transfer")
        (server.log.parent / "sessions" / f"cue_{execution_id}").touch()
        assert await server.process.wait() == 0
    assert (await bridge.get(execution_id)).status is ExecutionStatus.SUCCEEDED
    assert (await bridge.get(queued)).status is ExecutionStatus.QUEUED
