"""Two executions side by side, over GraphQL: deltas, pairs, and never equal where the definitions differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from store.benchmarks import benchmarks
from store.executions import state_machine
from store.model import Ending, EventKind, Execution, ExecutionStatus, Step, ToolCall, ToolCallStatus
from store.postgres.database import Database
from tests.helpers.samples import draft, queued, transfer_yaml
from tests.helpers.statements import statements_sent
from tests.helpers.workers import claim

COMPARE = """
query ($left: ID!, $right: ID!) {
  compareExecutions(left: $left, right: $right) {
    left { id } right { id } sameBenchmark sameAgent definitionsDiffer notes
    definitionDiff { identical changes { path } }
    statusChanged successChanged scoreDelta computedScoreDelta executionTimeDeltaMs
    assertions { difference left { outcome } right { outcome } }
    toolCalls { difference left { name } right { name } paramsEqual resultsEqual durationDeltaMs }
    steps { ordinal difference instructionsEqual leftObservationStatus rightObservationStatus left { ordinal } }
  }
}
"""
HERE, THERE = "4" * 44, "5" * 44


def _assertion(outcome: str, description: str = "SolBalance of RECIPIENT == 1") -> dict[str, Any]:
    return {
        "index": 0,
        "type": "SolBalance",
        "description": description,
        "outcome": outcome,
        "expected": {"expected": 1},
        "actual": 1,
        "weight": 1.0,
        "reason": None,
    }


async def _ended(
    db: Database, address: str, outcome: str, *, score: float, time_ms: int, benchmark_id: str = "transfer"
) -> Execution:
    execution = await queued(db, benchmark_id)
    await claim(db, execution.id)
    status = ToolCallStatus.SUCCESS
    call = ToolCall(
        1, "sol_transfer", "sol_transfer", status, None, None, time_ms, {"to": address}, "sent", None
    )
    await state_machine.append_tool_calls(db, execution.id, [(EventKind.TOOL_CALL_ENDED, call)])
    observation = {"last_transaction_status": "Success", "key_map": {"RECIPIENT": address}}
    ending = Ending(
        ExecutionStatus.SUCCEEDED,
        success=True,
        score=score,
        scoring={"score": score / 2},
        assertions=[_assertion(outcome)],
        execution_time_ms=time_ms,
        session_file_hash="0" * 64,
        session={},
        steps=(Step(1, None, [{"program_id": "p", "accounts": [{"pubkey": address}]}], observation, None),),
    )
    finished = await state_machine.finish(db, execution.id, ending)
    assert finished is not None
    return finished


async def _compare(ask: Any, left: Execution, right: Execution) -> Any:
    return (await ask(COMPARE, left=str(left.id), right=str(right.id)))["compareExecutions"]


async def test_two_of_the_same_definition(db: Database, ask: Any) -> None:
    left = await _ended(db, HERE, "PASSED", score=1.0, time_ms=100)
    right = await _ended(db, THERE, "FAILED", score=0.5, time_ms=140)
    found = await _compare(ask, left, right)
    assert (found["sameBenchmark"], found["sameAgent"], found["definitionsDiffer"], found["notes"]) == (
        True,
        True,
        False,
        [],
    )
    assert (found["statusChanged"], found["successChanged"]) == (False, False)
    assert (found["scoreDelta"], found["computedScoreDelta"], found["executionTimeDeltaMs"]) == (
        -0.5,
        -0.25,
        40.0,
    )
    assert found["assertions"] == [
        {"difference": "CHANGED", "left": {"outcome": "PASSED"}, "right": {"outcome": "FAILED"}}
    ]
    [call] = found["toolCalls"]
    assert (call["difference"], call["paramsEqual"], call["resultsEqual"], call["durationDeltaMs"]) == (
        "SAME",
        True,
        True,
        40,
    )
    [step] = found["steps"]
    assert (step["difference"], step["instructionsEqual"], step["leftObservationStatus"]) == (
        "SAME",
        True,
        "Success",
    )


async def test_an_execution_is_like_itself(db: Database, ask: Any) -> None:
    only = await _ended(db, HERE, "PASSED", score=1.0, time_ms=100)
    found = await _compare(ask, only, only)
    assert found["scoreDelta"] == 0.0
    kinds = [item["difference"] for key in ("assertions", "toolCalls", "steps") for item in found[key]]
    assert kinds == ["SAME", "SAME", "SAME"]


async def test_a_changed_definition_is_said_and_shown(db: Database, ask: Any) -> None:
    left = await _ended(db, HERE, "PASSED", score=1.0, time_ms=1)
    changed = draft(
        source=transfer_yaml() + "# more\n", content_hash="a" * 64, definition={"id": "transfer", "n": 1}
    )
    await benchmarks.upsert(db, changed)
    again, _ = await state_machine.request_execution(
        db, benchmark_id="transfer", agent="deterministic", timeout_ms=1000
    )
    found = await _compare(ask, left, again)
    assert found["definitionsDiffer"] is True
    assert found["definitionDiff"] == {"identical": False, "changes": [{"path": "n"}]}
    assert "revision 1 and revision 2" in found["notes"][0]
    assert "right one has not ended" in found["notes"][1]
    assert (found["successChanged"], found["scoreDelta"], found["executionTimeDeltaMs"]) == (None, None, None)
    assert [item["difference"] for item in found["assertions"]] == ["ONLY_LEFT"]
    assert [item["difference"] for item in found["toolCalls"]] == ["ONLY_LEFT"]

    await benchmarks.upsert(db, replace(draft(), source_path="transfer.yml"))
    back = await _ended(db, HERE, "PASSED", score=1.0, time_ms=1)
    assert back.benchmark_revision == 3
    assert (await _compare(ask, left, back))["definitionsDiffer"] is False


async def test_different_and_unknown_benchmarks_are_said(db: Database, ask: Any) -> None:
    left = await _ended(db, HERE, "PASSED", score=1.0, time_ms=1)
    other = await _ended(db, HERE, "PASSED", score=1.0, time_ms=1, benchmark_id="other")
    found = await _compare(ask, left, other)
    assert (found["sameBenchmark"], found["definitionsDiffer"], found["definitionDiff"]) == (
        False,
        True,
        None,
    )
    assert "different benchmarks: transfer and other" in found["notes"][0]
    unknown = await queued(db)
    await db.execute("UPDATE executions SET benchmark_revision = NULL WHERE id = $1", unknown.id)
    found = await _compare(ask, left, unknown)
    assert found["definitionsDiffer"] is None
    assert "right one executed is not known" in found["notes"][0]


@pytest.mark.parametrize("missing", ["left", "right"])
async def test_what_does_not_exist_is_null_and_what_is_no_id_is_refused(
    db: Database, ask: Any, refuse: Any, missing: str
) -> None:
    ids = dict.fromkeys(("left", "right"), str((await queued(db)).id))
    nobody = "00000000-0000-4000-8000-000000000000"
    assert await ask(COMPARE, **{**ids, missing: nobody}) == {"compareExecutions": None}
    assert (await refuse(COMPARE, **{**ids, missing: "../x"}))[0] == "INVALID_ID"


async def test_a_whole_comparison_takes_few_statements(db: Database, ask: Any) -> None:
    left = await _ended(db, HERE, "PASSED", score=1.0, time_ms=1)
    right = await _ended(db, HERE, "PASSED", score=1.0, time_ms=1)
    with statements_sent() as statements:
        await _compare(ask, left, right)
    # Both executions, their benchmarks, their tool calls, their steps, what of them was pruned.
    assert len(statements) == 5, statements
