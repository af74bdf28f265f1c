"""Subscriptions: a snapshot first, then every event once and in order, then the end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from store.executions import state_machine
from store.live.hub import Hub
from store.model import Ending, EventKind, ExecutionStatus, ToolCall, ToolCallStatus
from store.postgres.database import Database
from tests.helpers.samples import queued
from tests.helpers.workers import claim

EVENTS = """
subscription ($id: ID!, $after: Int! = 0) {
  executionEvents(executionId: $id, after: $after) {
    seq kind status toolCall { name status } execution { status revision }
  }
}
"""

UPDATES = """
subscription ($filter: ExecutionFilter, $after: String) {
  executionUpdates(filter: $filter, after: $after) { cursor event { seq status } execution { id agent } }
}
"""

CALL = ToolCall(
    1, "sol_transfer", "sol_transfer", ToolCallStatus.UNFINISHED, None, None, None, {}, None, None
)
ENDED_CALL = replace(CALL, status=ToolCallStatus.SUCCESS)


async def _live_through(db: Database, **options: Any) -> Any:
    """An execution from its request to its end: five events."""
    execution = await queued(db, **options)
    await claim(db, execution.id)
    await state_machine.append_tool_calls(db, execution.id, [(EventKind.TOOL_CALL_STARTED, CALL)])
    await state_machine.append_tool_calls(db, execution.id, [(EventKind.TOOL_CALL_ENDED, ENDED_CALL)])
    await state_machine.finish(db, execution.id, Ending(ExecutionStatus.SUCCEEDED, success=True, score=1.0))
    return execution.id


async def test_the_history_of_an_ended_execution_is_replayed_and_completes(db: Database, watch: Any) -> None:
    execution_id = await _live_through(db)
    async with watch(EVENTS, id=str(execution_id)) as items:
        seen = [item["executionEvents"] async for item in items]
    assert [(event["seq"], event["kind"], event["status"]) for event in seen] == [
        (0, "SNAPSHOT", "SUCCEEDED"),
        (1, "STATUS_CHANGED", "QUEUED"),
        (2, "STATUS_CHANGED", "RUNNING"),
        (3, "TOOL_CALL_STARTED", None),
        (4, "TOOL_CALL_ENDED", None),
        (5, "STATUS_CHANGED", "SUCCEEDED"),
    ]
    assert seen[3]["toolCall"] == {"name": "sol_transfer", "status": "UNFINISHED"}


async def test_live_events_arrive_and_the_stream_ends_with_the_execution(db: Database, watch: Any) -> None:
    execution = await queued(db)
    async with watch(EVENTS, id=str(execution.id)) as items:
        assert (await anext(items))["executionEvents"]["kind"] == "SNAPSHOT"
        assert (await anext(items))["executionEvents"]["status"] == "QUEUED"
        await claim(db, execution.id)
        assert (await anext(items))["executionEvents"]["status"] == "RUNNING"
        await state_machine.request_stop(db, execution.id)
        assert (await anext(items))["executionEvents"]["status"] == "STOPPING"
        await state_machine.finish(db, execution.id, Ending(ExecutionStatus.STOPPED))
        assert (await anext(items))["executionEvents"]["status"] == "STOPPED"
        with pytest.raises(StopAsyncIteration):
            await anext(items)


async def test_resuming_after_any_event_sends_exactly_the_rest(db: Database, watch: Any) -> None:
    execution_id = await _live_through(db)
    for after in range(6):
        async with watch(EVENTS, id=str(execution_id), after=after) as items:
            seen = [item["executionEvents"]["seq"] async for item in items]
        assert seen == [after, *range(after + 1, 6)]


@pytest.mark.parametrize(("after", "code"), [(-1, "INVALID_CURSOR"), (2, "INVALID_CURSOR")])
async def test_a_cursor_outside_the_history_is_refused(
    db: Database, watch: Any, after: int, code: str
) -> None:
    execution = await queued(db)
    async with watch(EVENTS, id=str(execution.id), after=after) as items:
        refused = await anext(items)
    assert refused.errors[0].extensions["code"] == code


@pytest.mark.parametrize(
    ("execution_id", "code"),
    [("00000000-0000-4000-8000-000000000000", "EXECUTION_NOT_FOUND"), ("../x", "INVALID_ID")],
)
async def test_an_unknown_execution_cannot_be_watched(watch: Any, execution_id: str, code: str) -> None:
    async with watch(EVENTS, id=execution_id) as items:
        refused = await anext(items)
    assert refused.errors[0].extensions["code"] == code


async def test_updates_start_with_a_cursor_and_are_filtered(db: Database, watch: Any) -> None:
    async with watch(UPDATES, filter={"agents": ["glm-4.6"]}) as items:
        first = (await anext(items))["executionUpdates"]
        assert first["event"] is None
        assert first["cursor"]
        await _live_through(db)
        wanted = str(await _live_through(db, agent="glm-4.6"))
        seen = [(await anext(items))["executionUpdates"] for _ in range(5)]
    assert {update["execution"]["id"] for update in seen} == {wanted}
    assert [update["event"]["seq"] for update in seen] == [1, 2, 3, 4, 5]


async def test_updates_resume_from_the_cursor_of_any_update(db: Database, watch: Any) -> None:
    async with watch(UPDATES) as items:
        await anext(items)
        execution_ids = [str(await _live_through(db)) for _ in range(3)]
        seen = [(await anext(items))["executionUpdates"] for _ in range(15)]
    for position in (0, 7, 13):
        async with watch(UPDATES, after=seen[position]["cursor"]) as items:
            assert (await anext(items))["executionUpdates"]["cursor"] == seen[position]["cursor"]
            again = [(await anext(items))["executionUpdates"] for _ in range(14 - position)]
        assert again == seen[position + 1 :]
    assert {update["execution"]["id"] for update in seen} == set(execution_ids)


async def test_a_list_and_the_updates_after_it_leave_no_gap(db: Database, ask: Any, watch: Any) -> None:
    await queued(db)
    page = (await ask("{ executions { updatesCursor nodes { id revision } } }"))["executions"]
    late = await queued(db)
    async with watch(UPDATES, after=page["updatesCursor"]) as items:
        async for item in items:
            execution = item["executionUpdates"]["execution"]
            if execution is not None and execution["id"] == str(late.id):
                break


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "1.2.3", f"{2**62}.00000000-0000-4000-8000-000000000000.1"]
)
async def test_a_cursor_of_elsewhere_is_refused(watch: Any, cursor: str) -> None:
    async with watch(UPDATES, after=cursor) as items:
        refused = await anext(items)
    assert refused.errors[0].extensions["code"] == "INVALID_CURSOR"


async def test_an_abandoned_watcher_leaves_nothing_behind(db: Database, hub: Hub, watch: Any) -> None:
    execution = await queued(db)
    async with watch(EVENTS, id=str(execution.id)) as items:
        await anext(items)
        await anext(items)
        waiting = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert hub._channels == {}
