"""Executing once more: the same by default, at the revision of now or of then, and both know of each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runner_bridge.benchmarks.definitions import Definitions
from runner_bridge.launchers.runner_config import RunnerConfig
from schema.contract.context import Context
from store.benchmarks import benchmarks
from store.executions import state_machine
from store.live.hub import Hub
from store.postgres.database import Database
from tests.helpers.samples import draft, queued, transfer_yaml

RERUN = """
mutation ($input: RerunExecutionInput!) {
  rerunExecution(input: $input) {
    __typename
    ... on RunBenchmarkSuccess {
      created execution { id status agent timeoutMs benchmarkRevision rerunOf { id } reruns { totalCount } }
    }
    ... on InvalidInputError { field }
    ... on AgentNotFoundError { known }
    ... on ExecutionNotFoundError { executionId }
    ... on Error { message code }
  }
}
"""

CHANGED = draft(
    source=transfer_yaml().replace("tenth", "fifth"), content_hash="f" * 64, source_path="transfer.yml"
)


async def _rerun(ask: Any, original: Any, **wanted: Any) -> Any:
    return (await ask(RERUN, input={"executionId": str(original.id), **wanted}))["rerunExecution"]


async def test_a_rerun_is_as_the_original_was_at_the_revision_of_now(db: Database, ask: Any) -> None:
    original = await queued(db, agent="glm-4.6", timeout_ms=7000)
    await state_machine.request_stop(db, original.id)
    await benchmarks.upsert(db, CHANGED)
    rerun = (await _rerun(ask, original))["execution"]
    assert (rerun["agent"], rerun["timeoutMs"], rerun["benchmarkRevision"]) == ("glm-4.6", 7000, 2)
    assert (rerun["status"], rerun["rerunOf"]) == ("QUEUED", {"id": str(original.id)})
    other = (await _rerun(ask, original, agent="deterministic", timeoutMs=900))["execution"]
    assert (other["agent"], other["timeoutMs"]) == ("deterministic", 900)
    listed = await ask(
        "query ($id: ID!) { execution(id: $id) { rerunOf { id } reruns { totalCount nodes { id } } } }",
        id=str(original.id),
    )
    assert listed["execution"]["rerunOf"] is None
    assert listed["execution"]["reruns"] == {
        "totalCount": 2,
        "nodes": [{"id": other["id"]}, {"id": rerun["id"]}],
    }


async def test_the_revision_of_then_can_be_executed_even_when_the_benchmark_is_archived(
    db: Database, ask: Any
) -> None:
    original = await queued(db)
    await benchmarks.upsert(db, CHANGED)
    then = (await _rerun(ask, original, useCurrentRevision=False))["execution"]
    assert then["benchmarkRevision"] == 1
    await benchmarks.sync(db, [])
    again = (await _rerun(ask, original, useCurrentRevision=False))["execution"]
    assert again["benchmarkRevision"] == 1
    assert (await _rerun(ask, original))["code"] == "BENCHMARK_NOT_FOUND"


async def test_a_runner_that_takes_its_own_file_is_not_told_to_execute_an_old_revision(
    db: Database, hub: Hub, runner: RunnerConfig, schema: Any
) -> None:
    original = await queued(db)
    context = Context.build(db, hub, replace(runner, command="reev {file} {agent} {id}"), Definitions())

    async def rerun() -> Any:
        variables = {"input": {"executionId": str(original.id), "useCurrentRevision": False}}
        result = await schema.execute(RERUN, variable_values=variables, context_value=context)
        return result.data["rerunExecution"]

    assert (await rerun())["__typename"] == "RunBenchmarkSuccess"
    await benchmarks.upsert(db, CHANGED)
    refused = await rerun()
    assert (refused["field"], "{path}" in refused["message"]) == ("useCurrentRevision", True)


async def test_a_key_gives_the_same_rerun_again(db: Database, ask: Any) -> None:
    original = await queued(db)
    first = await _rerun(ask, original, idempotencyKey="k")
    again = await _rerun(ask, original, idempotencyKey="k")
    assert (again["created"], again["execution"]["id"]) == (False, first["execution"]["id"])
    other = await queued(db)
    assert (await _rerun(ask, other, idempotencyKey="k"))["code"] == "IDEMPOTENCY_CONFLICT"
    await benchmarks.upsert(db, CHANGED)
    now = (await _rerun(ask, original, idempotencyKey="n"))["execution"]
    assert now["benchmarkRevision"] == 2
    then = await _rerun(ask, original, idempotencyKey="n", useCurrentRevision=False)
    assert then["code"] == "IDEMPOTENCY_CONFLICT"


@pytest.mark.parametrize(
    ("wanted", "typename"),
    [
        ({"executionId": "../x"}, "InvalidInputError"),
        ({"executionId": "00000000-0000-4000-8000-000000000000"}, "ExecutionNotFoundError"),
        ({"agent": "nobody"}, "AgentNotFoundError"),
        ({"agent": "-rf"}, "InvalidInputError"),
        ({"timeoutMs": 1}, "InvalidInputError"),
        ({"idempotencyKey": "\x00"}, "InvalidInputError"),
    ],
)
async def test_a_rerun_that_cannot_be_writes_nothing(
    db: Database, ask: Any, wanted: dict[str, Any], typename: str
) -> None:
    original = await queued(db)
    answer = await _rerun(ask, original, **wanted)
    assert answer["__typename"] == typename
    assert await db.fetchval("SELECT count(*) FROM executions") == 1


async def test_an_observed_execution_of_an_unknown_benchmark_has_no_revision_to_repeat(
    db: Database, ask: Any
) -> None:
    original = await queued(db)
    await db.execute("UPDATE executions SET benchmark_revision = NULL WHERE id = $1", original.id)
    assert (await _rerun(ask, original, useCurrentRevision=False))["field"] == "useCurrentRevision"
    assert (await _rerun(ask, original))["execution"]["benchmarkRevision"] == 1
