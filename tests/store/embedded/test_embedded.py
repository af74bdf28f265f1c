"""The embedded PostgreSQL lives as long as somebody uses it, whatever dies, and never hurts another process."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest

from store.embedded import EmbeddedServer, postmaster
from store.embedded.lock import FileLock
from store.errors import EmbeddedServerFailed
from tests.helpers.clusters import answer_of, ask, copy_of, postgres_of, start_user
from tests.helpers.patience import DEADLINE_S, eventually, wait_for

# Whole servers start here, and other tests share the cores.
pytestmark = pytest.mark.timeout(180)

BUSY = "SELECT count(*) FROM generate_series(1, 1000000000000)"
"""Waits for nothing, so the backend does not notice that its postmaster is gone."""


IS_BUSY = "SELECT state = 'active' AND query LIKE '%generate_series%' FROM pg_stat_activity WHERE pid = $1"


@pytest.fixture
def directory(stopped: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it; nothing of its PostgreSQL may be left at the end."""
    copied = copy_of(stopped, tmp_path / "data")
    yield copied
    left = postgres_of(copied)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with us."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_a_server_whose_last_user_was_killed_is_stopped_in_good_order(directory: Path) -> None:
    users = [start_user(directory) for _ in range(2)]
    assert all(answer_of(user).startswith("postgresql:") for user in users)
    users[0].kill()
    users[0].communicate()
    EmbeddedServer(directory).stop()
    assert postgres_of(directory), "the other one uses it"
    users[1].kill()
    users[1].communicate()
    wait_for(lambda: not postgres_of(directory))
    assert (directory / "postgres.log").read_text().rstrip().endswith("database system is shut down")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start adopts it")
def test_a_guard_whose_postgresql_was_replaced_harms_nobody(
    directory: Path, stranger: subprocess.Popen[bytes]
) -> None:
    user = start_user(directory)
    assert answer_of(user).startswith("postgresql:")
    pid_file = directory / "postgres" / "postmaster.pid"
    content = pid_file.read_text()
    pid_file.write_text(content.replace(content.split()[0], str(stranger.pid), 1))
    user.kill()
    user.communicate()
    wait_for(lambda: not any(_is_guard(process, directory) for process in psutil.process_iter()))
    assert stranger.poll() is None
    pid_file.write_text(content)
    EmbeddedServer(directory).stop()


def _is_guard(process: psutil.Process, directory: Path) -> bool:
    with suppress(psutil.Error):
        return "reev-gql-guard" in (arguments := process.cmdline()) and str(directory) in arguments
    return False


def test_many_users_start_one_server_and_the_last_one_to_leave_stops_it(directory: Path) -> None:
    users = [start_user(directory) for _ in range(3)]
    for user in users:
        assert answer_of(user).startswith("postgresql:")
    server = EmbeddedServer(directory)
    first = server.pid
    for user in users:
        user.communicate("")
        assert server.pid == first
    server.stop()
    assert postgres_of(directory) == []
    assert "already exists" not in (directory / "postgres.log").read_text()


async def test_a_stale_postmaster_pid_costs_its_new_owner_nothing(
    directory: Path, stopped: Path, tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    """After a power cut the numbers in PostgreSQL's files are those of other processes, even of another one's."""
    neighbour = EmbeddedServer(copy_of(stopped, tmp_path / "neighbour"))
    try:
        for pid in (stranger.pid, os.getpid(), neighbour.pid):
            # What PostgreSQL itself writes, of a machine that ran it before the power cut.
            data = directory / "postgres"
            lines = [str(pid), str(data), "1700000000", "5432", str(data), "", "  1234  5678", "ready   "]
            (data / "postmaster.pid").write_text("\n".join(lines) + "\n")
            (data / ".s.PGSQL.5432.lock").write_text("\n".join(lines[:6]) + "\n")
            server = await asyncio.to_thread(EmbeddedServer, directory)
            assert await ask(server) == 1
            assert server.pid != pid
            await asyncio.to_thread(server.stop)
        assert stranger.poll() is None
        assert await ask(neighbour) == 1
    finally:
        await asyncio.to_thread(neighbour.stop)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_a_postmaster_that_is_killed_comes_back_at_the_same_address(
    directory: Path, number: signal.Signals
) -> None:
    """SIGTERM asks it to wait until its clients have left, which ours never do."""
    server = await asyncio.to_thread(EmbeddedServer, directory)
    client = await asyncpg.connect(server.url)
    first = server.pid
    assert first is not None
    os.kill(first, number)
    await asyncio.to_thread(wait_for, lambda: server.pid not in (None, first))
    await eventually(lambda: _answers(server))
    client.terminate()
    await asyncio.to_thread(server.stop)
    assert postgres_of(directory) == []


async def _answers(server: EmbeddedServer) -> bool:
    """Whether it is ready: one that has just started refuses connections."""
    try:
        return await ask(server) == 1
    except (asyncpg.PostgresError, OSError):
        return False


async def test_a_backend_that_outlives_its_postmaster_is_ended_before_the_next_start(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postmaster, "LEFTOVER_GRACE_S", 0.2)
    server = await asyncio.to_thread(EmbeddedServer, directory)
    client = await asyncpg.connect(server.url)
    backend = await client.fetchval("SELECT pg_backend_pid()")
    busy = asyncio.create_task(client.fetchval(BUSY))
    await eventually(lambda: ask(server, IS_BUSY, backend))
    first = server.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await asyncio.to_thread(wait_for, lambda: server.pid not in (None, first))
    assert backend not in postgres_of(directory)
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await busy
    client.terminate()
    await asyncio.to_thread(server.stop)


async def test_a_start_right_after_everything_was_killed(directory: Path) -> None:
    user = start_user(directory)
    url = answer_of(user)
    await ask(url, "CREATE TABLE kept AS SELECT 1 AS one")
    for pid in (user.pid, *postgres_of(directory)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server = await asyncio.to_thread(EmbeddedServer, directory)
    assert await ask(server, "SELECT one FROM kept") == 1
    await asyncio.to_thread(server.stop)
    user.communicate()


async def test_who_joins_a_server_that_is_called_ready_and_does_not_answer_waits_for_one_that_does(
    directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So it is for a moment after a SIGKILL: the process and its files are still there."""
    monkeypatch.setattr(postmaster, "ANSWER_S", 0.05)
    monkeypatch.setattr(postmaster, "SILENT_START_S", 0.1)
    user = start_user(directory)
    answer_of(user)
    dying = int((directory / "postgres/postmaster.pid").read_text().split()[0])
    os.kill(dying, signal.SIGSTOP)
    joining = asyncio.create_task(asyncio.to_thread(EmbeddedServer, directory))
    await asyncio.to_thread(wait_for, lambda: joining.done() or "takes long to start" in caplog.text)
    assert not joining.done()
    os.kill(dying, signal.SIGKILL)
    server = await joining
    assert await ask(server) == 1
    await asyncio.to_thread(server.stop)
    user.communicate()


def test_a_kill_while_the_directory_is_made_leaves_no_half_of_it(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    user = start_user(directory)
    wait_for(lambda: list(directory.glob("postgres.new-*/global")))
    user.kill()
    user.communicate()
    assert not (directory / "postgres").exists()
    server = EmbeddedServer(directory)
    server.stop()
    assert [path.name for path in directory.iterdir() if path.is_dir()] == ["postgres"]


async def test_who_joins_a_server_that_waits_for_its_clients_to_leave_gets_another(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postmaster, "STOPPING_GRACE_S", 0.1)
    left = start_user(directory)
    client = await asyncpg.connect(await asyncio.to_thread(answer_of, left))
    left.kill()
    left.communicate()
    pid_file = directory / "postgres" / "postmaster.pid"
    first = int(pid_file.read_text().split()[0])
    os.kill(first, signal.SIGTERM)
    await asyncio.to_thread(wait_for, lambda: postmaster.STOPPING in pid_file.read_text())
    server = await asyncio.to_thread(EmbeddedServer, directory)
    assert server.pid != first and await ask(server) == 1
    client.terminate()
    await asyncio.to_thread(server.stop)


def test_a_postgresql_that_others_have_started_otherwise_is_named(directory: Path) -> None:
    server = EmbeddedServer(directory)
    (directory / "postgres" / ".s.PGSQL.5432").unlink()
    with pytest.raises(EmbeddedServerFailed, match=f"kill -INT {server.pid}"):
        EmbeddedServer(directory)
    server.stop()


def test_the_data_may_be_a_link_to_a_larger_disk(stopped: Path, tmp_path: Path) -> None:
    directory, disk = tmp_path / "data", copy_of(stopped, tmp_path / "disk")
    directory.mkdir()
    (directory / "postgres").symlink_to(disk / "postgres")
    server = EmbeddedServer(directory)
    assert server.pid in postgres_of(disk)
    server.stop()
    assert postgres_of(disk) == []
    assert (directory / "postgres.log").exists()


def test_a_postgresql_that_cannot_be_seen_is_not_joined_by_a_second_one(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another container with the same directory, whose process ids mean nothing here."""
    monkeypatch.setattr(postmaster, "ELSEWHERE_S", 0.1)
    with FileLock(directory / "postgres.running") as elsewhere:
        assert elsewhere.try_exclusive()
        with pytest.raises(EmbeddedServerFailed, match="perhaps in another container"):
            EmbeddedServer(directory)
    assert postgres_of(directory) == []


def test_why_it_does_not_start_is_in_the_error(directory: Path) -> None:
    (directory / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedServerFailed, match=r"pg_control.*DATABASE_URL") as caught:
        EmbeddedServer(directory)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [({"PG_VERSION": "16\n"}, "PostgreSQL 16"), ({"notes.txt": "mine"}, "move it away")],
)
def test_a_directory_that_is_not_ours_to_use_is_left_as_it_is(
    tmp_path: Path, content: dict[str, str], reason: str
) -> None:
    data = tmp_path / "postgres"
    data.mkdir()
    for name, text in content.items():
        (data / name).write_text(text)
    if os.geteuid() == 0:
        os.chown(data, 1, 1)
    with pytest.raises(EmbeddedServerFailed, match=reason):
        EmbeddedServer(tmp_path)
    assert {path.name: path.read_text() for path in data.iterdir()} == content


def test_a_server_whose_directory_was_deleted_meanwhile_ends_too(directory: Path) -> None:
    server = EmbeddedServer(directory)
    running = [psutil.Process(pid) for pid in postgres_of(directory)]
    shutil.rmtree(directory)
    server.stop()
    assert psutil.wait_procs(running, timeout=DEADLINE_S)[1] == []
