"""PostgreSQL is stopped and crashes under load: what was acknowledged stays, and watchers go on."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.processes import process_identity
from store.embedded import EmbeddedServer
from store.postgres.database import Database
from store.postgres.migrate import migrate
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import Server, running_server
from tests.helpers.stored_rows import background, database_order

RETRYABLE = {"DATABASE_UNAVAILABLE", "SERVER_BUSY"}
RUN = """
mutation ($key: String!) {
  runBenchmark(input: {benchmarkId: "transfer", idempotencyKey: $key}) {
    ... on RunBenchmarkSuccess { execution { id } } } }
"""
READ = "{ executions(first: 5) { edges { node { id status } } } }"
UPDATES = "subscription { executionUpdates { event { executionId seq } } }"

ACKNOWLEDGED_BETWEEN = 5
"""Launches that succeed before the next fault, so that each fault happens while work is under way."""


class Cluster:
    """A PostgreSQL for this test, which restarts by itself."""

    def __init__(self, directory: Path) -> None:
        self._server = EmbeddedServer(directory)
        self.url = self._server.url

    async def restart(self, number: signal.Signals) -> None:
        """SIGINT is a fast shutdown, SIGQUIT a crash: no checkpoint is written, and the WAL is replayed."""
        pid = self._server.pid
        assert pid is not None
        os.kill(pid, number)
        await process_identity.wait_ended([pid])
        await eventually(lambda: _is(self._server.pid is not None), 2 * DEADLINE_S)

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    # A Unix socket's path is short or impossible.
    directory = Path(tempfile.mkdtemp(prefix="reev-gql-"))
    cluster = Cluster(directory)
    yield cluster
    cluster.stop()
    shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def serving(cluster: Cluster, directory: Path) -> AsyncIterator[Server]:
    """A server without a worker: executions stay QUEUED."""
    (directory / "benchmarks").mkdir()
    (directory / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
    await migrate(cluster.url)
    async with running_server(directory, {"DATABASE_URL": cluster.url}, "--no-worker") as server:
        yield server


async def answer(server: Server, document: str, **variables: object) -> Any | None:
    """The data; None after an error that says to try again. Any other error fails the test."""
    body = {"query": document, "variables": variables}
    async with server.client.post(f"{server.url}/graphql", json=body) as response:
        found = await response.json(content_type=None)
    if "errors" not in found:
        return found["data"]
    assert {error["extensions"]["code"] for error in found["errors"]} <= RETRYABLE, found
    return None


async def test_a_database_that_stops_and_crashes_under_load_loses_nothing_and_ends_nobody(
    cluster: Cluster, tmp_path: Path
) -> None:
    acknowledged: set[str] = set()
    told: list[tuple[str, int]] = []
    reads = {True: 0, False: 0}

    async def launch() -> None:
        key = str(uuid.uuid4())
        while True:
            data = await answer(server, RUN, key=key)
            if data is not None:
                acknowledged.add(data["runBenchmark"]["execution"]["id"])
                key = str(uuid.uuid4())

    async def read() -> None:
        while True:
            reads[await answer(server, READ) is not None] += 1

    async def watch(items: AsyncIterator[Any]) -> None:
        async for item in items:
            if (event := item["executionUpdates"]["event"]) is not None:
                told.append((event["executionId"], event["seq"]))

    async def more_acknowledged() -> None:
        enough = len(acknowledged) + ACKNOWLEDGED_BETWEEN
        await eventually(lambda: _is(len(acknowledged) >= enough))

    async with serving(cluster, tmp_path) as server, server.watch(UPDATES) as items:
        assert (await anext(items))["executionUpdates"]["event"] is None
        async with background(launch(), read(), watch(items)) as tasks:
            for number in (signal.SIGINT, signal.SIGQUIT):
                await more_acknowledged()
                await cluster.restart(number)
            await more_acknowledged()
            assert not any(task.done() for task in tasks), tasks
            tasks[0].cancel()
            db = await Database.open(cluster.url, max_size=1)
            try:
                # What was written and not acknowledged any more is told as well.
                await eventually(lambda: _is_told(db, told))
                order = [(str(execution_id), seq) for _, execution_id, seq in await database_order(db)]
            finally:
                await db.close()
        assert server.process.returncode is None
    assert reads[True] and acknowledged <= {execution_id for execution_id, _ in order}
    assert told == order, "each event once, in the order of the database"


async def _is(condition: bool) -> bool:
    return condition


async def _is_told(db: Database, told: list[tuple[str, int]]) -> bool:
    return len(told) >= len(await database_order(db))
