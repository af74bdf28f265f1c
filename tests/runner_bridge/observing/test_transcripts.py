"""Transcripts of other runners: followed beside their log, added after the end, in whatever order files arrive."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.formats.file_names import session_file_name, transcript_name
from runner_bridge.importing.import_files import ImportReport, import_session_files
from runner_bridge.observing import logs, observer
from store.executions import messages
from store.model import EventKind, ExecutionId, ExecutionStatus, Message, Page
from tests.helpers.bridge import Bridge
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.observed_files import id_of, observing, somebodys_runner, stored
from tests.helpers.patience import eventually

RUNNING, SUCCEEDED = ExecutionStatus.RUNNING, ExecutionStatus.SUCCEEDED


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "TURN_S", 0.05)
    monkeypatch.setattr(observer, "RESCAN_S", 0.2)
    monkeypatch.setattr(logs, "AWAIT_END_S", 0.2)


def transcript_of(runner: FakeRunner) -> Path:
    return runner.tool_log.with_name(transcript_name(runner.id))


def say(runner: FakeRunner, kind: str, **values: Any) -> None:
    with transcript_of(runner).open("a") as file:
        file.write(json.dumps({"kind": kind, **values}) + "\n")


async def conversation(bridge: Bridge, execution_id: ExecutionId) -> tuple[Message, ...]:
    key = (execution_id, 0, 200)
    return (await messages.pages_of(bridge.db, [key])).get(key, Page()).items


async def conversation_of(bridge: Bridge, runner: FakeRunner, count: int) -> tuple[Message, ...]:
    """Once it has so many entries."""

    async def as_many() -> tuple[Message, ...] | None:
        found = await conversation(bridge, id_of(runner))
        return found if len(found) == count else None

    found: tuple[Message, ...] = await eventually(as_many)
    return found


async def imported(bridge: Bridge) -> ImportReport:
    return await import_session_files(bridge.db, bridge.config)


async def test_a_growing_transcript_is_followed_and_each_line_is_an_event(
    bridge: Bridge, sessions: Path
) -> None:
    runner = somebodys_runner()
    async with observing(bridge):
        say(runner, "request")
        runner.tool_started("sol_transfer")
        await stored(bridge, runner, RUNNING)
        assert len(await conversation_of(bridge, runner, 1)) == 1
        say(runner, "response")
        await conversation_of(bridge, runner, 2)
        say(runner, "end", **{"reev.turns": 5})
        runner.write(runner.session())
        ended = await stored(bridge, runner, SUCCEEDED)
    assert [one.data["kind"] for one in await conversation(bridge, ended.id)] == [
        "request",
        "response",
        "end",
    ]
    assert ended.usage == {"requests": 1, "turns": 5}
    kinds = [event.kind for event in await bridge.history(ended.id)]
    assert kinds.count(EventKind.MESSAGE) == 3 and kinds[-1] is EventKind.STATUS_CHANGED


@pytest.mark.parametrize("order", [*itertools.permutations(["log", "transcript", "session"])])
async def test_the_order_in_which_files_arrive_does_not_matter(
    bridge: Bridge, sessions: Path, order: tuple[str, ...]
) -> None:
    runner = somebodys_runner()
    async with observing(bridge):
        for kind in order:
            if kind == "log":
                runner.call_tool("sol_transfer")
            elif kind == "transcript":
                say(runner, "request")
                say(runner, "response")
            else:
                runner.write(runner.session())
                await stored(bridge, runner, SUCCEEDED)
        await conversation_of(bridge, runner, 2)
    assert (await bridge.get(id_of(runner))).usage == {"requests": 1, "turns": 1}


async def test_a_transcript_that_grows_after_the_end_is_read_on(bridge: Bridge, sessions: Path) -> None:
    runner = somebodys_runner()
    async with observing(bridge):
        say(runner, "request")
        runner.write(runner.session())
        ended = await stored(bridge, runner, SUCCEEDED)
        await conversation_of(bridge, runner, 1)
        say(runner, "response")
        await conversation_of(bridge, runner, 2)
    history = await bridge.history(ended.id)
    assert [event.kind for event in history] == [EventKind.STATUS_CHANGED]


async def test_an_import_takes_the_transcript_and_an_unchanged_one_costs_nothing(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, orphan = somebodys_runner(), somebodys_runner()
    say(runner, "request")
    say(orphan, "request")
    runner.write(runner.session())
    outcomes = {file.file: file.outcome for file in (await imported(bridge)).files}
    assert outcomes == {
        session_file_name(runner.id): "IMPORTED",
        transcript_of(runner).name: "ADDED",
        transcript_of(orphan).name: "UNCHANGED",
    }
    assert len(await conversation(bridge, id_of(runner))) == 1

    def refuse(*_: object) -> None:
        raise AssertionError("an unchanged transcript is not read again")

    with monkeypatch.context() as patched:
        patched.setattr("runner_bridge.sessions.transcript_ingest.read_transcript", refuse)
        assert {file.outcome for file in (await imported(bridge)).files} == {"UNCHANGED"}
    say(runner, "response")
    assert len(await conversation(bridge, id_of(runner))) == 1
    assert "ADDED" in {file.outcome for file in (await imported(bridge)).files}
    assert len(await conversation(bridge, id_of(runner))) == 2
    orphan.write(orphan.session())
    await imported(bridge)
    assert len(await conversation(bridge, id_of(orphan))) == 1


async def test_an_import_takes_the_transcript_of_a_runner_that_still_writes(
    bridge: Bridge, sessions: Path
) -> None:
    runner = somebodys_runner()
    runner.tool_started("sol_transfer")
    say(runner, "request")
    await imported(bridge)
    assert (await bridge.get(id_of(runner))).status is RUNNING
    assert len(await conversation(bridge, id_of(runner))) == 1
    runner.write(runner.session())
    await imported(bridge)
    ended = await bridge.get(id_of(runner))
    assert (ended.status, ended.usage) == (SUCCEEDED, {"requests": 1})


async def test_a_transcript_that_is_a_link_is_not_followed(bridge: Bridge, sessions: Path) -> None:
    runner = somebodys_runner()
    runner.write(runner.session())
    transcript_of(runner).symlink_to("/etc/passwd")
    [report] = [file for file in (await imported(bridge)).files if file.file == transcript_of(runner).name]
    assert report.outcome == "FAILED" and "symbolic link" in (report.reason or "")
    assert await conversation(bridge, id_of(runner)) == ()
