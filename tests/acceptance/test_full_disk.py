"""A server whose disk is full, and one whose database's is: it says why it starts nothing, and serves reads.

For the server a limit of the kernel's takes the place of the full disk: no file grows beyond it, whoever writes
(EFBIG). PostgreSQL has a small disk of its own, which is filled.
"""

from __future__ import annotations

import random
import resource
import signal
import uuid
from pathlib import Path
from typing import Any

from tests.helpers.bridge import fake_command
from tests.helpers.external import cluster, fill_up, small_disk
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import Server, running_server

SMALL_BYTES = 300
"""Less than a definition, and less than the server has logged when it is ready."""

RUN = """
mutation {
  runBenchmark(input: {benchmarkId: "transfer"}) { ... on RunBenchmarkSuccess { execution { id } } }
}
"""
END = "subscription ($id: ID!) { executionEvents(executionId: $id) { status } }"
HOW = "query ($id: ID!) { execution(id: $id) { status failure { kind message } } }"


async def outcome(server: Server) -> dict[str, object]:
    """How one execution ends, read from the server that lives with the full disk."""
    execution_id = (await server.ask(RUN))["runBenchmark"]["execution"]["id"]
    async with server.watch(END, id=execution_id) as items:
        async for _ in items:
            pass
    return dict((await server.ask(HOW, id=execution_id))["execution"])


def limit_files(server: Server, size: int) -> None:
    """From now on no file of the server or of what it starts grows beyond `size` bytes."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def test_a_server_whose_disk_is_full_fails_what_it_cannot_start_and_serves_reads(
    database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
    settings = {"DATABASE_URL": database_url, "REEV_GQL_RUNNER_COMMAND": fake_command("ok")}
    async with running_server(tmp_path, settings) as server:
        assert (await outcome(server))["status"] == "SUCCEEDED"
        limit_files(server, SMALL_BYTES)
        failed = await outcome(server)
        assert failed["status"] == "FAILED"
        failure = failed["failure"]
        assert isinstance(failure, dict) and failure["kind"] == "LAUNCH"
        assert "File too large" in failure["message"] and "transfer.yml" in failure["message"]
        # The definition is gone again, whatever part of it was written.
        assert not list((tmp_path / "runs").rglob("*.yml"))
        limit_files(server, resource.RLIM_INFINITY)
        assert (await outcome(server))["status"] == "SUCCEEDED", "with room again it goes on by itself"
        assert await server.stop(signal.SIGTERM) == 0


LAUNCH = """
mutation ($key: String!) {
  runBenchmark(input: {benchmarkId: "transfer", idempotencyKey: $key}) {
    ... on RunBenchmarkSuccess { execution { id } } } }
"""
BIG = "mutation ($source: String!) { upsertBenchmark(input: {source: $source}) { __typename } }"
HEALTH = "{ health { status database problems } executions(first: 1) { totalCount } }"
STATUSES = "query ($after: String) { executions(first: 200, after: $after) { edges { node { id status } } } }"


async def post(server: Server, document: str, **variables: object) -> tuple[dict[str, Any] | None, set[str]]:
    """The data, and the codes of errors."""
    body = {"query": document, "variables": variables}
    async with server.client.post(f"{server.url}/graphql", json=body) as response:
        answer = await response.json(content_type=None)
    return answer.get("data"), {error["extensions"]["code"] for error in answer.get("errors", ())}


async def readiness(server: Server) -> tuple[int, str | None]:
    async with server.client.get(f"{server.url}/readyz") as response:
        return response.status, (await response.json()).get("reason")


async def test_while_the_disk_of_the_database_is_full_it_is_said_and_nothing_acknowledged_is_lost(
    tmp_path: Path,
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
    acknowledged: set[str] = set()

    async def launch() -> bool:
        data, codes = await post(server, LAUNCH, key=str(uuid.uuid4()))
        assert codes <= {"DATABASE_UNAVAILABLE"}
        if not codes and data is not None:
            acknowledged.add(data["runBenchmark"]["execution"]["id"])
        return not codes

    async def all_ended() -> bool:
        edges = (await server.ask(STATUSES))["executions"]["edges"]
        ended = {edge["node"]["id"] for edge in edges if edge["node"]["status"] == "SUCCEEDED"}
        return acknowledged <= ended

    async def is_ready() -> bool:
        return await readiness(server) == (200, None)

    with small_disk(160) as disk, cluster(disk / "data") as url:
        settings = {"DATABASE_URL": url, "REEV_GQL_RUNNER_COMMAND": fake_command("ok")}
        async with running_server(tmp_path, settings) as server:
            assert await launch()
            await eventually(all_ended)
            with fill_up(disk):
                # Random, so that it takes the room that it seems to.
                source = transfer_yaml("big").replace("Move", random.randbytes(60_000).hex())
                assert (await post(server, BIG, source=source))[1] == {"DATABASE_UNAVAILABLE"}
                for _ in range(5):
                    await launch()
                assert await readiness(server) == (503, "the disk of the database is full")
                found = await server.ask(HEALTH)
                assert (found["health"]["status"], found["health"]["database"]) == ("DEGRADED", True)
                assert "No space left on device" in found["health"]["problems"][0]
                assert found["executions"]["totalCount"] >= len(acknowledged)
            await eventually(is_ready)
            assert await launch()
            await eventually(all_ended, 2 * DEADLINE_S)
            assert await server.stop(signal.SIGTERM) == 0
    assert "Traceback" not in server.log.read_text()
