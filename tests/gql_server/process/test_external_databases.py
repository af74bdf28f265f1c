"""Every command that works on a database refuses one that cannot be used, in one line and without a traceback."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from gql_server.cli.commands import app
from store.errors import DatabaseUnavailable
from store.postgres.connector import Connector
from tests.conftest import NO_PGBOUNCER
from tests.helpers.bridge import fake_command
from tests.helpers.command_line import Finished, cli, start_cli
from tests.helpers.external import PGBOUNCER, pgbouncer
from tests.helpers.samples import transfer_yaml
from tests.helpers.server import running_server

SECRET = "s3cret-Canary"

ON_THE_DATABASE = {
    "serve": ("serve", "--port", "0"),
    "worker": ("worker",),
    "migrate": ("migrate",),
    "prune": ("prune", "--older-than", "90d"),
    "token create": ("token", "create", "somebody"),
    "token list": ("token", "list"),
    "token revoke": ("token", "revoke", "somebody"),
}
"""Commands that work on a database, with what they need to be called."""

AGENTS = {f"agents {name}" for name in ("add", "list", "remove", "show", "test")}
WEBHOOKS = {f"webhooks {name}" for name in ("add", "enable", "list", "remove", "test")}
BATCHES = {f"batches {name}" for name in ("list", "rerun", "show", "stop")}
EVALUATIONS = {"compare", "export", "leaderboard", "run", "stop", "watch"} | BATCHES
OTHERS = (
    {
        "benchmarks archive",
        "benchmarks list",
        "benchmarks restore",
        "doctor",
        "import",
        "import-reev",
        "init",
        "list",
        "schema",
        "show",
        "sync",
    }
    | AGENTS
    | EVALUATIONS
    | WEBHOOKS
)
"""`doctor` tells of it among other things, `init` and `schema` touch none, the rest ask a server."""

RUN = """
mutation { runBenchmark(input: {benchmarkId: "transfer"}) { ... on RunBenchmarkSuccess { execution { id } } } }
"""
EVENTS = "subscription ($id: ID!) { executionEvents(executionId: $id) { status } }"

with_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason=NO_PGBOUNCER)


def names(command: object, prefix: str = "") -> Iterator[str]:
    """Of every command there is."""
    if not (below := getattr(command, "commands", None)):
        yield prefix.strip()
        return
    for name, one in below.items():
        yield from names(one, f"{prefix} {name}")


def test_each_command_is_known_here() -> None:
    assert isinstance(app, typer.Typer)
    assert set(names(get_command(app))) == set(ON_THE_DATABASE) | OTHERS


async def said_by(commands: Iterable[str], directory: Path, url: str) -> dict[str, Finished]:
    """What each command says, two at a time."""
    found: dict[str, Finished] = {}
    waiting = [(name, ON_THE_DATABASE.get(name, (name,))) for name in commands]

    async def some() -> None:
        while waiting:
            name, arguments = waiting.pop()
            found[name] = await cli(*arguments, cwd=directory, DATABASE_URL=url)

    await asyncio.gather(some(), some())
    return found


def assert_refused(found: dict[str, Finished], *words: str, code: int = 1) -> None:
    for name, done in found.items():
        assert done.code == (1 if name == "doctor" else code), (name, done)
        text = done.out + done.err
        assert "Traceback" not in text and SECRET not in text, (name, text)
        lines = [line for line in text.splitlines() if all(word in line for word in words)]
        assert len(lines) == 1, (name, text)
        if name != "doctor":
            assert done.err.splitlines() == lines and lines[0].startswith("reev-gql: "), (name, text)


@with_pgbouncer
async def test_a_pooler_in_transaction_mode(database_url: str, tmp_path: Path) -> None:
    async with pgbouncer(database_url, "transaction") as url:
        found = await said_by([*ON_THE_DATABASE, "doctor"], tmp_path, url)
    assert_refused(found, "pool_mode=transaction", "session mode")


async def test_a_url_that_asks_for_what_cannot_be_had(tmp_path: Path) -> None:
    url = f"postgresql://u:{SECRET}@h/db?channel_binding=require&sslmode=require"
    found = await said_by(["token list", "doctor"], tmp_path, url)
    assert_refused(found, "DATABASE_URL", "channel_binding", "sslmode=verify-full", code=2)


@with_pgbouncer
async def test_a_server_and_a_worker_behind_a_pooler_in_session_mode_see_executions_to_their_end(
    database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "transfer.yml").write_text(transfer_yaml())
    async with pgbouncer(database_url, "session") as url:
        settings = {"DATABASE_URL": url, "REEV_GQL_RUNNER_COMMAND": fake_command("ok")}
        worker = await start_cli("worker", cwd=tmp_path, stderr=DEVNULL, **settings)
        async with running_server(tmp_path, settings | {"REEV_GQL_WORKER": "false"}) as server:
            execution_id = (await server.ask(RUN))["runBenchmark"]["execution"]["id"]
            async with server.watch(EVENTS, id=execution_id) as items:
                told = [item["executionEvents"]["status"] async for item in items]
            assert told[-1] == "SUCCEEDED"
            looked = await cli("doctor", cwd=tmp_path, **settings)
            assert "a pooler is in front of PostgreSQL and keeps sessions" in " ".join(looked.out.split())
            assert await server.stop() == 0
        worker.terminate()
        assert await worker.wait() == 0


@with_pgbouncer
async def test_a_pooler_without_a_session_left_is_named_as_the_likely_cause(database_url: str) -> None:
    async with pgbouncer(database_url, "session", sessions=1) as url:
        patient, hurried = Connector(url), Connector(f"{url}{'&' if '?' in url else '?'}connect_timeout=1")
        held = await patient.connect()
        try:
            with pytest.raises(DatabaseUnavailable, match="pooler in front of it has no session left"):
                await hurried.connect()
        finally:
            await held.close()
        await (await patient.connect()).close()
