"""A second machine as docs/operations.md adds it: a database in common, and neither files nor directories."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from store.postgres.database import Database
from tests.helpers.command_line import cli, start_cli
from tests.helpers.places import REPOSITORY
from tests.helpers.scripted_endpoint import API_KEY, scripted_endpoint
from tests.helpers.server import running_server

DOCUMENT = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")

PAYMENT = {
    "name": "sol_transfer",
    "arguments": {"from": "USER_WALLET_PUBKEY", "to": "RECIPIENT_WALLET_PUBKEY", "amount": 100_000_000},
}
SCRIPT: list[dict[str, Any]] = [{"text": "I pay.", "calls": [PAYMENT]}, {"text": "Paid."}]

EXECUTION = """
query ($id: ID!) {
  health { workers { isFresh } }
  execution(id: $id) { status trace log { text } conversation { totalCount } }
}
"""

CONNECTIONS = """
SELECT application_name FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'second%'
"""


def command() -> tuple[str, list[str]]:
    """What starts the worker there, and the variables it needs."""
    section = DOCUMENT.split("\n### A second machine\n")[1].split("\n## ")[0]
    [line] = re.findall(r"^ {4}(\S+=.* reev-gql .*)$", section, re.MULTILINE)
    variables, _, arguments = line.partition(" reev-gql ")
    return arguments, re.findall(r"(\w+)=", variables)


async def test_its_worker_executes_what_servers_elsewhere_are_asked_for(tmp_path: Path, db: Database) -> None:
    """Its worker reads no log of events, and has few connections."""
    first, other, second = (tmp_path / name for name in ("first", "other", "second"))
    for directory in (first, other, second):
        directory.mkdir()
    (first / "benchmarks").mkdir()
    payment = "001-sol-transfer.yml"
    (first / "benchmarks" / payment).write_text((REPOSITORY / "benchmarks" / payment).read_text())
    shared = {"DATABASE_URL": db.url, "REEV_GQL_SECRET_KEY": "of-both-machines-0123456789-01234"}
    without_benchmarks = {"REEV_GQL_BENCHMARKS_DIR": str(tmp_path / "none")}
    named = {"DATABASE_URL": f"{db.url}{'&' if '?' in db.url else '?'}application_name=second"}
    argument, names = command()
    assert set(names) == set(shared)
    async with (
        running_server(first, shared, "--no-worker") as server,
        running_server(other, shared | without_benchmarks, "--no-worker") as watched,
    ):
        with (second / "log").open("wb") as log:
            worker = await start_cli(
                argument, cwd=second, stderr=log.fileno(), **shared | named, **without_benchmarks
            )
        try:
            with scripted_endpoint(tmp_path, SCRIPT, "openai") as model:
                added = await cli(
                    *("agents", "add", "qwen", "--url", model.url, "--model", "scripted"),
                    cwd=first,
                    REEV_GQL_URL=f"{server.url}/graphql",
                    REEV_GQL_AGENT_KEY=API_KEY,
                )
                assert added.code == 0, added.err
                run = ("run", "001-sol-transfer", "--agent", "qwen", "--json")
                queued = await cli(*run, "--url", f"{server.url}/graphql", cwd=first)
                assert queued.code == 0, queued.out + queued.err
                execution_id = queued.out.partition('"id":"')[2].partition('"')[0]
                ended = await cli("watch", execution_id, "--url", f"{watched.url}/graphql", cwd=other)
            assert ended.code == 0, ended.out + ended.err + (second / "log").read_text()
            assert "SUCCEEDED  solved  score 1.0" in ended.out
            connections = [row["application_name"] for row in await db.fetch(CONNECTIONS)]
            assert connections.count("second worker") == 1, connections
            assert {*connections} == {"second worker", "second"} and len(connections) <= 3
            assert "connections=3" in (second / "log").read_text()
            answer = await watched.ask(EXECUTION, id=execution_id)
            assert answer["health"]["workers"] == [{"isFresh": True}]
            execution = answer["execution"]
            assert execution["trace"] and execution["conversation"]["totalCount"] > 0
            [session] = second.rglob(f"session_{execution_id}.json")
            assert session.is_relative_to(second / "logs")
            for directory in (first, other):
                assert not [path for path in directory.rglob("*") if execution_id in path.name]
        finally:
            worker.terminate()
            assert await worker.wait() == 0
