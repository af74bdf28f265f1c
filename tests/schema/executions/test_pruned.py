"""What retention has deleted is said wherever it is missed: no list is empty, and no seq left out, in silence."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.sessions import flows
from store.executions import retention
from store.model import ExecutionId
from store.postgres.database import Database
from tests.store.executions.test_retention import age, lived

WHAT = """
query ($id: ID!) {
  execution(id: $id) {
    status score pruned { pruned_at: prunedAt events steps toolCalls outputBytes }
    steps { ordinal } toolCalls { ordinal } prompt log { text ended } events { seq kind at status }
    flow { toolCalls { name } }
  }
}
"""
EVENTS = """
subscription ($id: ID!, $after: Int! = 0) {
  executionEvents(executionId: $id, after: $after) { seq kind status execution { pruned { events } } }
}
"""
LOG = """
subscription ($id: ID!, $offset: Int!) { executionLog(executionId: $id, offset: $offset) { offset text ended } }
"""
PAGE = "query ($id: ID!, $after: Int, $first: Int) {"
PAGE += " execution(id: $id) { events(after: $after, first: $first) { seq kind } } }"
COMPARE = "query ($left: ID!, $right: ID!) { compareExecutions(left: $left, right: $right) { notes } }"


@pytest.fixture
async def pruned(db: Database) -> ExecutionId:
    """Its events were 1 QUEUED, 2 RUNNING, 3 to 5 tool calls, 6 SUCCEEDED."""
    execution_id = await lived(db)
    await age(db, execution_id)
    assert await retention.prune(db, await retention.cutoff(db, dt.timedelta(days=30))) is not None
    return execution_id


async def test_a_pruned_execution_says_so_and_keeps_its_status_and_score(
    pruned: ExecutionId, ask: Any
) -> None:
    execution = (await ask(WHAT, id=str(pruned)))["execution"]
    assert (execution["status"], execution["score"]) == ("SUCCEEDED", 0.5)
    when = execution["pruned"].pop("pruned_at")
    assert execution["pruned"] == {"events": 3, "steps": 2, "toolCalls": 4, "outputBytes": 7}
    assert execution["steps"] == execution["toolCalls"] == execution["flow"]["toolCalls"] == []
    assert execution["prompt"] is None
    assert execution["log"] == {"text": "", "ended": True}
    gap = {"seq": 5, "kind": "PRUNED", "at": when, "status": None}
    assert [event["seq"] for event in execution["events"]] == [1, 2, 5, 6]
    assert execution["events"][2] == gap


async def test_an_execution_that_is_kept_has_nothing_pruned(db: Database, ask: Any) -> None:
    execution = (await ask(WHAT, id=str(await lived(db))))["execution"]
    assert execution["pruned"] is None
    assert [event["seq"] for event in execution["events"]] == [1, 2, 3, 4, 5, 6]
    assert len(execution["steps"]) == 2


@pytest.mark.parametrize(
    ("after", "events"),
    [
        (0, [(1, "STATUS_CHANGED"), (2, "STATUS_CHANGED"), (5, "PRUNED"), (6, "STATUS_CHANGED")]),
        (2, [(5, "PRUNED"), (6, "STATUS_CHANGED")]),
        (3, [(5, "PRUNED"), (6, "STATUS_CHANGED")]),
        (5, [(6, "STATUS_CHANGED")]),
        (6, []),
    ],
)
async def test_its_events_begin_with_a_snapshot_tell_the_gap_and_complete(
    pruned: ExecutionId, watch: Any, after: int, events: list[tuple[int, str]]
) -> None:
    async with watch(EVENTS, id=str(pruned), after=after) as items:
        seen = [item["executionEvents"] async for item in items]
    assert [(event["seq"], event["kind"]) for event in seen] == [(after, "SNAPSHOT"), *events]
    assert all(event["execution"]["pruned"] == {"events": 3} for event in seen)


async def test_pages_of_its_events_go_on_from_any_of_them(pruned: ExecutionId, ask: Any) -> None:
    after, seen = 0, []
    while page := (await ask(PAGE, id=str(pruned), after=after, first=1))["execution"]["events"]:
        [event] = page
        after = event["seq"]
        seen.append((after, event["kind"]))
    assert [seq for seq, _ in seen] == [1, 2, 5, 6]
    assert seen[2] == (5, "PRUNED")


async def test_its_output_can_be_asked_for_from_any_place_that_it_had(
    pruned: ExecutionId, watch: Any, refuse: Any
) -> None:
    for offset in (0, 7):
        async with watch(LOG, id=str(pruned), offset=offset) as items:
            seen = [item["executionLog"] async for item in items]
        assert seen == [{"offset": offset, "text": "", "ended": True}]


async def test_a_comparison_with_it_notes_what_is_missing(
    db: Database, pruned: ExecutionId, ask: Any
) -> None:
    kept = await lived(db)
    notes = (await ask(COMPARE, left=str(kept), right=str(pruned)))["compareExecutions"]["notes"]
    assert notes == ["Retention has deleted the steps and tool calls of the right one."]


async def test_its_flow_knows_when_its_tool_calls_were_deleted(
    db: Database, pruned: ExecutionId, runner: RunnerConfig
) -> None:
    material = await flows.load(db, runner.sessions_dir, str(pruned))
    row = (await retention.pruned_of(db, [pruned]))[pruned]
    assert material is not None and material.pruned_at == row.pruned_at
    other = await flows.load(db, runner.sessions_dir, str(await lived(db)))
    assert other is not None and other.pruned_at is None
