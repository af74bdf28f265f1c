"""Tool logs that arrive or grow after the end, of other sessions, or of which nothing can be used."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.importing.import_files import import_session_files
from runner_bridge.observing import logs, observer
from runner_bridge.tool_logs import growing_file
from store.executions import ingest_problems, results, tool_logs
from store.executions.results import PromptSource
from store.executions.tool_logs import Remark, RemarkKind
from store.model import ExecutionId, ExecutionStatus, ToolCall
from tests.helpers.bridge import Bridge
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.observed_files import id_of, observing, somebodys_runner, stored
from tests.helpers.patience import DEADLINE_S, eventually

ANOTHER = "21b6bb59-025f-4525-97e1-47f0961e5697"
RUNNING, SUCCEEDED, LOST = ExecutionStatus.RUNNING, ExecutionStatus.SUCCEEDED, ExecutionStatus.LOST


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "TURN_S", 0.05)
    monkeypatch.setattr(observer, "RESCAN_S", 0.2)
    monkeypatch.setattr(logs, "AWAIT_END_S", 0.2)


async def calls(bridge: Bridge, execution_id: ExecutionId) -> list[ToolCall]:
    return list((await results.tool_calls_of(bridge.db, [execution_id])).get(execution_id, ()))


async def remarks(bridge: Bridge, execution_id: ExecutionId) -> list[Remark]:
    return list((await tool_logs.remarks_of(bridge.db, [execution_id])).get(execution_id, ()))


async def failing_lines(bridge: Bridge) -> set[tuple[str, int | None]]:
    found = await ingest_problems.newest_failures(bridge.db, 200)
    return {(one.file, one.line) for one in found}


async def names(bridge: Bridge, execution_id: ExecutionId, count: int) -> list[str]:
    """The names of its calls, once there are so many."""

    async def as_many() -> list[str] | None:
        found = [call.name for call in await calls(bridge, execution_id)]
        return found if len(found) == count else None

    found: list[str] = await eventually(as_many)
    return found


def without_prompt_and_times(runner: FakeRunner) -> bytes:
    tree = json.loads(runner.session(start_time=None, end_time=None))
    del tree["final_result"]["data"]["prompt"]
    return json.dumps(tree).encode()


async def test_a_log_that_arrives_after_its_session_file_is_added(bridge: Bridge, sessions: Path) -> None:
    runner = somebodys_runner()
    async with observing(bridge):
        runner.write(without_prompt_and_times(runner))
        ended = await stored(bridge, runner, SUCCEEDED)
        assert ended.started_at is None
        history = await bridge.history(ended.id)
        prompt = {"user_prompt": "Send it.", "final_prompt": "", "tool_name_list": []}
        runner.log_tool("Prompt", prompt=prompt)
        runner.call_tool("sol_transfer")
        os.utime(runner.tool_log, (1_760_000_000, 1_760_000_000))
        assert await names(bridge, ended.id, 1) == ["sol_transfer"]
    now = await bridge.get(ended.id)
    assert now.started_at is not None and now.started_at == now.queued_at
    assert (now.status, now.ended_at, now.revision) == (ended.status, ended.ended_at, ended.revision)
    assert await bridge.history(ended.id) == history
    told = (await results.prompts_of(bridge.db, [ended.id]))[ended.id]
    assert told == results.Prompt("Send it.", PromptSource.TOOL_LOG, False)


async def test_a_log_that_grows_after_the_end_is_read_on(bridge: Bridge, sessions: Path) -> None:
    runner = somebodys_runner()
    async with observing(bridge):
        runner.tool_started("sol_transfer")
        await stored(bridge, runner, RUNNING)
        runner.write(runner.session())
        ended = await stored(bridge, runner, SUCCEEDED)
        runner.tool_ended()
        runner.call_tool("jupiter_swap")
        assert await names(bridge, ended.id, 2) == ["sol_transfer", "jupiter_swap"]
        assert {call.status for call in await calls(bridge, ended.id)} == {"SUCCESS"}
    assert await bridge.get(ended.id) == ended
    log = (await tool_logs.logs_of(bridge.db, [ended.id]))[ended.id]
    assert log.bytes == runner.tool_log.stat().st_size


async def test_what_a_runner_of_ours_logs_after_its_end_is_added_without_its_secrets(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "a-key-that-nobody-must-see")
    execution = await bridge.run("ok")
    history = await bridge.history(execution.id)
    runner = somebodys_runner(str(execution.id))
    async with observing(bridge):
        runner.log_tool(
            "ToolInput", tool_input={"tool_name": "late", "tool_args": {"key": "a-key-that-nobody-must-see"}}
        )
        assert await names(bridge, execution.id, 2) == ["sol_transfer", "late"]
    assert [call.params for call in await calls(bridge, execution.id)][1] == {"key": "[LLM_API_KEY]"}
    text = (await tool_logs.read_text(bridge.db, [(execution.id, 0)]))[execution.id, 0].text
    assert "late" in text and "nobody-must-see" not in text
    assert await bridge.get(execution.id) == execution
    assert await bridge.history(execution.id) == history


async def test_a_log_of_another_session_is_shown_with_a_remark_that_names_it(
    bridge: Bridge, sessions: Path
) -> None:
    runner = somebodys_runner("300-swap-test")
    async with observing(bridge, idle_s=3.0):
        given: dict[str, Any] = {"tool_name": "jupiter_swap", "tool_args": {"n": 1}}
        runner.log_tool("ToolInput", session_id=ANOTHER, tool_input=given)
        done = {"success": True, "results": "[]", "error_message": None}
        runner.log_tool("ToolOutput", session_id=ANOTHER, tool_output=done)
        await stored(bridge, runner, RUNNING)
        assert await names(bridge, id_of(runner), 1) == ["jupiter_swap"]
        lost = await stored(bridge, runner, LOST)
    [remark] = await remarks(bridge, lost.id)
    assert (remark.kind, remark.line) == (RemarkKind.OTHER_SESSION, None)
    assert ANOTHER in remark.message
    assert lost.session_id == "300-swap-test"


async def test_a_log_of_which_nothing_can_be_used_begins_nothing_until_it_can(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "AGAIN_S", 0.05)
    runner = somebodys_runner()
    async with observing(bridge):
        runner.tool_log.write_bytes(b'noise\n{"event_type": "Unheard"}\n')
        await eventually(lambda: _are_failing(bridge, {(runner.tool_log.name, 1), (runner.tool_log.name, 2)}))
        assert await bridge.db.fetchval("SELECT count(*) FROM executions") == 0
        runner.call_tool("sol_transfer")
        execution = await stored(bridge, runner, RUNNING)
        assert await names(bridge, execution.id, 1) == ["sol_transfer"]
        assert [one.line for one in await eventually(lambda: remarks(bridge, execution.id))] == [1, 2]
        runner.tool_log.unlink()
        await eventually(lambda: _are_failing(bridge, set()))


async def _are_failing(bridge: Bridge, lines: set[tuple[str, int | None]]) -> bool:
    return await failing_lines(bridge) == lines


async def test_a_log_that_was_replaced_after_the_end_keeps_what_it_told_and_says_so(
    bridge: Bridge, sessions: Path
) -> None:
    runner, other = somebodys_runner(), somebodys_runner()
    async with observing(bridge):
        runner.call_tool("sol_transfer")
        runner.write(runner.session())
        ended = await stored(bridge, runner, SUCCEEDED)
        await eventually(lambda: tool_logs.logs_of(bridge.db, [ended.id]))
        other.call_tool("jupiter_swap")
        other.tool_log.rename(runner.tool_log)
        [remark] = await eventually(lambda: remarks(bridge, ended.id))
        assert remark.kind is RemarkKind.CUT_OFF and "replaced" in remark.message
        await eventually(lambda: _are_failing(bridge, {(runner.tool_log.name, None)}))
    assert [call.name for call in await calls(bridge, ended.id)] == ["sol_transfer"]


BAD_LINES = {
    "duplicate key": b'{"event_type": "ToolOutput", "event_type": "ToolOutput"}',
    "bad UTF-8": b'{"event_type": "\xff"}',
    "UTF-16": '{"event_type": "StepComplete"}'.encode("utf-16"),
    "NUL padding": b"\0" * 64,
    "too deep": b"[" * 500,
    "no JSON": b"what is this",
    "an output of nothing": b'{"event_type": "ToolOutput", "tool_output": {"success": NaN}}',
    "no event": b"{}",
}
GOOD_LINES = {
    "NaN": b'{"success": true, "results": {"slippage": NaN}, "error_message": null}',
    "Infinity": b'{"success": true, "results": [-Infinity], "error_message": null}',
    "1e999": b'{"success": true, "results": {"price": 1e999}, "error_message": null}',
}


def odd_log(session_id: str) -> bytes:
    """Every kind of line that is odd, between calls that are not."""

    def line(kind: str, member: bytes = b"null") -> bytes:
        name = {"ToolInput": b"tool_input", "ToolOutput": b"tool_output"}[kind]
        return b'{"session_id": "%s", "event_type": "%s", "%s": %s}' % (
            *(session_id.encode(), kind.encode()),
            *(name, member),
        )

    def opened(name: str) -> bytes:
        return line("ToolInput", b'{"tool_name": "%s", "tool_args": {"n": 1}}' % name.encode())

    done = line("ToolOutput", b'{"success": true, "results": 1, "error_message": null}')
    lines = [b"\xef\xbb\xbf" + opened("with_a_mark"), done + b"\r"]
    for output in GOOD_LINES.values():
        lines += [opened("with_a_number"), line("ToolOutput", output)]
    lines += [b"\0\0" + opened("padded"), done, opened("two") + done]
    lines += BAD_LINES.values()
    return b"\n".join([*lines, opened("last"), done, b""])


async def test_no_line_vanishes_whoever_reads_the_log(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Followed line by line by an observer and by a supervision, and read whole by an import: all say the same."""
    observed, imported = somebodys_runner(), somebodys_runner()
    execution = await bridge.request()
    supervised = somebodys_runner(str(execution))
    followed = [runner for runner in (observed, supervised)]
    worker = bridge.worker("ends-on-cue")
    supervising = asyncio.create_task(worker.handle(execution))
    await bridge.ready(execution)
    async with observing(bridge):
        for runner in followed:
            for line in odd_log(runner.id).splitlines(keepends=True):
                with runner.tool_log.open("ab") as file:
                    file.write(line)
                await asyncio.sleep(0.001)
        observed.write(observed.session())
        await stored(bridge, observed, SUCCEEDED)
        bridge.cue(execution)
        async with asyncio.timeout(DEADLINE_S):
            await supervising
    imported.tool_log.write_bytes(odd_log(imported.id))
    imported.write(imported.session())
    await import_session_files(bridge.db, bridge.config)
    told = [await _told(bridge, runner) for runner in (observed, imported, supervised)]
    names_of_calls = [call["name"] for call in told[0]["calls"]]
    assert names_of_calls == ["with_a_mark", *["with_a_number"] * 3, "padded", "two", "last"]
    assert {call["status"] for call in told[0]["calls"]} == {"SUCCESS"}
    assert [call["result"] for call in told[0]["calls"]][1:4] == [
        {"slippage": "NaN"},
        ["-Infinity"],
        {"price": "1e999"},
    ]
    kinds = [kind for kind, _, _ in told[0]["remarks"]]
    assert kinds.count(RemarkKind.UNUSABLE_LINE) == len(BAD_LINES) == len(told[0]["failures"])
    assert kinds.count(RemarkKind.CHANGED_LINE) == len(GOOD_LINES) + 2
    assert told[1] == told[0]
    # The runner of the supervised one wrote a call of its own after the others.
    assert told[2]["calls"][:-1] == told[0]["calls"]
    assert (told[2]["remarks"], told[2]["failures"]) == (told[0]["remarks"], told[0]["failures"])


async def _told(bridge: Bridge, runner: FakeRunner) -> dict[str, Any]:
    execution_id = id_of(runner)
    failures = await ingest_problems.newest_failures(bridge.db, 200)
    return {
        "calls": [
            {name: getattr(call, name) for name in ("ordinal", "name", "status", "params", "result")}
            for call in await calls(bridge, execution_id)
        ],
        "remarks": [(one.kind, one.line, one.message) for one in await remarks(bridge, execution_id)],
        "failures": {
            (one.line, one.reason, one.byte_offset is None)
            for one in failures
            if one.file == runner.tool_log.name
        },
    }


async def test_a_log_that_is_too_long_is_told_in_its_execution(
    bridge: Bridge, sessions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing_file, "MAX_FILE_BYTES", 500)
    supervised = await bridge.run("ok")
    imported = somebodys_runner()
    imported.call_tool("sol_transfer")
    imported.write(imported.session())
    await import_session_files(bridge.db, bridge.config)
    for execution_id in (supervised.id, id_of(imported)):
        [remark] = await remarks(bridge, execution_id)
        assert (remark.kind, remark.line) == (RemarkKind.CUT_OFF, None)
        assert "500 bytes" in remark.message
        assert (remark.file, None) in await failing_lines(bridge)
        assert [call.status for call in await calls(bridge, execution_id)] == ["UNFINISHED"]
