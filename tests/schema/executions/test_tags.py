"""Tags over GraphQL: given with a request, inherited, changed at any time, found, and refused where wrong."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from store.benchmarks import benchmarks
from store.executions import state_machine
from store.model import ExecutionId
from store.postgres.database import Database
from tests.helpers.samples import draft
from tests.helpers.stored_rows import ending
from tests.helpers.workers import claim

RUN = """
mutation ($input: RunBenchmarkInput!) {
  runBenchmark(input: $input) {
    ... on RunBenchmarkSuccess { created execution { id tags } }
    ... on InvalidInputError { field }
  }
}
"""
RERUN = """
mutation ($input: RerunExecutionInput!) {
  rerunExecution(input: $input) {
    ... on RunBenchmarkSuccess { execution { id tags } }
    ... on InvalidInputError { field }
  }
}
"""
TAG = """
mutation ($input: TagExecutionsInput!) {
  tagExecutions(input: $input) {
    ... on TagExecutionsSuccess { executions { id tags status } }
    ... on ExecutionsNotFoundError { executionIds }
    ... on InvalidInputError { field }
    ... on Error { message code }
  }
}
"""
TAG_BATCH = """
mutation ($input: TagBatchInput!) {
  tagBatch(input: $input) {
    ... on TagBatchSuccess { batch { name note tags executions { nodes { tags } } } }
    ... on InvalidInputError { field }
    ... on Error { code }
  }
}
"""
BATCH = """
mutation ($input: RunBenchmarksInput!) {
  runBenchmarks(input: $input) {
    ... on RunBenchmarksSuccess { batch { id executions { nodes { tags } } } } ... on Error { message }
  }
}
"""
FOUND = "query ($filter: ExecutionFilter) { executions(filter: $filter) { totalCount nodes { id } } }"
FOLLOW = (
    "subscription ($filter: ExecutionFilter) { executionUpdates(filter: $filter) { execution { tags } } }"
)
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
async def one_benchmark(db: Database) -> None:
    await benchmarks.sync(db, [draft("one")])


async def _requested(ask: Any, **wanted: Any) -> Any:
    return (await ask(RUN, input={"benchmarkId": "one", **wanted}))["runBenchmark"]


async def test_tags_are_given_inherited_found_and_changed_after_the_end(db: Database, ask: Any) -> None:
    first = (await _requested(ask, tags=["b", "a=1"], idempotencyKey="k"))["execution"]
    assert first["tags"] == ["b", "a=1"]
    wanted = ExecutionId(uuid.UUID(first["id"]))
    assert await claim(db, wanted) is not None
    assert await state_machine.finish(db, wanted, ending()) is not None
    inherited = (await ask(RERUN, input={"executionId": first["id"]}))["rerunExecution"]["execution"]
    other = (await ask(RERUN, input={"executionId": first["id"], "tags": []}))["rerunExecution"]["execution"]
    assert (inherited["tags"], other["tags"]) == (["b", "a=1"], [])
    ids = [other["id"], first["id"], other["id"]]
    tagged = await ask(TAG, input={"executionIds": ids, "add": ["a=1", "new"], "remove": ["b", "gone"]})
    assert tagged["tagExecutions"]["executions"] == [
        {"id": other["id"], "tags": ["a=1", "new"], "status": "QUEUED"},
        {"id": first["id"], "tags": ["a=1", "new"], "status": "SUCCEEDED"},
    ]
    # The tags of a request are no part of what its key stands for: they change.
    assert await _requested(ask, tags=["b"], idempotencyKey="k") == {
        "created": False,
        "execution": {"id": first["id"], "tags": ["a=1", "new"]},
    }

    async def found(*tags: str) -> set[str]:
        page = (await ask(FOUND, filter={"executionTags": list(tags)}))["executions"]
        assert page["totalCount"] == len(page["nodes"])
        return {node["id"] for node in page["nodes"]}

    assert await found("a=1") == {first["id"], inherited["id"], other["id"]}
    assert await found("a=1", "new") == {first["id"], other["id"]}
    assert await found("b") == {inherited["id"]}
    assert (await found("a"), await found("\x00")) == (set(), set())


async def test_executions_of_a_batch_have_its_tags_and_keep_them(ask: Any) -> None:
    request = {"benchmarkIds": ["one"], "agents": ["deterministic"], "repeats": 2, "tags": ["x"], "name": "n"}
    batch = (await ask(BATCH, input=request))["runBenchmarks"]["batch"]
    assert [node["tags"] for node in batch["executions"]["nodes"]] == [["x"], ["x"]]

    async def changed(**wanted: Any) -> Any:
        return (await ask(TAG_BATCH, input={"batchId": batch["id"], **wanted}))["tagBatch"]

    after = (await changed(add=["y", "x"], remove=["z"], note="why"))["batch"]
    assert {key: after[key] for key in ("name", "note", "tags")} == {
        **{"name": "n", "note": "why"},
        "tags": ["x", "y"],
    }
    assert [node["tags"] for node in after["executions"]["nodes"]] == [["x"], ["x"]]
    gone = (await changed(remove=["x", "y"], name="", note=""))["batch"]
    assert (gone["name"], gone["note"], gone["tags"]) == (None, None, [])
    assert (await changed())["field"] == "add"
    assert (await changed(name="a\nb"))["field"] == "name"
    assert (await changed(note="n" * 4001))["field"] == "note"
    assert (await changed(add=["a b"]))["field"] == "add"
    assert (await changed(batchId=UNKNOWN, add=["a"]))["code"] == "BATCH_NOT_FOUND"
    assert (await changed(batchId="1", add=["a"]))["field"] == "batchId"


async def test_what_are_no_tags_changes_nothing(db: Database, ask: Any) -> None:
    many = [f"t{n}" for n in range(20)]
    full = (await _requested(ask, tags=many))["execution"]["id"]
    empty = (await _requested(ask))["execution"]["id"]
    for tags in (["a b"], ["a=b=c"], [""], ["a", "a"], [*many, "one"], ["ü"], ["k" * 65]):
        assert (await _requested(ask, tags=tags))["field"] == "tags", tags
        assert (await ask(RERUN, input={"executionId": full, "tags": tags}))["rerunExecution"][
            "field"
        ] == "tags"

    async def refused(**wanted: Any) -> Any:
        return (await ask(TAG, input={"executionIds": [empty, full], **wanted}))["tagExecutions"]

    for wanted, field in (
        ({"add": ["one-more"]}, "add"),
        ({"add": ["no tag"]}, "add"),
        ({"remove": ["a", "a"]}, "remove"),
        ({"add": ["a"], "remove": ["a"]}, "remove"),
        ({}, "add"),
        ({"add": [], "remove": []}, "add"),
        ({"executionIds": [], "add": ["a"]}, "executionIds"),
        ({"executionIds": ["1"], "add": ["a"]}, "executionIds"),
        ({"executionIds": [str(uuid.uuid4()) for _ in range(201)], "add": ["a"]}, "executionIds"),
    ):
        assert (await refused(**wanted))["field"] == field, wanted
    missing = await refused(executionIds=[empty, UNKNOWN], add=["a"])
    assert (missing["code"], missing["executionIds"]) == ("EXECUTION_NOT_FOUND", [UNKNOWN])
    assert await db.fetchval("SELECT count(*) FROM executions WHERE tags = '{}'") == 1


async def test_filters_are_bounded_and_no_subscription_searches(ask: Any, refuse: Any, watch: Any) -> None:
    for wrong in (
        {"executionTags": ["a"] * 1001},
        {"agents": ["a"] * 1001},
        {"settingsHashes": ["a"] * 1001},
        {"benchmarkIds": ["a"] * 1001},
        {"text": "t" * 1001},
        {"search": "t" * 1001},
    ):
        assert (await refuse(FOUND, filter=wrong))[0] == "INVALID_FILTER", wrong
    batches = "query ($filter: BatchFilter) { batches(filter: $filter) { totalCount } }"
    assert (await refuse(batches, filter={"tags": ["a"] * 1001}))[0] == "INVALID_FILTER"
    assert (await refuse(batches, filter={"text": "t" * 1001}))[0] == "INVALID_FILTER"
    async with watch(FOLLOW, filter={"search": "word"}) as items:
        assert (await anext(items)).errors[0].extensions["code"] == "INVALID_FILTER"
    async with watch(FOLLOW, filter={"executionTags": ["x"]}) as items:
        await anext(items)
        await _requested(ask)
        await _requested(ask, tags=["y", "x"])
        assert (await anext(items))["executionUpdates"]["execution"]["tags"] == ["y", "x"]
