"""importSessionFiles over GraphQL: the report, pages, and watchers who see what comes in."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.launchers.runner_config import RunnerConfig
from tests.helpers.fake_runner import FakeRunner

IMPORT = """
mutation ($input: ImportSessionFilesInput) {
  importSessionFiles(input: $input) {
    __typename
    ... on ImportSessionFilesSuccess {
      directory total remaining endCursor imported unchanged conflicts failed durationMs
      files { file outcome executionId reason remarks execution { origin status score benchmark { id } } }
      bad: files(outcomes: [CONFLICT, FAILED]) { file }
    }
    ... on Error { message code }
  }
}
"""
UPDATES = """
subscription { executionUpdates(filter: {origins: [OBSERVED]}) { execution { id status } event { seq status } } }
"""


@pytest.fixture
def runner(runner: RunnerConfig, tmp_path: Path) -> RunnerConfig:
    (tmp_path / "sessions").mkdir()
    return replace(runner, sessions_dir=tmp_path / "sessions")


def write(directory: Path, session_id: str) -> None:
    content = FakeRunner("transfer", "glm-4.6", session_id).session()
    (directory / f"session_{session_id}.json").write_bytes(content)


async def test_each_file_is_reported_and_its_execution_can_be_asked_for(
    ask: Any, runner: RunnerConfig
) -> None:
    session_id = "0" + str(uuid.uuid4())[1:]  # before `broken`, for files are reported in order of name
    write(runner.sessions_dir, session_id)
    (runner.sessions_dir / "session_broken.json").write_bytes(b"{")
    first = (await ask(IMPORT))["importSessionFiles"]
    assert (first["total"], first["imported"], first["failed"], first["remaining"]) == (2, 1, 1, 0)
    good, broken = first["files"]
    assert (good["outcome"], good["executionId"], good["reason"]) == ("IMPORTED", session_id, None)
    assert good["execution"] == {"origin": "OBSERVED", "status": "SUCCEEDED", "score": 1.0, "benchmark": None}
    assert (broken["outcome"], broken["executionId"]) == ("FAILED", None) and "byte" in broken["reason"]
    assert first["bad"] == [{"file": "session_broken.json"}]
    again = (await ask(IMPORT, input={}))["importSessionFiles"]
    assert (again["imported"], again["unchanged"], again["failed"]) == (0, 1, 1)
    shown = await ask(
        "query ($id: ID!) { execution(id: $id) { timeoutMs queueDurationMs toolCalls { name } } }",
        id=session_id,
    )
    assert shown["execution"] == {"timeoutMs": None, "queueDurationMs": None, "toolCalls": []}


async def test_a_score_that_was_rounded_is_remarked_on_in_the_report_and_in_the_execution(
    ask: Any, runner: RunnerConfig
) -> None:
    for name, score in (("rounded", 1.0000000000000002), ("exact", 1.0), ("share", 0.5)):
        tree = json.loads(FakeRunner("transfer", "glm-4.6", name).session())
        tree["final_result"]["score"] = score
        (runner.sessions_dir / f"session_{name}.json").write_text(json.dumps(tree))
    report = (await ask(IMPORT))["importSessionFiles"]
    assert report["imported"] == 3
    message = "final_result.score 1.0000000000000002 is taken as 1.0"
    assert {file["file"]: file["remarks"] for file in report["files"]} == {
        "session_exact.json": [],
        "session_rounded.json": [message],
        "session_share.json": [],
    }
    told = {}
    for file in report["files"]:
        shown = await ask(
            "query ($id: ID!) { execution(id: $id) { score remarks { kind file line message } } }",
            id=file["executionId"],
        )
        told[file["file"]] = shown["execution"]
    remark = {"kind": "CHANGED_VALUE", "file": "session_rounded.json", "line": None, "message": message}
    assert told == {
        "session_exact.json": {"score": 1.0, "remarks": []},
        "session_rounded.json": {"score": 1.0, "remarks": [remark]},
        "session_share.json": {"score": 0.5, "remarks": []},
    }


async def test_pages_go_on_where_the_last_one_ended(ask: Any, runner: RunnerConfig) -> None:
    for _ in range(5):
        write(runner.sessions_dir, str(uuid.uuid4()))
    first = (await ask(IMPORT, input={"first": 3}))["importSessionFiles"]
    assert (first["imported"], first["remaining"], first["total"]) == (3, 2, 5)
    rest = (await ask(IMPORT, input={"first": 3, "after": first["endCursor"]}))["importSessionFiles"]
    assert (rest["imported"], rest["remaining"]) == (2, 0)
    none = (await ask(IMPORT, input={"after": rest["endCursor"]}))["importSessionFiles"]
    assert (none["files"], none["endCursor"], none["total"]) == ([], None, 5)


async def test_watchers_see_what_comes_in(ask: Any, watch: Any, runner: RunnerConfig) -> None:
    session_id = str(uuid.uuid4())
    write(runner.sessions_dir, session_id)
    async with watch(UPDATES) as items:
        await anext(items)
        await ask(IMPORT)
        update = (await anext(items))["executionUpdates"]
    assert update["execution"] == {"id": session_id, "status": "SUCCEEDED"}
    assert update["event"] == {"seq": 1, "status": "SUCCEEDED"}


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"directory": "/etc"}, "IMPORT_DIRECTORY"),
        ({"directory": "a\x00b"}, "IMPORT_DIRECTORY"),
        ({"directory": "../" * 50}, "IMPORT_DIRECTORY"),
        ({"first": 0}, "INVALID_INPUT"),
        ({"first": -1}, "INVALID_INPUT"),
    ],
)
async def test_what_cannot_be_imported_is_an_answer(ask: Any, wanted: dict[str, Any], code: str) -> None:
    answer = (await ask(IMPORT, input=wanted))["importSessionFiles"]
    assert answer["code"] == code and answer["message"].isprintable()
