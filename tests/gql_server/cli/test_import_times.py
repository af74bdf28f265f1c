"""What commands and servers import, told by Python while they really run: nothing heavy that they do not use.

Everything here is milliseconds before the first letter of help, the first answer of a server or a worker's claim.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.helpers.command_line import MakeServer, Server, cli, start_cli

# Whole processes start here, and other tests share the cores.
TOLD = {"PYTHONPROFILEIMPORTTIME": "1"}

SERVER = (
    "strawberry",
    "schema",
    "aiohttp.web",
    "prometheus_client",
    "store",
    "asyncpg",
    "gql_server.settings.settings",
)
MIGRATING = ("alembic", "sqlalchemy")
RUNNER = ("solders", "runner_bridge.local_runner")
SWITCHED_OFF = ("gql_server.rest.shapes", "gql_server.rest.operations", "opentelemetry", "ray")
CLIENT = ("gql", "graphql", "aiohttp", "rich.progress")


def imported(text: str) -> list[str]:
    """Modules in the order in which their import ended."""
    return re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", text, re.MULTILINE)


def used(text: str, *forbidden: str) -> list[str]:
    return sorted(set(imported(text)) & set(forbidden))


async def test_help_imports_next_to_nothing(tmp_path: Path) -> None:
    for command in ("serve", "run", "export", "doctor", "token", "agents"):
        for arguments in (("--help",), (command, "--help")):
            done = await cli(*arguments, cwd=tmp_path, **TOLD)
            assert done.code == 0 and "gql_server.cli.commands" in imported(done.err)
            unused = (*SERVER, *MIGRATING, *RUNNER, *CLIENT, "asyncio", "yaml", "orjson")
            assert used(done.err, *unused) == [], arguments


async def test_a_client_command_imports_nothing_of_the_server(server: Server, tmp_path: Path) -> None:
    for arguments in (("sync", "--dry-run"), ("list",), ("run", "001-sol-transfer")):
        done = await cli(*arguments, "--url", server.url, cwd=tmp_path, **TOLD)
        assert done.code == 0 and "gql" in imported(done.err)
        assert used(done.err, *SERVER, *MIGRATING, *RUNNER, "yaml") == [], arguments


async def test_a_command_of_the_database_imports_neither_server_nor_client(
    tmp_path: Path, database_url: str
) -> None:
    done = await cli("token", "list", cwd=tmp_path, DATABASE_URL=database_url, **TOLD)
    assert done.code == 0 and "asyncpg" in imported(done.err)
    assert used(done.err, "strawberry", "schema", *CLIENT[:3], *MIGRATING, *RUNNER) == []


async def test_a_server_imports_its_parts_after_the_database_was_started(make_server: MakeServer) -> None:
    """And neither what migrates, when there is nothing to migrate, nor the runner, nor the client."""
    server = await make_server(**TOLD)
    text = server.stderr.read_text()
    assert used(text, *MIGRATING, *RUNNER, *SWITCHED_OFF, "gql", "rich") == []
    order = imported(text)
    starts = order.index("gql_server.process.startup")
    early = set(order[:starts]) & {
        "strawberry",
        "graphql",
        "aiohttp",
        "asyncpg",
        "yaml",
        "psutil",
    }
    assert early == set(), "the embedded database waits for them"
    assert order.index("gql_server.process.application") > starts


async def test_a_worker_imports_nothing_of_the_api(tmp_path: Path, database_url: str) -> None:
    log = tmp_path / "worker.log"
    with log.open("wb") as stderr:
        worker = await start_cli(
            "worker", cwd=tmp_path, stderr=stderr.fileno(), DATABASE_URL=database_url, **TOLD
        )
    try:
        while " working " not in (text := log.read_text()):
            assert worker.returncode is None, text
    finally:
        worker.terminate()
        await worker.wait()
    assert (
        used(text, "strawberry", "schema", "graphql", "aiohttp", "prometheus_client", *MIGRATING, *RUNNER)
        == []
    )
