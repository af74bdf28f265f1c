"""Batches over GraphQL: requested all or none, told of in progress and executions, watched to the end."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from store.benchmarks import benchmarks
from store.executions import state_machine
from store.model import Ending, ExecutionId, ExecutionStatus, Failure, FailureKind
from store.postgres.database import Database
from tests.helpers.samples import draft, queued
from tests.helpers.workers import claim

RUN = """
mutation ($input: RunBenchmarksInput!) {
  runBenchmarks(input: $input) {
    __typename
    ... on RunBenchmarksSuccess { created batch { id size request progress { queued ended isOver } } }
    ... on BenchmarksNotFoundError { benchmarkIds }
    ... on AgentsNotFoundError { agents known }
    ... on InvalidInputError { field }
    ... on BatchIdempotencyConflictError { existing { id } }
    ... on Error { message code }
  }
}
"""

BATCH = """
query ($id: ID!, $first: Int, $after: String, $filter: ExecutionFilter) {
  batch(id: $id) {
    size requestedAt progress { queued running succeeded failed stopped ended isOver }
    executions(first: $first, after: $after, filter: $filter) {
      totalCount pageInfo { hasNextPage endCursor } nodes { id benchmarkId agent batch { id } }
    }
  }
}
"""

UPDATES = """
subscription ($id: ID!, $after: String) {
  batchUpdates(batchId: $id, after: $after) {
    cursor progress { queued running succeeded failed ended isOver } event { seq status } execution { id status }
  }
}
"""

FOLLOW = """
subscription ($id: ID!, $after: String!) {
  executionUpdates(filter: {batchId: $id}, after: $after) { execution { id } event { status } }
}
"""

AGENTS = ["deterministic", "glm-4.6"]


@pytest.fixture(autouse=True)
async def three_benchmarks(db: Database) -> None:
    drafts = [draft("one", tags=("a",)), draft("two", tags=("a", "b")), draft("three", tags=("b",))]
    await benchmarks.sync(db, drafts)


async def _rows(db: Database) -> int:
    tables = ("batches", "executions", "execution_events")
    return sum([int(await db.fetchval(f"SELECT count(*) FROM {table}")) for table in tables])  # noqa: S608


async def _end(db: Database, execution_id: str, *, success: bool) -> None:
    failure = None if success else Failure(FailureKind.AGENT, "it gave up")
    status = ExecutionStatus.SUCCEEDED if success else ExecutionStatus.FAILED
    wanted = ExecutionId(uuid.UUID(execution_id))
    assert await claim(db, wanted) is not None
    assert await state_machine.finish(db, wanted, Ending(status, failure, success=success)) is not None


async def _started(ask: Any, **wanted: Any) -> Any:
    answer = (await ask(RUN, input={"agents": AGENTS, "benchmarkIds": ["one", "two"], **wanted}))[
        "runBenchmarks"
    ]
    assert answer["__typename"] == "RunBenchmarksSuccess", answer
    return answer


async def _members(ask: Any, batch_id: str) -> list[str]:
    return [node["id"] for node in (await ask(BATCH, id=batch_id))["batch"]["executions"]["nodes"]]


async def test_benchmarks_by_id_or_by_filter_with_every_agent(ask: Any) -> None:
    by_id = await _started(ask, timeoutMs=5000)
    assert by_id["batch"]["size"] == 4
    assert by_id["batch"]["progress"] == {"queued": 4, "ended": 0, "isOver": False}
    by_tag = await _started(ask, benchmarkIds=None, filter={"tags": ["b"]}, agents=["glm-4.6"])
    page = (await ask(BATCH, id=by_tag["batch"]["id"]))["batch"]
    pairs = {(node["benchmarkId"], node["agent"]) for node in page["executions"]["nodes"]}
    assert pairs == {("two", "glm-4.6"), ("three", "glm-4.6")}
    assert {node["batch"]["id"] for node in page["executions"]["nodes"]} == {by_tag["batch"]["id"]}
    everything = await _started(ask, benchmarkIds=None, filter={})
    assert everything["batch"]["size"] == 6


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ({"benchmarkIds": ["one", "no", "nope"]}, {"benchmarkIds": ["no", "nope"]}),
        ({"agents": ["glm-4.6", "x", "y"]}, {"agents": ["x", "y"], "known": AGENTS}),
        ({"agents": []}, {"field": "agents"}),
        ({"agents": ["glm-4.6", "glm-4.6"]}, {"field": "agents"}),
        ({"agents": ["--help"]}, {"field": "agents"}),
        ({"benchmarkIds": []}, {"field": "benchmarkIds"}),
        ({"benchmarkIds": None}, {"field": "benchmarkIds"}),
        ({"benchmarkIds": ["one", "one"]}, {"field": "benchmarkIds"}),
        ({"benchmarkIds": ["../../etc/passwd"]}, {"field": "benchmarkIds"}),
        ({"benchmarkIds": [f"b{n}" for n in range(501)]}, {"field": "benchmarkIds"}),
        ({"filter": {}}, {"field": "benchmarkIds"}),
        ({"benchmarkIds": None, "filter": {"tags": ["nobody"]}}, {"field": "filter"}),
        ({"benchmarkIds": None, "filter": {"includeArchived": True}}, {"field": "filter"}),
        ({"benchmarkIds": None, "filter": {"ids": ["../x"]}}, {"field": "filter"}),
        ({"timeoutMs": 1}, {"field": "timeoutMs"}),
        ({"idempotencyKey": ""}, {"field": "idempotencyKey"}),
    ],
)
async def test_a_batch_that_cannot_be_is_refused_by_name_and_writes_nothing(
    db: Database, ask: Any, wanted: dict[str, Any], answer: dict[str, Any]
) -> None:
    given = {"agents": AGENTS, "benchmarkIds": ["one", "two"], **wanted}
    refused = (await ask(RUN, input=given))["runBenchmarks"]
    assert refused["message"]
    assert {key: refused.get(key) for key in answer} == answer
    assert await _rows(db) == 0


async def test_a_key_gives_the_same_batch_again_whatever_the_filter_finds_by_then(
    db: Database, ask: Any
) -> None:
    wanted = {"benchmarkIds": None, "filter": {"tags": ["b"]}, "idempotencyKey": "k"}
    first = await _started(ask, **wanted)
    await benchmarks.sync(db, [draft("three", tags=("b",)), draft("new", tags=("b",))])
    again = await _started(ask, **wanted)
    assert again["created"] is False
    assert again["batch"]["id"] == first["batch"]["id"]
    conflict = (await ask(RUN, input={"agents": AGENTS, **wanted, "timeoutMs": 9000}))["runBenchmarks"]
    assert (conflict["code"], conflict["existing"]["id"]) == ("IDEMPOTENCY_CONFLICT", first["batch"]["id"])


async def test_its_executions_are_paged_filtered_and_followed(db: Database, ask: Any, watch: Any) -> None:
    cursor = (await ask("{ executions { updatesCursor } }"))["executions"]["updatesCursor"]
    await queued(db, "three")
    batch_id = (await _started(ask))["batch"]["id"]
    first = (await ask(BATCH, id=batch_id, first=3))["batch"]["executions"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (4, True)
    rest = (await ask(BATCH, id=batch_id, first=3, after=first["pageInfo"]["endCursor"]))["batch"][
        "executions"
    ]
    members = [node["id"] for node in first["nodes"] + rest["nodes"]]
    assert len(set(members)) == 4
    of_agent = (await ask(BATCH, id=batch_id, filter={"agents": ["glm-4.6"]}))["batch"]["executions"]
    assert (of_agent["totalCount"], {node["agent"] for node in of_agent["nodes"]}) == (2, {"glm-4.6"})
    async with watch(FOLLOW, id=batch_id, after=cursor) as items:
        await anext(items)
        seen = [(await anext(items))["executionUpdates"]["execution"]["id"] for _ in range(4)]
    assert set(seen) == set(members)


async def test_its_stream_tells_every_change_and_ends_when_all_have_ended(
    db: Database, ask: Any, watch: Any
) -> None:
    batch_id = (await _started(ask))["batch"]["id"]
    members = await _members(ask, batch_id)
    updates = []
    async with watch(UPDATES, id=batch_id) as items:
        standing = (await anext(items))["batchUpdates"]
        assert (standing["event"], standing["progress"]["ended"]) == (None, 0)
        for number, execution_id in enumerate(members):
            await _end(db, execution_id, success=number != 1)
        async for item in items:
            updates.append(item["batchUpdates"])
    told = [update for update in updates if update["event"]["status"] in ("SUCCEEDED", "FAILED")]
    assert sorted(update["execution"]["id"] for update in told) == sorted(members)
    assert [update["progress"]["ended"] for update in told] == [1, 2, 3, 4]
    last = updates[-1]["progress"]
    assert (last["succeeded"], last["failed"], last["isOver"]) == (3, 1, True)
    assert (await ask(BATCH, id=batch_id))["batch"]["progress"]["isOver"] is True

    for position, update in enumerate(updates):
        async with watch(UPDATES, id=batch_id, after=update["cursor"]) as items:
            assert (await anext(items))["batchUpdates"]["progress"]["isOver"] is True
            again = [item["batchUpdates"]["cursor"] async for item in items]
        assert again == [later["cursor"] for later in updates[position + 1 :]]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"id": "00000000-0000-4000-8000-000000000000"}, "BATCH_NOT_FOUND"),
        ({"id": "../x"}, "INVALID_ID"),
        ({"after": "nonsense"}, "INVALID_CURSOR"),
        ({"after": f"{2**62}.00000000-0000-4000-8000-000000000000.1"}, "INVALID_CURSOR"),
    ],
)
async def test_what_cannot_be_watched_is_refused(ask: Any, watch: Any, wanted: Any, code: str) -> None:
    batch_id = (await _started(ask))["batch"]["id"]
    async with watch(UPDATES, **{"id": batch_id, **wanted}) as items:
        refused = await anext(items)
    assert refused.errors[0].extensions["code"] == code


async def test_a_batch_that_does_not_exist_is_null(ask: Any, refuse: Any) -> None:
    assert await ask(BATCH, id="00000000-0000-4000-8000-000000000000") == {"batch": None}
    assert (await refuse(BATCH, id="1"))[0] == "INVALID_ID"
    batch_id = (await _started(ask))["batch"]["id"]
    assert (await refuse(BATCH, id=batch_id, filter={"batchId": batch_id}))[0] == "INVALID_FILTER"
