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
    figures { attempts solved meanComputedScore inputTokens outputTokens cost } timeLeftMs
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
        ({"repeats": 0}, {"field": "repeats"}),
        ({"repeats": 101}, {"field": "repeats"}),
        ({"repeats": 2**31 - 1}, {"field": "repeats"}),
        ({"name": ""}, {"field": "name"}),
        ({"name": "a\nb"}, {"field": "name"}),
        ({"name": "n" * 201}, {"field": "name"}),
        ({"note": "n" * 4001}, {"field": "note"}),
        ({"tags": ["a b"]}, {"field": "tags"}),
        ({"tags": ["a=b=c"]}, {"field": "tags"}),
        ({"tags": ["a", "a"]}, {"field": "tags"}),
        ({"tags": [f"t{n}" for n in range(21)]}, {"field": "tags"}),
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


REPEATED = """
query ($id: ID!) {
  batch(id: $id) {
    name note tags size figures { attempts solved solveRate solveRateInterval { low } meanComputedScore }
    executions { nodes { benchmarkId agent trial solved } }
  }
}
"""


async def test_repeats_are_numbered_and_every_first_trial_comes_before_every_second(
    db: Database, ask: Any
) -> None:
    label = {"name": "nightly", "note": "two lines,\nwhy not", "tags": ["nightly", "commit=abc123"]}
    batch_id = (await _started(ask, repeats=3, **label))["batch"]["id"]
    batch = (await ask(REPEATED, id=batch_id))["batch"]
    assert {key: batch[key] for key in label} == label
    assert batch["size"] == 12
    trials = {(node["benchmarkId"], node["agent"], node["trial"]) for node in batch["executions"]["nodes"]}
    assert trials == {(id_, agent, n) for id_ in ("one", "two") for agent in AGENTS for n in (1, 2, 3)}
    in_queue = await db.fetch("SELECT trial FROM executions ORDER BY queue_number")
    assert [row["trial"] for row in in_queue] == [1] * 4 + [2] * 4 + [3] * 4


async def test_repeats_and_labels_are_a_part_of_what_a_key_stands_for(ask: Any) -> None:
    wanted = {"repeats": 2, "tags": ["b", "a"], "idempotencyKey": "k"}
    first = await _started(ask, **wanted)
    again = await _started(ask, **{**wanted, "tags": ["a", "b"]})
    assert (again["created"], again["batch"]["id"]) == (False, first["batch"]["id"])
    others: tuple[dict[str, Any], ...] = ({"repeats": 3}, {"name": "x"}, {"tags": []})
    for other in others:
        given = {"agents": AGENTS, "benchmarkIds": ["one", "two"], **wanted, **other}
        assert (await ask(RUN, input=given))["runBenchmarks"]["code"] == "IDEMPOTENCY_CONFLICT"


async def test_its_figures_count_attempts(db: Database, ask: Any) -> None:
    batch_id = (await _started(ask, repeats=2))["batch"]["id"]
    unknown = ("solveRate", "solveRateInterval", "meanComputedScore")
    nothing = {"attempts": 0, "solved": 0, **dict.fromkeys(unknown)}
    assert (await ask(REPEATED, id=batch_id))["batch"]["figures"] == nothing
    members = await _members(ask, batch_id)
    for execution_id, score in zip(members, (1.0, 0.5, 0.0, None), strict=False):
        wanted = ExecutionId(uuid.UUID(execution_id))
        assert await claim(db, wanted) is not None
        scoring = None if score is None else {"score": score}
        failure = None if scoring else Failure(FailureKind.ENDPOINT, "AUTH: no")
        status = ExecutionStatus.FAILED if failure else ExecutionStatus.SUCCEEDED
        await state_machine.finish(db, wanted, Ending(status, failure=failure, scoring=scoring))
    figures = (await ask(REPEATED, id=batch_id))["batch"]["figures"]
    assert figures == {
        "attempts": 3,
        "solved": 1,
        "solveRate": pytest.approx(1 / 3),
        "solveRateInterval": {"low": pytest.approx(0.0614919447)},
        "meanComputedScore": 0.5,
    }


STOP = """
mutation ($id: ID!) {
  stopBatch(input: { batchId: $id }) {
    ... on StopBatchSuccess { stopped stopping batch { progress { stopped stopping ended } } }
    ... on Error { code }
  }
}
"""


async def test_a_batch_is_stopped_whatever_its_executions_do(db: Database, ask: Any) -> None:
    batch_id = (await _started(ask))["batch"]["id"]
    ended, running, *_ = await _members(ask, batch_id)
    await _end(db, ended, success=True)
    assert await claim(db, ExecutionId(uuid.UUID(running))) is not None
    stopped = (await ask(STOP, id=batch_id))["stopBatch"]
    assert stopped == {
        **{"stopped": 2, "stopping": 1},
        "batch": {"progress": {"stopped": 2, "stopping": 1, "ended": 3}},
    }
    again = (await ask(STOP, id=batch_id))["stopBatch"]
    assert (again["stopped"], again["stopping"]) == (0, 1)
    unknown = "00000000-0000-4000-8000-000000000000"
    assert (await ask(STOP, id=unknown))["stopBatch"] == {"code": "BATCH_NOT_FOUND"}
    assert (await ask(STOP, id="1"))["stopBatch"] == {"code": "INVALID_INPUT"}


LIST = """
query ($first: Int, $after: String, $last: Int, $before: String, $filter: BatchFilter) {
  batches(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    totalCount nodes { name } edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def test_batches_are_listed_newest_first_and_found_by_tags_and_text(ask: Any, refuse: Any) -> None:
    for number in range(5):
        tags = ["all", "odd" if number % 2 else "even"]
        await _started(ask, name=f"Batch {number}", note="100 % of it" if number == 3 else None, tags=tags)

    async def names(**given: Any) -> list[str]:
        page = (await ask(LIST, **given))["batches"]
        return [node["name"].removeprefix("Batch ") for node in page["nodes"]]

    assert await names() == ["4", "3", "2", "1", "0"]
    first = (await ask(LIST, first=2))["batches"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (5, True)
    assert await names(first=2, after=first["pageInfo"]["endCursor"]) == ["2", "1"]
    assert await names(last=2) == ["1", "0"]
    assert await names(last=2, before=first["pageInfo"]["endCursor"]) == ["4"]
    assert await names(filter={"tags": ["all", "odd"]}) == ["3", "1"]
    assert await names(filter={"text": "BATCH 2"}) == ["2"]
    assert await names(filter={"text": "% of"}) == ["3"]
    assert await names(filter={"text": "\x00"}) == []
    assert (await refuse(LIST, after="nonsense"))[0] == "INVALID_CURSOR"
    assert (await refuse(LIST, first=0))[0] == "PAGE_SIZE"


FAILURES = "query ($id: ID!) { batch(id: $id) { failures { status kind executions } } }"


async def test_all_that_ended_badly_is_counted_by_kind(db: Database, ask: Any) -> None:
    batch_id = (await _started(ask, repeats=60))["batch"]["id"]
    assert (await ask(FAILURES, id=batch_id))["batch"]["failures"] == []
    solved, failed, *_ = await _members(ask, batch_id)
    await _end(db, solved, success=True)
    await _end(db, failed, success=False)
    await ask(STOP, id=batch_id)
    assert (await ask(FAILURES, id=batch_id))["batch"]["failures"] == [
        {"status": "STOPPED", "kind": None, "executions": 238},
        {"status": "FAILED", "kind": "AGENT", "executions": 1},
    ]
