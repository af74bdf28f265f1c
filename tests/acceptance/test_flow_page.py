"""/flows/{executionId}: what an execution did as a page, from the database or from its session file."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.helpers.places import REPOSITORY
from tests.helpers.server import running_server

RUN = """
mutation {
  runBenchmark(input: {benchmarkId: "007-two-step-flow"}) { ... on RunBenchmarkSuccess { execution { id } } }
}
"""
ENDED = "subscription ($id: ID!) { executionEvents(executionId: $id) { status } }"
FLOW = "query ($id: ID!) { flow(executionId: $id) { source toolCount prompt page execution { status } } }"


async def test_a_flow_is_read_from_the_database_else_from_its_file(tmp_path: Path, database_url: str) -> None:
    shutil.copytree(REPOSITORY / "benchmarks", tmp_path / "benchmarks")
    # Whoever observes the directory soon has every file in the database.
    settings = {"DATABASE_URL": database_url, "REEV_GQL_OBSERVE": "false"}
    async with running_server(tmp_path, settings) as server:
        execution_id = (await server.ask(RUN))["runBenchmark"]["execution"]["id"]
        async with server.watch(ENDED, id=execution_id) as events:
            assert [event async for event in events]
        stored = (await server.ask(FLOW, id=execution_id))["flow"]
        assert (stored["source"], stored["toolCount"]) == ("DATABASE", 2)
        assert stored["execution"] == {"status": "SUCCEEDED"}

        # A runner that somebody else started writes into the same directory.
        await asyncio.to_thread(
            subprocess.run,
            [
                *(sys.executable, "-m", "runner_bridge.local_runner", "benchmarks/001-sol-transfer.yml"),
                "--execution-id=by-hand",
            ],
            check=True,
            cwd=REPOSITORY,
            capture_output=True,
            env={"REEV_SESSION_LOG_PATH": str(tmp_path / "sessions"), "PATH": ""},
        )
        found = (await server.ask(FLOW, id="by-hand"))["flow"]
        assert (found["source"], found["toolCount"], found["execution"]) == ("SESSION_FILE", 1, None)
        assert (await server.ask(FLOW, id="nobody-knows-this"))["flow"] is None

        for path in (stored["page"], found["page"]):
            async with server.client.get(server.url + path) as response:
                assert response.status == 200
                page = await response.text()
            assert "stateDiagram" in page
            assert "deterministic_sol_transfer" in page
        for path, status in (("/flows/nobody-knows-this", 404), ("/flows/..%2f..%2fetc%2fpasswd", 400)):
            async with server.client.get(server.url + path) as response:
                assert response.status == status

        (tmp_path / "sessions" / "session_broken.json").write_text(json.dumps({"session_id": "broken"})[:-3])
        async with server.client.get(f"{server.url}/flows/broken") as response:
            assert response.status == 422
            assert "session_broken.json" in await response.text()
