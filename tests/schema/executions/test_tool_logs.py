"""What the API tells of tool logs: prompts with their source, remarks, and every line as it stands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner_bridge.launchers.runner_config import RunnerConfig
from tests.helpers.fake_runner import FakeRunner

IMPORT = "mutation { importSessionFiles { ... on ImportSessionFilesSuccess { files { executionId } } } }"

EXECUTION = """
query ($id: ID!, $offset: Int! = 0) {
  execution(id: $id) {
    status prompt promptSource promptTruncated
    remarks { kind file line message }
    toolLog {
      file bytes contentHash firstAt lastAt
      prompts { userPrompt finalPrompt truncated originalBytes toolNames at }
      text(offset: $offset) { offset text nextOffset ended }
    }
    flow { prompt }
  }
}
"""

CUT = "You pay people. ...[truncated, original size: 9541 bytes]"


@pytest.fixture
def runner(runner: RunnerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunnerConfig:
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    monkeypatch.setenv("REEV_SESSION_LOG_PATH", str(sessions))
    monkeypatch.setenv("REEV_ENHANCED_OTEL_FILE", f"{sessions}/enhanced_otel_{{session_id}}.jsonl")
    return replace(runner, sessions_dir=sessions)


async def imported(ask: Any, fake: FakeRunner, offset: int = 0) -> Any:
    files = (await ask(IMPORT))["importSessionFiles"]["files"]
    ids = {file["executionId"] for file in files}
    assert len(ids) == 1
    return (await ask(EXECUTION, id=ids.pop(), offset=offset))["execution"]


def log_prompt(fake: FakeRunner, user_prompt: str | None) -> None:
    prompt = {"user_prompt": user_prompt, "final_prompt": CUT, "tool_name_list": ["sol_transfer"]}
    fake.log_tool("Prompt", prompt=prompt)


@pytest.mark.parametrize(
    ("asked", "prompt", "truncated"), [("Pay somebody.", "Pay somebody.", False), (None, CUT, True)]
)
async def test_the_prompt_of_a_log_says_where_it_comes_from_and_whether_it_is_whole(
    ask: Any, runner: RunnerConfig, asked: str | None, prompt: str, truncated: bool
) -> None:
    fake = FakeRunner("transfer", "glm-4.6", "a-session")
    log_prompt(fake, asked)
    log_prompt(fake, "a second one")
    if asked is None:
        fake.tool_log.write_bytes(fake.tool_log.read_bytes().splitlines(keepends=True)[0])
    found = await imported(ask, fake)
    assert (found["prompt"], found["promptSource"], found["promptTruncated"]) == (
        prompt,
        "TOOL_LOG",
        truncated,
    )
    assert found["flow"] == {"prompt": prompt}
    first = found["toolLog"]["prompts"][0]
    assert (first["userPrompt"], first["finalPrompt"]) == (asked, CUT)
    assert (first["truncated"], first["originalBytes"], first["toolNames"]) == (True, 9541, ["sol_transfer"])
    fake.write(fake.session())
    found = await imported(ask, fake)
    assert (found["status"], found["prompt"]) == ("SUCCEEDED", "Please send 0.1 SOL.")
    assert (found["promptSource"], found["promptTruncated"]) == ("SESSION_FILE", False)
    assert len(found["toolLog"]["prompts"]) == (2 if asked else 1)


async def test_every_line_can_be_read_as_it_stands_and_what_was_not_used_is_named(
    ask: Any, runner: RunnerConfig
) -> None:
    fake = FakeRunner("transfer", "glm-4.6", "a-session")
    fake.call_tool("sol_transfer")
    echo = {"tool_name": "sol_transfer", "tool_args": {}}
    fake.log_tool("ToolInput", tool_input=echo)
    with fake.tool_log.open("a") as file:
        file.write("what is this\n")
    fake.write(fake.session())
    found = await imported(ask, fake)
    whole = fake.tool_log.read_text()
    log = found["toolLog"]
    assert (log["file"], log["bytes"]) == ("enhanced_otel_a-session.jsonl", len(whole))
    assert log["text"] == {"offset": 0, "text": whole, "nextOffset": len(whole), "ended": True}
    assert json.loads(whole.splitlines()[2])["tool_input"] == echo
    [remark] = found["remarks"]
    assert (remark["kind"], remark["file"], remark["line"]) == ("UNUSABLE_LINE", log["file"], 4)
    assert "not JSON" in remark["message"]
    rest = await imported(ask, fake, offset=len(whole) - 5)
    assert rest["toolLog"]["text"]["text"] == whole[-5:]
    problems = await ask("{ health { ingestFailures { file line offset reason } } }")
    [failure] = problems["health"]["ingestFailures"]
    assert (failure["file"], failure["line"]) == (log["file"], 4)
    assert whole[failure["offset"] :].startswith("what is this")


async def test_without_a_log_there_is_nothing_to_say(ask: Any, runner: RunnerConfig) -> None:
    fake = FakeRunner("transfer", "glm-4.6", "a-session")
    content = json.loads(fake.session())
    del content["final_result"]["data"]["prompt"]
    fake.write(json.dumps(content).encode())
    found = await imported(ask, fake)
    assert (found["prompt"], found["promptSource"], found["promptTruncated"]) == (None, None, None)
    assert (found["toolLog"], found["remarks"]) == (None, [])
