"""The server's life as a process: how it starts, what it says when it cannot, and how it ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp
import asyncpg
import psutil
import pytest

from store.postgres.database import Database
from tests.helpers.command_line import API_LINE, MakeServer, Server, cli, start_cli
from tests.helpers.patience import DEADLINE_S
from tests.helpers.places import REPOSITORY
from tests.helpers.server import close_code
from tests.helpers.site import MakeSite

STARTED_ANEW = pytest.mark.usefixtures("started_anew")
"""For what may happen while Python imports or ends."""

END_S = 60.0
"""On a busy machine too. A server that waited for its watchers would take two minutes."""

WATCHERS = 20

WAITING_FOR_THE_LOCK = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted
"""
"""Other tests have locks of their own on the same server."""


def lives(pid: int) -> bool:
    """A zombie is dead; its parent, which is not ours to choose, has not looked yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def watcher(session: aiohttp.ClientSession, server: Server) -> aiohttp.ClientWebSocketResponse:
    """A websocket with an open subscription that has had its first item."""
    ws = await session.ws_connect(server.url, protocols=("graphql-transport-ws",))
    await ws.send_json({"type": "connection_init"})
    payload = {"query": "subscription { executionUpdates { cursor } }"}
    await ws.send_json({"type": "subscribe", "id": "1", "payload": payload})
    while (await ws.receive_json())["type"] != "next":
        pass
    return ws


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_time_whatever_is_open(server: Server, number: signal.Signals) -> None:
    async with aiohttp.ClientSession() as session:
        sockets = [await watcher(session, server) for _ in range(WATCHERS)]
        children = psutil.Process(server.process.pid).children(recursive=True)
        # Most of them do not even read, like a client that hangs.
        async with asyncio.timeout(END_S):
            code, closed = await asyncio.gather(server.stop(number), close_code(sockets[0]))
        assert (code, closed) == (0, 1012)
        assert not [child for child in children if lives(child.pid)]
        for ws in sockets:
            await ws.close()
    assert "Traceback" not in server.stderr.read_text()


@STARTED_ANEW
async def test_signals_that_keep_coming_until_the_very_end_do_not_change_its_exit_code(
    server: Server,
) -> None:
    while server.process.returncode is None:
        # Not over the process object: it would look for the exit itself and keep it from us.
        with suppress(ProcessLookupError):
            os.kill(server.process.pid, signal.SIGTERM)
        await asyncio.sleep(0)
    assert await server.process.wait() == 0


@STARTED_ANEW
async def test_a_signal_while_it_starts_ends_it_as_well(tmp_path: Path, empty_database_url: str) -> None:
    holder = await asyncpg.connect(empty_database_url)
    try:
        # Holds the lock of migrations, so that the server is certainly still starting.
        await holder.execute("SELECT pg_advisory_lock($1)", 0x7265_6576_6771_6C00)
        log = (tmp_path / "log").open("wb")
        with log:
            process = await start_cli(
                "serve", "--port", "0", cwd=tmp_path, stderr=log.fileno(), DATABASE_URL=empty_database_url
            )
        async with asyncio.timeout(DEADLINE_S):
            while not await holder.fetchval(WAITING_FOR_THE_LOCK):
                pass
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), END_S) == 0
        assert "Traceback" not in (tmp_path / "log").read_text()
    finally:
        await holder.close()


@STARTED_ANEW
async def test_a_port_in_use_is_one_line_and_its_holder_lives(
    server: Server, tmp_path: Path, empty_database_url: str
) -> None:
    done = await cli("serve", "--port", str(server.port), cwd=tmp_path, DATABASE_URL=empty_database_url)
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert str(server.port) in done.err and "REEV_GQL_PORT" in done.err
    async with aiohttp.ClientSession() as session, session.get(f"{server.base}/readyz") as response:
        assert response.status == 200
    connection = await asyncpg.connect(empty_database_url)
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert tables == 0, "the database must not be touched by a server that cannot serve"


async def test_a_database_that_is_not_there_is_one_line_without_the_password(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        url = f"postgresql://somebody:canary-password@127.0.0.1:{port}/reev"
        for command in (("serve", "--port", "0"), ("worker",), ("migrate",)):
            done = await cli(*command, cwd=tmp_path, DATABASE_URL=url)
            assert done.code == 1
            assert done.err.count("\n") == 1, done.err
            assert f"127.0.0.1:{port}" in done.err
            assert "canary" not in done.err + done.out


async def test_a_newer_schema_is_refused(tmp_path: Path, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    done = await cli("serve", "--port", "0", cwd=tmp_path, DATABASE_URL=database_url)
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "9999" in done.err and "newer" in done.err


@STARTED_ANEW
async def test_bad_settings_are_one_line(tmp_path: Path) -> None:
    done = await cli("serve", cwd=tmp_path, REEV_GQL_LOG_LEVEL="loud")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "REEV_GQL_LOG_LEVEL" in done.err
    exposed = await cli("serve", "--host", "0.0.0.0", cwd=tmp_path)  # noqa: S104
    assert (exposed.code, exposed.err.count("\n")) == (2, 1)
    assert "REEV_GQL_TOKEN" in exposed.err and "REEV_GQL_ALLOWED_HOSTS" in exposed.err


async def test_without_a_benchmarks_directory_it_serves_all_the_same(
    make_server: MakeServer, tmp_path: Path
) -> None:
    server = await make_server(REEV_GQL_BENCHMARKS_DIR=str(tmp_path / "none"))
    assert "benchmarks_not_read" in server.stderr.read_text()


async def test_only_where_nothing_can_be_archived_are_the_shipped_benchmarks_written(
    make_server: MakeServer, tmp_path: Path, db: Database
) -> None:
    """A server that is started in the wrong directory must not take that for the state of the benchmarks."""
    first = await make_server(REEV_GQL_BENCHMARKS_DIR="")
    written = tmp_path / "benchmarks"
    assert len(list(written.iterdir())) == await db.fetchval("SELECT count(*) FROM benchmarks") > 0
    await first.stop()
    shutil.rmtree(written)
    second = await make_server(REEV_GQL_BENCHMARKS_DIR="")
    assert "benchmarks_not_read" in second.stderr.read_text()
    assert not written.exists()
    assert await db.fetchval("SELECT count(*) FROM benchmarks WHERE archived_at IS NOT NULL") == 0


async def test_a_bad_benchmark_file_is_named_in_the_log_and_costs_only_itself(
    make_server: MakeServer, tmp_path: Path
) -> None:
    benchmarks = tmp_path / "mine"
    benchmarks.mkdir()
    (benchmarks / "bad.yml").write_text("id: [\n", encoding="utf-8")
    server = await make_server(REEV_GQL_BENCHMARKS_DIR=str(benchmarks))
    (line,) = [line for line in server.stderr.read_text().splitlines() if "benchmark_refused" in line]
    assert "bad.yml:" in line


@STARTED_ANEW
async def test_an_embedded_server_starts_with_it_and_ends_with_it(tmp_path: Path) -> None:
    """What `make serve` does on a machine that has nothing, until its terminal is closed."""
    with (tmp_path / "log").open("wb") as log:
        process = await start_cli("serve", "--port", "0", cwd=tmp_path, stderr=log.fileno())
    assert process.stdout is not None
    lines = [await asyncio.wait_for(process.stdout.readline(), DEADLINE_S) for _ in range(2)]
    assert API_LINE.match(lines[1].decode()), (tmp_path / "log").read_text()
    postgres = int((tmp_path / ".reev-gql" / "postgres" / "postmaster.pid").read_text().split()[0])
    assert lives(postgres)
    process.send_signal(signal.SIGHUP)
    assert await asyncio.wait_for(process.wait(), END_S) == 0
    assert not lives(postgres)


IGNORES_SIGHUP = """
import asyncio, os, signal
from gql_server.process.startup import _until_signalled

async def part(settings):
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.sleep(0.1)
    print("went on")

signal.signal(signal.SIGHUP, signal.SIG_IGN)
asyncio.run(_until_signalled(part, None))
"""


async def test_what_nohup_asks_for_is_done() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", IGNORES_SIGHUP, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"went on\n")


async def test_another_loopback_address_is_answered_to(make_site: MakeSite) -> None:
    for host, name in (("127.0.0.2", "127.0.0.2"), ("0:0:0:0:0:0:0:1", "[::1]")):
        site = await make_site(host=host)
        url = site.base.replace("127.0.0.1", name)
        async with site.client.get(f"{url}/healthz", headers={"Origin": url}) as response:
            assert response.status == 200
        for other in ("127.0.0.3", name):
            async with site.client.get(f"{url}/healthz", headers={"Host": other}) as response:
                assert response.status == 421


OUR_CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'reev-gql%'
"""


async def test_a_process_has_no_more_connections_than_the_setting_says(
    make_server: MakeServer, database_url: str
) -> None:
    """With its listener and its worker's heartbeat, while more is asked for at once than there are."""
    server = await make_server(REEV_GQL_POOL_SIZE="5")
    document = {"query": "{ health { status } executions { totalCount } benchmarks { totalCount } }"}
    counter = await asyncpg.connect(database_url)
    async with aiohttp.ClientSession() as session:

        async def ask() -> None:
            async with session.post(server.url, json=document) as response:
                assert response.status == 200

        counts = []
        for _ in range(10):
            asking = [asyncio.create_task(ask()) for _ in range(20)]
            counts.append(await counter.fetchval(OUR_CONNECTIONS))
            await asyncio.gather(*asking)
            counts.append(await counter.fetchval(OUR_CONNECTIONS))
    await counter.close()
    assert max(counts) == 5, counts


async def test_directories_that_cannot_be_made_are_one_line(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "logs").write_text("not a directory")
    for command in (("serve", "--port", "0"), ("worker",)):
        done = await cli(*command, cwd=tmp_path, DATABASE_URL=database_url)
        assert done.code == 1
        assert "REEV_GQL_SESSIONS_DIR" in done.err and "Traceback" not in done.err
        assert len(done.err.splitlines()) == 1
