"""A model that does nothing, and an endpoint that refuses the key: what the command line and the figures say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.helpers.command_line import cli
from tests.helpers.places import REPOSITORY
from tests.helpers.scripted_endpoint import API_KEY, scripted_endpoint
from tests.helpers.server import running_server

SAVE = """
mutation ($url: String!, $key: String!) {
  saveAgentConfig(input: {agent: "local", apiUrl: $url, model: "some-model", apiKey: $key}) { __typename }
}
"""
FIGURES = """
{
  executions(filter: {solved: false}) { nodes { status solved isAttempt success computedScore } }
  agentPerformance {
    attempts solved solveRate meanComputedScore excluded { reason executions }
  }
}
"""
SCRIPT: list[dict[str, Any]] = [{"text": "I would rather do nothing."}, {"status": 401}]


def open_benchmark() -> str:
    """A benchmark that expects no particular instructions: only its assertions say what is right."""
    source = (REPOSITORY / "benchmarks" / "001-sol-transfer.yml").read_text()
    return re.sub(r"  expected_instructions:.*?\n\n", "  expected_instructions: []\n\n", source, flags=re.S)


async def test_an_agent_that_does_nothing_succeeds_but_solves_nothing(
    tmp_path: Path, database_url: str
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "001-sol-transfer.yml").write_text(open_benchmark())
    settings = {"DATABASE_URL": database_url, "REEV_GQL_AGENTS": "deterministic,local"}
    with scripted_endpoint(tmp_path, SCRIPT) as model:
        async with running_server(tmp_path, settings) as server:
            await server.ask(SAVE, url=model.url, key=API_KEY)
            command = ("run", "001-sol-transfer", "--agent=local", "--watch", f"--url={server.url}/graphql")
            idle, refused = [await cli(*command, cwd=tmp_path) for _ in range(2)]
            found = await server.ask(FIGURES)
    assert idle.code == 0, idle.err
    verdict = "not solved: 2 of 2 assertions failed (the runner reported success)  score 0.75"
    assert idle.out.splitlines()[-1].startswith(f"SUCCEEDED  {verdict}  in ")
    assert refused.code == 1
    words = " ".join(refused.out.split())
    assert re.search(r"FAILED in .* ENDPOINT: local runner: AUTH: .*\(does not count for the agent\)", words)
    assert found["executions"]["nodes"] == [
        {"status": "SUCCEEDED", "solved": False, "isAttempt": True, "success": True, "computedScore": 0.75}
    ]
    assert found["agentPerformance"] == [
        {
            **{"attempts": 1, "solved": 0, "solveRate": 0.0, "meanComputedScore": 0.75},
            "excluded": [{"reason": "ENDPOINT", "executions": 1}],
        }
    ]
