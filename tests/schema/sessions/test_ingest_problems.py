"""Conflicts, failures and observed executions as clients of the API see them."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.launchers.runner_config import RunnerConfig
from store.executions import ingest_problems, observed
from store.executions.ingest_problems import FoundFailure, Place
from store.executions.observed import Begun
from store.model import ExecutionId
from store.postgres.database import Database
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.statements import statements_sent
from tests.helpers.workers import registered

IMPORT = """
mutation { importSessionFiles { ... on ImportSessionFilesSuccess { imported conflicts failed } } }
"""
PROBLEMS = """
query ($first: Int! = 50) {
  health {
    ingestFailureCount ingestConflictCount
    ingestFailures(first: $first) { host directory file reason offset contentHash seenAt }
    ingestConflicts(first: $first) { file reason contentHash seenAt executionId execution { status } }
  }
}
"""
CONFLICTS = "{ executions(first: 50) { nodes { id status conflicts { file reason execution { id } } } } }"


@pytest.fixture
def runner(runner: RunnerConfig, tmp_path: Path) -> RunnerConfig:
    (tmp_path / "sessions").mkdir()
    return replace(runner, sessions_dir=tmp_path / "sessions")


def write(directory: Path, session_id: str, **changes: Any) -> None:
    content = FakeRunner("transfer", "glm-4.6", session_id).session(**changes)
    (directory / f"session_{session_id}.json").write_bytes(content)


async def test_a_second_result_is_a_conflict_of_its_execution_and_in_health(
    ask: Any, runner: RunnerConfig
) -> None:
    session_id = str(uuid.uuid4())
    write(runner.sessions_dir, session_id)
    assert (await ask(IMPORT))["importSessionFiles"]["imported"] == 1
    write(runner.sessions_dir, session_id, success=False)
    for _ in range(2):
        assert (await ask(IMPORT))["importSessionFiles"]["conflicts"] == 1
    [node] = (await ask(CONFLICTS))["executions"]["nodes"]
    [conflict] = node["conflicts"]
    assert (node["id"], node["status"]) == (session_id, "SUCCEEDED")
    assert conflict["file"] == f"session_{session_id}.json" and "another session file" in conflict["reason"]
    assert conflict["execution"] == {"id": session_id}
    health = (await ask(PROBLEMS))["health"]
    assert (health["ingestConflictCount"], health["ingestFailureCount"]) == (1, 0)
    [listed] = health["ingestConflicts"]
    assert listed["executionId"] == session_id and listed["execution"] == {"status": "SUCCEEDED"}
    assert len(listed["contentHash"]) == 64


async def test_a_bad_file_is_in_health_until_it_is_good(ask: Any, runner: RunnerConfig) -> None:
    session_id = str(uuid.uuid4())
    path = runner.sessions_dir / f"session_{session_id}.json"
    path.write_bytes(b'{"session_id": ')
    assert (await ask(IMPORT))["importSessionFiles"]["failed"] == 1
    [failure] = (await ask(PROBLEMS))["health"]["ingestFailures"]
    assert (failure["file"], failure["directory"]) == (path.name, str(runner.sessions_dir))
    assert failure["offset"] == 15 and "byte 15" in failure["reason"] and failure["host"]
    write(runner.sessions_dir, session_id)
    await ask(IMPORT)
    assert (await ask(PROBLEMS))["health"]["ingestFailures"] == []


async def test_lists_are_bounded_and_the_newest_come_first(
    ask: Any, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_problems, "MAX_FAILURES", 5)
    place = Place("a-host", "/somewhere")
    for number in range(8):
        await ingest_problems.record_failures(db, place, [FoundFailure(f"{number}", None, None, "bad", None)])
    health = (await ask(PROBLEMS, first=2))["health"]
    assert [failure["file"] for failure in health["ingestFailures"]] == ["7", "6"]
    assert health["ingestFailureCount"] == 5
    assert (
        await ingest_problems.record_failures(db, place, [FoundFailure("7", None, None, "bad", None)]) == []
    )


async def test_the_same_file_name_in_another_directory_or_on_another_host_is_another_file(
    db: Database,
) -> None:
    places = [Place("one", "/a"), Place("one", "/b"), Place("two", "/a")]
    for place in places:
        await ingest_problems.record_failures(
            db, place, [FoundFailure("session_x.json", None, 3, "bad", None)]
        )
    await ingest_problems.clear_failures(db, places[0], ["session_x.json"])
    left = await ingest_problems.newest_failures(db, 10)
    assert [failure.place for failure in left] == [places[2], places[1]]
    assert await ingest_problems.failing_files(db, places[1]) == {"session_x.json"}


async def test_conflicts_of_a_page_take_one_statement(ask: Any, runner: RunnerConfig) -> None:
    for _ in range(10):
        session_id = str(uuid.uuid4())
        for success in (True, False):
            write(runner.sessions_dir, session_id, success=success)
            await ask(IMPORT)
    with statements_sent() as sent:
        nodes = (await ask("{ executions { nodes { conflicts { file } } } }"))["executions"]["nodes"]
    assert [len(node["conflicts"]) for node in nodes] == [1] * 10
    assert len(sent) == 2


async def test_an_observed_execution_that_runs_says_what_is_unknown(ask: Any, db: Database) -> None:
    execution_id = ExecutionId(uuid.uuid4())
    await observed.begin(db, [Begun(execution_id, None, dt.datetime.now(dt.UTC))], await registered(db))
    asked = """
        query ($id: ID!) { execution(id: $id) {
            status origin benchmarkId benchmark { id } agent score trace flow { diagram } endedAt
        } }"""
    shown = (await ask(asked, id=str(execution_id)))["execution"]
    assert (shown["status"], shown["origin"]) == ("RUNNING", "OBSERVED")
    assert (shown["benchmarkId"], shown["benchmark"], shown["agent"]) == ("(unknown)", None, "unknown")
    assert (shown["score"], shown["endedAt"]) == (None, None) and shown["flow"]["diagram"]
    rerun = """
        mutation ($id: ID!) { rerunExecution(input: {executionId: $id}) {
            ... on InvalidInputError { field message } } }"""
    answer = (await ask(rerun, id=str(execution_id)))["rerunExecution"]
    assert answer["field"] == "executionId" and "not known which benchmark" in answer["message"]
    stop = """
        mutation ($id: ID!) { stopExecution(input: {executionId: $id}) {
            ... on ExecutionNotOursError { code execution { status } } } }"""
    stopped = (await ask(stop, id=str(execution_id)))["stopExecution"]
    assert stopped == {"code": "EXECUTION_NOT_OURS", "execution": {"status": "RUNNING"}}
