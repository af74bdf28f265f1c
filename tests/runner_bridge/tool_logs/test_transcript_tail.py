"""Following a transcript: a written line is an event at once and is told once, and no secret stays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.formats.file_names import transcript_name
from runner_bridge.formats.paths import Directory
from runner_bridge.tool_logs import file_tail, growing_file, transcript_tail
from runner_bridge.tool_logs.transcript_tail import TranscriptTail
from runner_bridge.watching.directory_watch import DirectoryWatch
from store.executions import messages
from store.model import EventKind, ExecutionId
from tests.helpers.bridge import Bridge
from tests.helpers.patience import DEADLINE_S
from tests.helpers.workers import claim
from tests.runner_bridge.tool_logs.test_tail import stands


@pytest.fixture
async def running(bridge: Bridge) -> ExecutionId:
    execution_id = await bridge.request()
    assert await claim(bridge.db, execution_id) is not None
    return execution_id


@pytest.fixture
def transcript(bridge: Bridge, running: ExecutionId) -> Path:
    return bridge.config.sessions_dir / transcript_name(str(running))


def write(transcript: Path, kind: str, **values: Any) -> None:
    with transcript.open("a") as file:
        file.write(json.dumps({"kind": kind, **values}) + "\n")


@asynccontextmanager
async def following(
    bridge: Bridge,
    running: ExecutionId,
    environment: Mapping[str, str] | None = None,
    watch: DirectoryWatch | None = None,
) -> AsyncIterator[TranscriptTail]:
    """A tail at work; at the end it has taken everything there is."""
    watch = watch or DirectoryWatch(bridge.config.sessions_dir)
    tail = TranscriptTail(bridge.db, running, Directory(watch.root), environment or {})
    ended = asyncio.Event()
    task = asyncio.create_task(tail.follow(watch, ended))
    try:
        yield tail
    finally:
        ended.set()
        async with asyncio.timeout(DEADLINE_S):
            await task
            await tail.conclude()
            await watch.close()


async def told(bridge: Bridge, running: ExecutionId) -> list[tuple[int, Any]]:
    """The ordinal and the data of each event of a message."""
    history = [event for event in await bridge.history(running) if event.status is None]
    assert {event.kind for event in history} <= {EventKind.MESSAGE}
    return [(event.data["ordinal"], event.data["data"]) for event in history]


async def test_a_written_line_is_an_event_without_waiting_for_the_next_look(
    bridge: Bridge, running: ExecutionId, transcript: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks once an hour: what comes as an event was told by the watch."""
    monkeypatch.setattr(file_tail, "LOOK_S", 3600.0)
    events = bridge.hub.follow_execution(running, 2)
    watch = DirectoryWatch(bridge.config.sessions_dir)
    async with following(bridge, running, watch=watch), asyncio.timeout(DEADLINE_S):
        await stands(watch)
        for number in range(3):
            write(transcript, "response", number=number)
            event = (await anext(events)).event
            assert event.data["data"] == {"kind": "response", "number": number}
            usage = (await bridge.get(running)).usage
            assert usage is not None and usage["turns"] == number + 1
    await events.aclose()


async def test_after_a_restart_only_what_was_not_stored_yet_is_told_and_the_sums_are_right(
    bridge: Bridge, running: ExecutionId, transcript: Path
) -> None:
    write(transcript, "request")
    write(transcript, "response")
    async with following(bridge, running):
        pass
    write(transcript, "request")
    with transcript.open("a") as file:
        file.write('{"kind": "response"}')
    for _ in range(2):
        async with following(bridge, running):
            pass
    assert [ordinal for ordinal, _ in await told(bridge, running)] == [1, 2, 3, 4]
    assert (await bridge.get(running)).usage == {"requests": 2, "turns": 2}
    assert await messages.counts_of(bridge.db, [running]) == {running: 4}


async def test_secrets_of_the_runner_are_taken_out_of_keys_and_values(
    bridge: Bridge, running: ExecutionId, transcript: Path
) -> None:
    secret = 'canary/key"of+an\\agent'
    write(transcript, "error", **{"reev.message": f"refused: {secret}", secret: 1})
    with transcript.open("a") as file:
        file.write(f"not JSON: {secret}\n")
    write(transcript, "end", **{"reev.stop_reason": secret})
    async with following(bridge, running, {"LLM_API_KEY": secret}):
        pass
    found = await told(bridge, running)
    assert found[0][1]["reev.message"] == "refused: [LLM_API_KEY]" and found[0][1]["[LLM_API_KEY]"] == 1
    assert found[1][1] == "not JSON: [LLM_API_KEY]"
    assert (await bridge.get(running)).usage == {"retries": 0, "stop_reason": "[LLM_API_KEY]"}


async def test_large_lines_are_stored_some_at_a_time_and_a_file_has_a_limit(
    bridge: Bridge, running: ExecutionId, transcript: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    append = messages.append

    async def noting(*arguments: Any) -> bool:
        sizes.append(len(arguments[2]))
        return await append(*arguments)

    monkeypatch.setattr(messages, "append", noting)
    monkeypatch.setattr(transcript_tail, "BYTES_AT_ONCE", 300)
    monkeypatch.setattr(growing_file, "MAX_FILE_BYTES", 1100)
    for _ in range(10):
        write(transcript, "response", text="x" * 100)
    async with following(bridge, running) as tail:
        pass
    assert sizes == [3, 3, 2]
    assert tail.file.cut_off == "it is longer than 1100 bytes"
    assert len(await told(bridge, running)) == 8
