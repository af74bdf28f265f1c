"""Batches over GraphQL that repeat others: exactly what was asked for, with trials, at the current revision."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from store.benchmarks import benchmarks
from store.executions import state_machine
from store.model import Ending, ExecutionId, ExecutionStatus, Failure, FailureKind
from store.postgres.database import Database
from tests.helpers.samples import draft
from tests.helpers.workers import claim

RUN = """
mutation ($input: RunBenchmarksInput!) {
  runBenchmarks(input: $input) {
    ... on RunBenchmarksSuccess { batch { id executions { nodes { id trial benchmarkId agent } } } }
    ... on Error { message }
  }
}
"""

RERUN = """
mutation ($input: RerunBatchInput!) {
  rerunBatch(input: $input) {
    __typename
    ... on RunBenchmarksSuccess {
      created
      batch {
        id name note tags size request status endedAt timeLeftMs rerunOf { id reruns { id } }
        executions { nodes {
          benchmarkId benchmarkRevision agent trial tags timeoutMs priority rerunOf { id }
        } }
      }
    }
    ... on NothingToRerunError { batch { id } }
    ... on BenchmarksNotFoundError { benchmarkIds }
    ... on AgentsNotFoundError { agents }
    ... on InvalidInputError { field }
    ... on BatchIdempotencyConflictError { existing { id } }
    ... on Error { message code }
  }
}
"""

STATE = "query ($id: ID!) { batch(id: $id) { status endedAt timeLeftMs progress { isOver } } }"
AGENTS = ["deterministic", "glm-4.6"]
ENDS: dict[str, Ending] = {
    "solved": Ending(ExecutionStatus.SUCCEEDED, scoring={"score": 1.0}, execution_time_ms=100),
    "not solved": Ending(ExecutionStatus.SUCCEEDED, scoring={"score": 0.5}, execution_time_ms=200),
    "failed": Ending(ExecutionStatus.FAILED, Failure(FailureKind.AGENT, "it gave up"), execution_time_ms=300),
    "excluded": Ending(ExecutionStatus.FAILED, Failure(FailureKind.ENDPOINT, "AUTH: no")),
}


@pytest.fixture
async def ended(db: Database, ask: Any) -> tuple[str, dict[str, dict[str, Any]]]:
    """A batch of two benchmarks, two agents and two trials: four have ended, one each way, and four wait."""
    await benchmarks.sync(db, [draft("one"), draft("two")])
    request = {"agents": AGENTS, "benchmarkIds": ["one", "two"], "repeats": 2, "timeoutMs": 5000}
    labels = {"name": "first", "tags": ["suite=a"], "priority": -7}
    batch = (await ask(RUN, input={**request, **labels}))["runBenchmarks"]["batch"]
    members = dict(zip(ENDS, batch["executions"]["nodes"], strict=False))
    for end, member in members.items():
        execution_id = ExecutionId(uuid.UUID(member["id"]))
        assert await claim(db, execution_id) is not None
        assert await state_machine.finish(db, execution_id, ENDS[end]) is not None
    return batch["id"], members


@pytest.mark.parametrize(
    ("only", "repeated"),
    [
        ("FAILED", ["failed", "excluded"]),
        ("NOT_SOLVED", ["not solved", "failed"]),
        ("EXCLUDED", ["excluded"]),
        ("ALL", list(ENDS)),
    ],
)
async def test_exactly_what_is_asked_for_is_repeated(
    db: Database, ask: Any, ended: Any, only: str, repeated: list[str]
) -> None:
    batch_id, members = ended
    await benchmarks.upsert(db, draft("one", content_hash="1" * 64))
    await ask(
        'mutation ($ids: [ID!]!) { tagExecutions(input: {executionIds: $ids, add: ["own"]}) { __typename } }',
        ids=[members["failed"]["id"]],
    )
    answer = (await ask(RERUN, input={"batchId": batch_id, "only": only, "name": "again"}))["rerunBatch"]
    batch = answer["batch"]
    assert (answer["created"], batch["name"], batch["note"], batch["tags"]) == (
        True,
        "again",
        None,
        ["suite=a"],
    )
    assert batch["request"] == {"rerunOf": batch_id, "only": only, "name": "again"}
    assert batch["rerunOf"] == {"id": batch_id, "reruns": [{"id": batch["id"]}]}
    assert (batch["status"], batch["endedAt"], batch["timeLeftMs"]) == ("RUNNING", None, None)
    found = {node.pop("rerunOf")["id"]: node for node in batch["executions"]["nodes"]}
    assert found == {
        members[end]["id"]: {
            **{key: members[end][key] for key in ("trial", "benchmarkId", "agent")},
            "benchmarkRevision": 2 if members[end]["benchmarkId"] == "one" else 1,
            "tags": ["suite=a", "own"] if end == "failed" else ["suite=a"],
            "timeoutMs": 5000,
            "priority": -7,
        }
        for end in repeated
    }


async def test_a_rerun_with_a_key_is_made_once_and_labels_are_checked(ask: Any, ended: Any) -> None:
    batch_id, _ = ended
    wanted = {"batchId": batch_id, "only": "ALL", "tags": ["b", "a"], "idempotencyKey": "k"}
    first = (await ask(RERUN, input=wanted))["rerunBatch"]
    assert {tuple(node["tags"]) for node in first["batch"]["executions"]["nodes"]} == {("b", "a")}
    again = (await ask(RERUN, input={**wanted, "tags": ["a", "b"]}))["rerunBatch"]
    assert (again["created"], again["batch"]["id"]) == (False, first["batch"]["id"])
    others: tuple[dict[str, Any], ...] = ({"only": "FAILED"}, {"name": "x"}, {"tags": None})
    for other in others:
        conflict = (await ask(RERUN, input={**wanted, **other}))["rerunBatch"]
        assert (conflict["code"], conflict["existing"]["id"]) == (
            "IDEMPOTENCY_CONFLICT",
            first["batch"]["id"],
        )
    assert (await ask(RUN, input={"agents": AGENTS, "benchmarkIds": ["one"], "idempotencyKey": "k"}))[
        "runBenchmarks"
    ]["message"]


async def test_what_cannot_be_repeated_is_refused_and_writes_nothing(
    db: Database, ask: Any, ended: Any
) -> None:
    batch_id, _ = ended
    count = "SELECT (SELECT count(*) FROM batches) + (SELECT count(*) FROM executions)"
    before = await db.fetchval(count)

    async def refused(**wanted: Any) -> Any:
        return (await ask(RERUN, input={"batchId": batch_id, "only": "ALL", **wanted}))["rerunBatch"]

    assert (await refused(batchId="1"))["field"] == "batchId"
    assert (await refused(batchId="00000000-0000-4000-8000-000000000000"))["code"] == "BATCH_NOT_FOUND"
    for field, value in (("name", ""), ("tags", ["a b"]), ("tags", ["a", "a"]), ("idempotencyKey", "")):
        assert (await refused(**{field: value}))["field"] == field
    assert (await refused(note="n" * 4001))["field"] == "note"
    await benchmarks.sync(db, [draft("two")])
    assert (await refused())["benchmarkIds"] == ["one"]
    await db.execute("UPDATE batches SET rerun_of = NULL")
    fresh = (await ask(RUN, input={"agents": AGENTS, "benchmarkIds": ["two"]}))["runBenchmarks"]["batch"][
        "id"
    ]
    nothing = await refused(batchId=fresh)
    assert (nothing["code"], nothing["batch"]["id"]) == ("NOTHING_TO_RERUN", fresh)
    assert await db.fetchval(count) == before + 3


async def test_a_batch_runs_until_its_last_execution_has_ended(db: Database, ask: Any, ended: Any) -> None:
    batch_id, _ = ended
    listed = "query ($s: [BatchStatus!]) { batches(filter: {statuses: $s}) { totalCount nodes { id } } }"

    async def ids(*statuses: str) -> list[str]:
        return [node["id"] for node in (await ask(listed, s=list(statuses)))["batches"]["nodes"]]

    waiting = [row["id"] for row in await db.fetch("SELECT id FROM executions WHERE status = 'QUEUED'")]
    assert (await ask(STATE, id=batch_id))["batch"]["timeLeftMs"] is None
    assert await claim(db, ExecutionId(waiting[0])) is not None
    assert await claim(db, ExecutionId(waiting[1])) is not None
    # Three took 200 ms on average; four are left, two at a time.
    assert (await ask(STATE, id=batch_id))["batch"]["timeLeftMs"] == 400
    assert (await ids("RUNNING"), await ids("COMPLETED"), await ids("RUNNING", "COMPLETED")) == (
        [batch_id],
        [],
        [batch_id],
    )
    for execution_id in waiting:
        await claim(db, ExecutionId(execution_id))
        await state_machine.finish(db, ExecutionId(execution_id), ENDS["solved"])
    last = await db.fetchval("SELECT max(ended_at) FROM executions")
    over = (await ask(STATE, id=batch_id))["batch"]
    assert over == {
        **{"status": "COMPLETED", "endedAt": last.isoformat(), "timeLeftMs": 0.0},
        "progress": {"isOver": True},
    }
    assert (await ids("RUNNING"), await ids("COMPLETED")) == ([], [batch_id])
