"""The whole line, as a user meets it: a server process, our runner, PostgreSQL, and real websockets."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from store.embedded.processes import processes_in
from tests.helpers.patience import DEADLINE_S
from tests.helpers.places import REPOSITORY
from tests.helpers.server import Server, close_code, running_server

pytestmark = pytest.mark.usefixtures("started_anew")

RUN = """
mutation ($id: ID!) {
  runBenchmark(input: {benchmarkId: $id}) {
    __typename ... on RunBenchmarkSuccess { execution { id } } ... on Error { message }
  }
}
"""

EVENTS = """
subscription ($id: ID!, $after: Int! = 0) {
  executionEvents(executionId: $id, after: $after) {
    seq kind status toolCall { name status } execution { score }
  }
}
"""

ENDS = {"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "LOST"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where one server has all its files; our own benchmarks are in it."""
    shutil.copytree(REPOSITORY / "benchmarks", tmp_path / "benchmarks")
    return tmp_path


async def _request(server: Server, benchmark_id: str) -> str:
    answer = (await server.ask(RUN, id=benchmark_id))["runBenchmark"]
    assert answer["__typename"] == "RunBenchmarkSuccess", answer
    return str(answer["execution"]["id"])


async def _events(server: Server, execution_id: str, after: int = 0) -> list[dict[str, Any]]:
    """Every event of an execution after `after`, up to its end; the snapshot is left out."""
    async with server.watch(EVENTS, id=execution_id, after=after) as items:
        seen = [item["executionEvents"] async for item in items]
    assert seen[0]["kind"] == "SNAPSHOT"
    return seen[1:]


async def test_our_benchmarks_end_with_their_scores(directory: Path, database_url: str) -> None:
    expected = {
        "001-sol-transfer": 1.0,
        "002-spl-transfer": 1.0,
        "003-spl-transfer-fail": 0.75,
        "004-partial-score-spl-transfer": 0.7857142857142857,
    }
    async with running_server(directory, {"DATABASE_URL": database_url}) as server:
        ids = {benchmark_id: await _request(server, benchmark_id) for benchmark_id in expected}
        for benchmark_id, execution_id in ids.items():
            events = await _events(server, execution_id)
            assert [event["status"] for event in events if event["status"]] == [
                "QUEUED",
                "RUNNING",
                "SUCCEEDED",
            ]
            assert "TOOL_CALL_STARTED" in [event["kind"] for event in events]
            found = await server.ask(
                "query ($id: ID!) { execution(id: $id) "
                "{ score scoring { score } assertions { outcome } steps { ordinal } } }",
                id=execution_id,
            )
            assert found["execution"]["score"] == pytest.approx(expected[benchmark_id])
            assert found["execution"]["scoring"]["score"] == pytest.approx(expected[benchmark_id])
            assert {item["outcome"] for item in found["execution"]["assertions"]} == {"PASSED"}
            assert found["execution"]["steps"] == [{"ordinal": 1}]


async def test_ten_watchers_of_ten_executions_see_every_event_once_though_they_drop(
    directory: Path, database_url: str
) -> None:
    dice = random.Random(7)

    async def watch_with_drops(server: Server, execution_id: str) -> list[int]:
        """Drops the socket after some events, again and again, and resumes from the last seq."""
        seqs: list[int] = []
        while True:
            drop_after = dice.randint(1, 3)
            async with server.watch(EVENTS, id=execution_id, after=seqs[-1] if seqs else 0) as items:
                async for item in items:
                    event = item["executionEvents"]
                    if event["kind"] != "SNAPSHOT":
                        seqs.append(event["seq"])
                        drop_after -= 1
                    if event["status"] in ENDS and event["kind"] != "SNAPSHOT":
                        return seqs
                    if drop_after == 0:
                        break
                else:
                    return seqs

    async with running_server(
        directory, {"DATABASE_URL": database_url, "REEV_GQL_MAX_CONCURRENT_EXECUTIONS": "10"}
    ) as server:
        ids = [await _request(server, "007-two-step-flow") for _ in range(10)]
        steady = [
            asyncio.create_task(_events(server, execution_id)) for execution_id in ids for _ in range(5)
        ]
        dropping = [
            asyncio.create_task(watch_with_drops(server, execution_id))
            for execution_id in ids
            for _ in range(5)
        ]
        histories = [[event["seq"] for event in events] for events in await asyncio.gather(*steady)]
        histories += await asyncio.gather(*dropping)
        stored = await server.ask("{ executions { nodes { id status revision } } }")
    revisions = {node["id"]: node["revision"] for node in stored["executions"]["nodes"]}
    assert {node["status"] for node in stored["executions"]["nodes"]} == {"SUCCEEDED"}
    for execution_id, seqs in zip([each for each in ids for _ in range(5)] * 2, histories, strict=True):
        assert seqs == list(range(1, revisions[execution_id] + 1))


async def test_sigterm_with_open_subscriptions_ends_the_server_and_leaves_nothing(
    directory: Path, tmp_path: Path
) -> None:
    """With the embedded database, which must be gone as well."""
    async with running_server(directory, {}) as server:
        execution_id = await _request(server, "001-sol-transfer")
        await _events(server, execution_id)
        watchers = []
        for _ in range(20):
            socket = await server.client.ws_connect(
                f"{server.url}/graphql", protocols=["graphql-transport-ws"]
            )
            await socket.send_json({"type": "connection_init"})
            query = "subscription { executionUpdates { cursor } }"
            await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": query}})
            assert (await socket.receive_json())["type"] == "connection_ack"
            assert (await socket.receive_json())["type"] == "next"
            watchers.append(socket)
        descendants = psutil.Process(server.process.pid).children(recursive=True)
        # One that waited for its watchers would take two minutes.
        code = await asyncio.wait_for(server.stop(signal.SIGTERM), timeout=60)
        assert code == 0
        for socket in watchers:
            assert await close_code(socket) == 1012
    _gone, alive = psutil.wait_procs(descendants, timeout=DEADLINE_S)
    assert alive == []
    assert processes_in(directory / "data" / "postgres") == []
