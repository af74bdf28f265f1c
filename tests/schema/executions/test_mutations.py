"""Mutations: what they do, and what they refuse without writing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner_bridge.launchers.runner_config import RunnerConfig
from store.executions import state_machine
from store.model import Ending, ExecutionStatus
from store.postgres.database import Database
from tests.helpers.samples import queued, transfer_yaml
from tests.helpers.workers import claim

RUN = """
mutation ($input: RunBenchmarkInput!) {
  runBenchmark(input: $input) {
    __typename
    ... on RunBenchmarkSuccess { created execution { id status agent timeoutMs } }
    ... on AgentNotFoundError { known }
    ... on InvalidInputError { field }
    ... on IdempotencyConflictError { existing { id } }
    ... on Error { message code }
  }
}
"""

STOP = """
mutation ($id: ID!) {
  stopExecution(input: {executionId: $id}) {
    __typename
    ... on StopExecutionSuccess { execution { status } }
    ... on ExecutionAlreadyEndedError { execution { status } }
    ... on Error { message code }
  }
}
"""

SYNC = """
mutation ($input: SyncBenchmarksInput) {
  syncBenchmarks(input: $input) {
    __typename
    ... on SyncBenchmarksSuccess {
      created updated unchanged archived failed durationMs
      files { file benchmarkId outcome error { message line column } remarks { path message } }
    }
    ... on Error { message code }
  }
}
"""

UPSERT = """
mutation ($source: String!) {
  upsertBenchmark(input: {source: $source}) {
    __typename
    ... on UpsertBenchmarkSuccess { outcome benchmark { id revision prompt } }
    ... on InvalidBenchmarkError { line column }
    ... on Error { message code }
  }
}
"""


async def _benchmark_rows(db: Database) -> list[tuple[object, ...]]:
    found = await db.fetch("SELECT id, current_revision, archived_at FROM benchmarks ORDER BY id")
    changes = await db.fetchval("SELECT count(*) FROM benchmark_changes")
    return [*(tuple(row) for row in found), (changes,)]


async def _rows(db: Database) -> int:
    return int(await db.fetchval("SELECT count(*) FROM executions"))


async def test_a_benchmark_is_queued_once_per_idempotency_key(db: Database, ask: Any) -> None:
    await queued(db)
    wanted = {"benchmarkId": "transfer", "agent": "glm-4.6", "timeoutMs": 5000, "idempotencyKey": "k"}
    first = (await ask(RUN, input=wanted))["runBenchmark"]
    again = (await ask(RUN, input=wanted))["runBenchmark"]
    assert first["created"] is True
    assert again == {**first, "created": False}
    conflict = (await ask(RUN, input={**wanted, "timeoutMs": 6000}))["runBenchmark"]
    assert conflict["code"] == "IDEMPOTENCY_CONFLICT"
    assert conflict["existing"]["id"] == first["execution"]["id"]


@pytest.mark.parametrize(
    ("wanted", "typename"),
    [
        ({"benchmarkId": "no-such-benchmark"}, "BenchmarkNotFoundError"),
        ({"benchmarkId": "../../etc/passwd"}, "InvalidInputError"),
        ({"benchmarkId": "-rf"}, "InvalidInputError"),
        ({"benchmarkId": "a\x00b"}, "InvalidInputError"),
        ({"benchmarkId": "x" * 300}, "InvalidInputError"),
        ({"benchmarkId": "transfer", "agent": "nobody"}, "AgentNotFoundError"),
        ({"benchmarkId": "transfer", "agent": "--help"}, "InvalidInputError"),
        ({"benchmarkId": "transfer", "timeoutMs": 0}, "InvalidInputError"),
        ({"benchmarkId": "transfer", "timeoutMs": -5}, "InvalidInputError"),
        ({"benchmarkId": "transfer", "idempotencyKey": ""}, "InvalidInputError"),
        ({"benchmarkId": "transfer", "idempotencyKey": "k" * 1000}, "InvalidInputError"),
        ({"benchmarkId": "transfer", "idempotencyKey": "a\x00"}, "InvalidInputError"),
    ],
)
async def test_a_request_that_cannot_be_met_writes_nothing(
    db: Database, ask: Any, wanted: dict[str, Any], typename: str
) -> None:
    await queued(db)
    before = await _rows(db)
    answer = (await ask(RUN, input=wanted))["runBenchmark"]
    assert answer["__typename"] == typename
    assert answer["message"]
    assert await _rows(db) == before


async def test_stopping_tells_what_it_found(db: Database, ask: Any) -> None:
    waiting, running, ended = [await queued(db) for _ in range(3)]
    for execution in (running, ended):
        await claim(db, execution.id)
    await state_machine.finish(db, ended.id, Ending(ExecutionStatus.SUCCEEDED, success=True))

    async def stop(execution_id: object) -> Any:
        return (await ask(STOP, id=str(execution_id)))["stopExecution"]

    assert (await stop(waiting.id))["execution"]["status"] == "STOPPED"
    assert (await stop(running.id))["execution"]["status"] == "STOPPING"
    assert (await stop(running.id))["execution"]["status"] == "STOPPING"
    already = await stop(ended.id)
    assert (already["__typename"], already["execution"]["status"]) == (
        "ExecutionAlreadyEndedError",
        "SUCCEEDED",
    )
    assert (await stop("00000000-0000-4000-8000-000000000000"))["code"] == "EXECUTION_NOT_FOUND"
    assert (await stop("../x"))["code"] == "INVALID_INPUT"


async def test_sync_reports_file_by_file_and_the_second_time_writes_nothing(
    runner: RunnerConfig, ask: Any
) -> None:
    directory: Path = runner.benchmarks_dir
    (directory / "good.yml").write_text(transfer_yaml("good"))
    (directory / "bad.yml").write_text("id: bad\nprompt: [\n")
    first = (await ask(SYNC))["syncBenchmarks"]
    assert (first["created"], first["failed"]) == (1, 1)
    by_file = {file["file"]: file for file in first["files"]}
    assert by_file["good.yml"]["outcome"] == "CREATED"
    assert by_file["bad.yml"]["error"]["line"] == 3
    second = (await ask(SYNC))["syncBenchmarks"]
    assert (second["created"], second["updated"], second["unchanged"]) == (0, 0, 1)

    (directory / "good.yml").write_text(transfer_yaml("good").replace("tenth", "fifth"))
    assert (await ask(SYNC))["syncBenchmarks"]["updated"] == 1
    (directory / "good.yml").unlink()
    assert (await ask(SYNC))["syncBenchmarks"]["archived"] == 1
    listed = await ask("{ benchmarks { nodes { id } } }")
    assert listed["benchmarks"]["nodes"] == []
    archived = await ask('{ benchmark(id: "good") { archivedAt revision } }')
    assert archived["benchmark"]["archivedAt"] is not None
    assert archived["benchmark"]["revision"] == 2


async def test_a_dry_run_tells_what_a_sync_would_change_and_writes_nothing(
    db: Database, runner: RunnerConfig, ask: Any
) -> None:
    for name in ("a", "b"):
        (runner.benchmarks_dir / f"{name}.yml").write_text(transfer_yaml(name))
    assert (await ask(SYNC))["syncBenchmarks"]["created"] == 2
    (runner.benchmarks_dir / "a.yml").write_text(transfer_yaml("a").replace("tenth", "fifth"))
    (runner.benchmarks_dir / "b.yml").unlink()
    (runner.benchmarks_dir / "c.yml").write_text(transfer_yaml("c"))
    before = await _benchmark_rows(db)
    told = (await ask(SYNC, input={"dryRun": True}))["syncBenchmarks"]
    assert {file["file"]: file["outcome"] for file in told["files"]} == {
        "a.yml": "UPDATED",
        "b.yml": "ARCHIVED",
        "c.yml": "CREATED",
    }
    assert await _benchmark_rows(db) == before
    done = (await ask(SYNC, input={"dryRun": False}))["syncBenchmarks"]
    assert done["files"] == told["files"]
    assert await _benchmark_rows(db) != before


async def test_a_directory_that_is_not_there_is_an_answer(runner: RunnerConfig, ask: Any) -> None:
    runner.benchmarks_dir.rmdir()
    answer = (await ask(SYNC))["syncBenchmarks"]
    assert answer["code"] == "BENCHMARKS_DIRECTORY"


async def test_upsert_stores_a_definition_or_says_where_it_is_wrong(db: Database, ask: Any) -> None:
    stored = (await ask(UPSERT, source=transfer_yaml("mine")))["upsertBenchmark"]
    assert (stored["outcome"], stored["benchmark"]["revision"]) == ("CREATED", 1)
    assert (await ask(UPSERT, source=transfer_yaml("mine")))["upsertBenchmark"]["outcome"] == "UNCHANGED"

    wrong = (await ask(UPSERT, source="id: mine\nprompt: [oops\n"))["upsertBenchmark"]
    assert wrong["__typename"] == "InvalidBenchmarkError"
    assert wrong["line"] is not None
    missing = (await ask(UPSERT, source="id: mine\n"))["upsertBenchmark"]
    assert missing["code"] == "INVALID_BENCHMARK"
    assert await db.fetchval("SELECT count(*) FROM benchmark_revisions") == 1
