"""Runners started by hand, beside a server: whoever watches sees them live, and to their end."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.bridge import FAKE_RUNNER
from tests.helpers.patience import DEADLINE_S
from tests.helpers.places import REPOSITORY
from tests.helpers.server import running_server

UPDATES = """
subscription {
  executionUpdates(filter: {origins: [OBSERVED]}) {
    event { seq kind status toolCall { name status } }
    execution { id status benchmarkId agent score lastActivityAt }
  }
}
"""

SHOWN = """
query ($id: ID!) {
  execution(id: $id) {
    origin status benchmarkId agent score computedScore conflicts { file reason }
    toolCalls { name status } steps { ordinal } events { seq }
  }
}
"""

STOP = """
mutation ($id: ID!) {
  stopExecution(input: {executionId: $id}) {
    __typename ... on ExecutionNotOursError { code execution { status } }
  }
}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    shutil.copytree(REPOSITORY / "benchmarks", tmp_path / "benchmarks")
    return tmp_path


async def _by_hand(directory: Path, program: list[str], execution_id: str) -> asyncio.subprocess.Process:
    """A runner as a person starts it in a terminal, told where to write by its environment."""
    sessions = directory / "sessions"
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *program, "benchmarks/001-sol-transfer.yml", "--agent", "deterministic"),
        *("--execution-id", execution_id),
        cwd=REPOSITORY,
        env={
            **os.environ,
            "REEV_SESSION_LOG_PATH": str(sessions),
            "REEV_ENHANCED_OTEL_FILE": f"{sessions}/enhanced_otel_{{session_id}}.jsonl",
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )


async def _until(items: AsyncGenerator[Any, None], wanted: str) -> list[dict[str, Any]]:
    """The updates up to the one that tells of a status or a kind of event."""
    seen = []
    async with asyncio.timeout(DEADLINE_S):
        async for item in items:
            update = item["executionUpdates"]
            if update["event"] is None:
                continue
            seen.append(update)
            if wanted in (update["event"]["status"], update["event"]["kind"]):
                break
    return seen


async def test_our_runner_started_by_hand_appears_and_ends_with_its_score(
    directory: Path, database_url: str
) -> None:
    execution_id = str(uuid.uuid4())
    async with running_server(directory, {"DATABASE_URL": database_url}) as server:
        async with server.watch(UPDATES) as items:
            await anext(items)
            runner = await _by_hand(directory, ["-m", "runner_bridge.local_runner"], execution_id)
            seen = await _until(items, "SUCCEEDED")
            assert await runner.wait() == 0
        assert {update["execution"]["id"] for update in seen} == {execution_id}
        assert [update["event"]["seq"] for update in seen] == list(range(1, len(seen) + 1))
        assert seen[-1]["execution"]["benchmarkId"] == "001-sol-transfer"
        shown = (await server.ask(SHOWN, id=execution_id))["execution"]
    assert (shown["origin"], shown["score"], shown["computedScore"]) == ("OBSERVED", 1.0, 1.0)
    assert [call["name"] for call in shown["toolCalls"]] and shown["steps"] == [{"ordinal": 1}]
    assert shown["conflicts"] == []


async def test_a_slow_runner_is_watched_live_by_the_next_server_too_and_cannot_be_stopped(
    directory: Path, database_url: str
) -> None:
    """The first server is killed while it watches; the runner goes on, and the next one sees its end."""
    execution_id = str(uuid.uuid4())
    environment = {"DATABASE_URL": database_url}
    program = ["-S", "-E", str(FAKE_RUNNER), "--mode=slow-tools"]
    async with running_server(directory, environment) as server:
        async with server.watch(UPDATES) as items:
            await anext(items)
            runner = await _by_hand(directory, program, execution_id)
            seen = await _until(items, "TOOL_CALL_STARTED")
        live = seen[0]["execution"]
        assert (live["status"], live["benchmarkId"], live["agent"]) == ("RUNNING", "(unknown)", "unknown")
        answer = (await server.ask(STOP, id=execution_id))["stopExecution"]
        assert (answer["code"], answer["execution"]["status"]) == ("EXECUTION_NOT_OURS", "RUNNING")
        await server.stop(signal.SIGKILL)
    async with running_server(directory, environment) as server:
        async with server.watch(UPDATES) as items:
            await anext(items)
            for number in range(1, 4):
                (directory / "sessions" / f"seen_{execution_id}_{number}").touch()
                seen = await _until(items, "TOOL_CALL_ENDED")
                assert seen[-1]["event"]["toolCall"]["name"] == f"tool_{number}"
            seen = await _until(items, "SUCCEEDED")
            assert await runner.wait() == 0
        shown = (await server.ask(SHOWN, id=execution_id))["execution"]
    assert [event["seq"] for event in shown["events"]] == list(range(1, 9))
    assert [call["status"] for call in shown["toolCalls"]] == ["SUCCESS", "ERROR", "SUCCESS"]
    assert (shown["benchmarkId"], shown["agent"]) == ("001-sol-transfer", "deterministic")
