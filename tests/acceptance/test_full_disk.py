"""A server whose disk is full: it says why it starts nothing, and serves reads.

A limit of the kernel's takes the place of the full disk: no file grows beyond it, whoever writes (EFBIG).
"""

from __future__ import annotations

import resource
import signal
from pathlib import Path

from tests.runner_bridge.bridge import fake_command
from tests.samples import transfer_yaml
from tests.server import Server, running_server

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
