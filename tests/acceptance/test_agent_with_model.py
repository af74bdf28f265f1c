"""A model as agent, as a user sets it up: its address and key over GraphQL, an execution, the outcome."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.acceptance.test_secrets import command_lines, dump
from tests.helpers.command_line import cli
from tests.helpers.places import REPOSITORY
from tests.helpers.scripted_endpoint import API_KEY, scripted_endpoint
from tests.helpers.server import running_server

PAY: dict[str, Any] = {
    "name": "sol_transfer",
    "arguments": {"from": "USER_WALLET_PUBKEY", "to": "RECIPIENT_WALLET_PUBKEY", "amount": 100_000_000},
}
SOLVED: list[dict[str, Any]] = [{"text": "I pay.", "calls": [PAY]}, {"text": "Paid."}]
SAVE = """
mutation ($url: String!, $key: String!) {
  saveAgentConfig(input: {agent: "local", apiUrl: $url, model: "some-model", apiKey: $key}) { __typename }
}
"""
RUN = """
mutation {
  runBenchmark(input: {benchmarkId: "001-sol-transfer", agent: "local"}) {
    ... on RunBenchmarkSuccess { execution { id } } ... on Error { message }
  }
}
"""
WATCH = """
subscription ($id: ID!) {
  executionEvents(executionId: $id) {
    seq kind entry { kind messages { text } toolCall { name result } errorType data }
    execution {
      status score toolCalls { name status } assertions { outcome } failure { kind message }
      usage { turns requests toolCalls inputTokens outputTokens cachedTokens stopReason model responseModel }
    }
  }
}
"""
CONVERSATION = """
query ($id: ID!) { execution(id: $id) { log { text } conversation { totalCount nodes { kind turn data } } } }
"""
USAGE = {
    "turns": 2,
    "requests": 2,
    "toolCalls": 1,
    "inputTokens": 200,
    "outputTokens": 20,
    "cachedTokens": 80,
    "stopReason": "stop",
    "model": "some-model",
    "responseModel": "scripted-2026-01-01",
}


def files_with(text: str, directory: Path) -> list[Path]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]


async def test_a_model_solves_a_benchmark_with_our_runner(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "benchmarks").mkdir()
    source = (REPOSITORY / "benchmarks" / "001-sol-transfer.yml").read_text()
    (tmp_path / "benchmarks" / "001-sol-transfer.yml").write_text(source)
    settings = {"DATABASE_URL": database_url, "REEV_GQL_AGENTS": "deterministic,local"}
    with scripted_endpoint(tmp_path, SOLVED) as model:
        async with running_server(tmp_path, settings) as server:
            saved = await server.ask(SAVE, url=model.url, key=API_KEY)
            assert saved["saveAgentConfig"]["__typename"] == "SaveAgentConfigSuccess"
            execution_id = (await server.ask(RUN))["runBenchmark"]["execution"]["id"]
            async with server.watch(WATCH, id=execution_id) as items:
                events = [item["executionEvents"] async for item in items]
            stored = (await server.ask(CONVERSATION, id=execution_id))["execution"]["conversation"]
        requests = model.requests
    entries = [event["entry"] for event in events if event["kind"] == "MESSAGE"]
    assert [one["kind"] for one in entries] == ["REQUEST", "RESPONSE", "TOOL", "REQUEST", "RESPONSE", "END"]
    assert events[-1]["kind"] == "STATUS_CHANGED", "the conversation is complete before the end"
    assert [event["seq"] for event in events[1:]] == list(range(1, len(events)))
    assert entries[1]["messages"] == [{"text": "I pay."}] and entries[2]["toolCall"]["name"] == "sol_transfer"
    assert stored["totalCount"] == 6 and [one["data"] for one in stored["nodes"]] == [
        one["data"] for one in entries
    ]
    last = events[-1]["execution"]
    assert last == {
        "status": "SUCCEEDED",
        "score": 1.0,
        "toolCalls": [{"name": "sol_transfer", "status": "SUCCESS"}],
        "assertions": [{"outcome": "PASSED"}] * 2,
        "failure": None,
        "usage": USAGE,
    }
    assert len(requests) == 2 and not any(request["problem"] for request in requests)
    assert requests[0]["body"]["model"] == "some-model"
    transcript = (tmp_path / "sessions" / f"transcript_{execution_id}.jsonl").read_text()
    assert "I pay." in transcript
    assert files_with(API_KEY, tmp_path) == []


async def test_the_command_line_prints_the_conversation_as_it_happens_and_afterwards(
    tmp_path: Path, database_url: str
) -> None:
    (tmp_path / "benchmarks").mkdir()
    source = (REPOSITORY / "benchmarks" / "001-sol-transfer.yml").read_text()
    (tmp_path / "benchmarks" / "001-sol-transfer.yml").write_text(source)
    settings = {"DATABASE_URL": database_url, "REEV_GQL_AGENTS": "deterministic,local"}
    with scripted_endpoint(tmp_path, SOLVED) as model:
        async with running_server(tmp_path, settings) as server:
            await server.ask(SAVE, url=model.url, key=API_KEY)
            url = f"{server.url}/graphql"
            done = await cli(
                *("run", "001-sol-transfer", "--agent", "local", "--watch", "--url", url), cwd=tmp_path
            )
            assert done.code == 0, done.err
            [execution] = (await server.ask("{ executions { nodes { id } } }"))["executions"]["nodes"]
            shown = await cli("show", execution["id"], "--url", url, cwd=tmp_path)
    for out in (done.out, shown.out):
        lines = [line.strip() for line in out.splitlines()]
        told = [line.split("  ", 1)[1] for line in lines if "asked turn" in line or "answered turn" in line]
        assert [line.split(",")[0] for line in told] == [
            "→ asked turn 1",
            "← answered turn 1  100 tokens in",
            "→ asked turn 2",
            "← answered turn 2  100 tokens in",
        ]
        assert "I pay." in lines and "Paid." in lines
        assert any(line.startswith("▸ sol_transfer {") and "100000000" in line for line in lines)
        assert any(line.startswith("user: ") for line in lines)
        usage = "scripted-2026-01-01: 2 turns, 2 requests, 1 tool call, 200 tokens in, 20 out, ended by stop"
        assert usage in out
    assert "SUCCEEDED" in done.out.splitlines()[-1]


async def test_a_key_that_the_endpoint_echoes_is_found_nowhere_and_the_failure_is_in_the_record(
    tmp_path: Path, database_url: str, bin_dir: Path
) -> None:
    """The endpoint says the key, and another secret of the runner's environment, in an answer and in an error."""
    secret = "canary-of-the-environment-0123456789"
    echoed = f"the key {API_KEY} and {secret} are wrong"
    call = {"name": "sol_transfer", "arguments": {"from": API_KEY, "to": secret, "amount": 1}}
    script: list[dict[str, Any]] = [
        {"text": echoed, "calls": [call]},
        {"status": 401, "body": {"error": {"message": echoed, "type": API_KEY}}},
    ]
    (tmp_path / "benchmarks").mkdir()
    source = (REPOSITORY / "benchmarks" / "001-sol-transfer.yml").read_text()
    (tmp_path / "benchmarks" / "001-sol-transfer.yml").write_text(source)
    settings = {
        "DATABASE_URL": database_url,
        "REEV_GQL_AGENTS": "deterministic,local",
        "REEV_GQL_LOG_LEVEL": "debug",
        "ZAI_API_KEY": secret,
    }
    with scripted_endpoint(tmp_path, script) as model:
        async with running_server(tmp_path, settings) as server:
            await server.ask(SAVE, url=model.url, key=API_KEY)
            execution_id = (await server.ask(RUN))["runBenchmark"]["execution"]["id"]
            async with server.watch(WATCH, id=execution_id) as items:
                arguments = await asyncio.to_thread(command_lines)
                events = [item["executionEvents"] async for item in items]
            told = json.dumps([events, await server.ask(CONVERSATION, id=execution_id)])
            assert await server.stop() == 0
        problems = [request["problem"] for request in model.requests]
    assert problems == [None, None]
    last = events[-1]["execution"]
    assert (last["status"], last["failure"]["kind"]) == ("FAILED", "ENDPOINT")
    assert "AUTH" in last["failure"]["message"]
    assert (last["usage"]["turns"], last["usage"]["requests"], last["usage"]["stopReason"]) == (1, 2, "AUTH")
    assert [event["entry"]["errorType"] for event in events if event["entry"]][-2] == "AUTH"
    assert not (tmp_path / "sessions" / f"session_{execution_id}.json").exists()
    assert "[LLM_API_KEY]" in told and "[ZAI_API_KEY]" in told
    places = {
        "events": told,
        "arguments": arguments,
        "log": server.log.read_text(),
        "database": await asyncio.to_thread(dump, bin_dir, database_url),
    }
    for place, text in places.items():
        assert [one for one in (API_KEY, secret) if one in text] == [], place
    assert execution_id in places["database"]
    mine = {model.log, tmp_path / "script.json"}
    assert [path for path in files_with(API_KEY, tmp_path) if path not in mine] == []
    assert [path for path in files_with(secret, tmp_path) if path not in mine] == []
