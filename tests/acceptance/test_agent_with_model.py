"""A model as agent, as a user sets it up: its address and key over GraphQL, an execution, the outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
  executionEvents(executionId: $id) { execution { status score toolCalls { name status } assertions { outcome } } }
}
"""


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
                last = [item async for item in items][-1]["executionEvents"]["execution"]
        requests = model.requests
    assert last == {
        "status": "SUCCEEDED",
        "score": 1.0,
        "toolCalls": [{"name": "sol_transfer", "status": "SUCCESS"}],
        "assertions": [{"outcome": "PASSED"}] * 2,
    }
    assert len(requests) == 2 and not any(request["problem"] for request in requests)
    assert requests[0]["body"]["model"] == "some-model"
    transcript = (tmp_path / "sessions" / f"transcript_{execution_id}.jsonl").read_text()
    assert "I pay." in transcript
    assert files_with(API_KEY, tmp_path) == []
