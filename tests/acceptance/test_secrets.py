"""An API key through everything there is: given over GraphQL, used by a runner, and to be found nowhere."""

from __future__ import annotations

import asyncio
import base64
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.bridge import FAKE_RUNNER
from tests.helpers.llm import fake_llm
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import Server, running_server

pytestmark = pytest.mark.usefixtures("started_anew")

CANARY = 'canary-key/of+an"agent\\0123456789'
SECRET = "canary-secret-key-of-the-server-0123456789"
PLAIN = "canary-in-the-servers-environment"

SAVE = """
mutation ($url: String!, $key: String!) {
  saveAgentConfig(input: {agent: "local", apiUrl: $url, model: "a", apiKey: $key}) {
    ... on SaveAgentConfigSuccess { config { agent apiUrl model hasApiKey } } ... on Error { message }
  }
}
"""
TEST = """
mutation {
  testAgentConnection(input: {agent: "local"}) {
    ... on TestAgentConnectionSuccess { ok url problem { kind message } } ... on Error { message }
  }
}
"""
RUN = """
mutation {
  runBenchmark(input: {benchmarkId: "transfer", agent: "local"}) {
    ... on RunBenchmarkSuccess { execution { id } } ... on Error { message }
  }
}
"""
EVENTS = """
subscription ($id: ID!) {
  executionEvents(executionId: $id) {
    kind status toolCall { name rawName params result errorMessage }
    execution { failure { message } steps { thought rawAction rawObservation } prompt trace log { text } }
  }
}
"""


def spellings(secret: str) -> list[str]:
    escaped = json.dumps(secret)[1:-1]
    twice = json.dumps(escaped)[1:-1]
    return [secret, escaped, twice, base64.b64encode(secret.encode()).decode(), secret.encode().hex()]


def assert_nowhere(where: str, text: str) -> None:
    for secret in (CANARY, SECRET, PLAIN):
        for spelling in spellings(secret):
            assert spelling not in text, f"{secret} in {where}"


def dump(bin_dir: Path, url: str) -> str:
    command = [str(bin_dir / "pg_dump"), "--data-only", "--inserts", url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def command_lines() -> str:
    """The arguments of every process of this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


async def outcome(server: Server, document: str, **variables: object) -> Any:
    answer = await server.ask(document, **variables)
    assert_nowhere("an answer", json.dumps(answer))
    return answer


async def test_a_key_is_used_and_is_found_nowhere(tmp_path: Path, database_url: str, bin_dir: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
    python = shlex.join([sys.executable, "-S", "-E", str(FAKE_RUNNER)])
    settings = {
        "DATABASE_URL": database_url,
        "REEV_GQL_SECRET_KEY": SECRET,
        "REEV_GQL_LOG_LEVEL": "debug",
        "REEV_GQL_RUNNER_COMMAND": f"{python} {{path}} --agent={{agent}} --execution-id={{id}} --mode=secrets",
        "ZAI_API_KEY": PLAIN,
    }
    async with running_server(tmp_path, settings) as server, fake_llm("unauthorized") as llm:
        saved = await outcome(server, SAVE, url=llm.url, key=CANARY)
        assert saved["saveAgentConfig"]["config"]["hasApiKey"] is True
        tested = await outcome(server, TEST)
        assert tested["testAgentConnection"]["problem"]["kind"] == "UNAUTHORIZED"
        assert (await llm.request())["headers"]["Authorization"] == f"Bearer {CANARY}"
        execution_id = (await outcome(server, RUN))["runBenchmark"]["execution"]["id"]
        async with server.watch(EVENTS, id=execution_id) as items:
            seen = json.dumps([item async for item in items])
        assert "[LLM_API_KEY]" in seen
        assert_nowhere("the events", seen)
        assert_nowhere("the arguments", await asyncio.to_thread(command_lines))
        broken = {"query": SAVE, "variables": {"url": 5, "key": CANARY}}
        async with server.client.post(f"{server.url}/graphql", json=broken) as response:
            assert response.status in (200, 400)
            assert_nowhere("a refusal", await response.text())
        assert await server.stop() == 0
    assert_nowhere("the log", server.log.read_text())
    data = await asyncio.to_thread(dump, bin_dir, database_url)
    assert "agent_configs" in data and execution_id in data
    assert_nowhere("the database", data)
