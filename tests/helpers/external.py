"""Databases as others operate them, all real: a role with few rights, a standby, PgBouncer in front."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import uuid
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from store.embedded import EmbeddedServer
from tests.conftest import NO_MOUNT, NO_PGBOUNCER
from tests.helpers.patience import DEADLINE_S, eventually
from tests.helpers.proxy import proxied_database
from tests.helpers.server import free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

PGBOUNCER_INI = """
[databases]
* = host=127.0.0.1 port={upstream} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
ignore_startup_parameters = {ignored}
default_pool_size = {sessions}
"""


FULL_DISK = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
END
$$;
CREATE TRIGGER full_disk BEFORE INSERT ON executions FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER full_disk BEFORE INSERT ON workers FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER full_disk BEFORE UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION refuse();
"""
"""What PostgreSQL says when its disk is full; tests/acceptance/test_full_disk.py fills a real one."""

ROOM_AGAIN = "DROP FUNCTION refuse CASCADE"


@asynccontextmanager
async def locked(url: str, table: str) -> AsyncIterator[int]:
    """An administrator keeps tables for himself; the number of his process."""
    connection = await asyncpg.connect(url, server_settings={"application_name": "an administrator"})
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table}")
            yield await connection.fetchval("SELECT pg_backend_pid()")
    finally:
        await connection.close()


@asynccontextmanager
async def few_rights(url: str) -> AsyncIterator[tuple[str, str]]:
    """The database as a role that nobody has given anything, and the role's name."""
    role = f"modest_{uuid.uuid4().hex}"
    owner = await asyncpg.connect(url)
    try:
        await owner.execute(f"REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE {role} LOGIN")
        try:
            parts = urlsplit(url)
            place = parts.netloc.rpartition("@")[2]
            yield urlunsplit(parts._replace(netloc=f"{role}@{place}")), role
        finally:
            await owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    finally:
        await owner.close()


@contextmanager
def short_directory() -> Iterator[Path]:
    """For a Unix socket, whose path is short or impossible."""
    directory = Path(tempfile.mkdtemp(prefix="reev-gql-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def small_disk(mebibytes: int) -> Iterator[Path]:
    """A file system of its own. The test is left out where none may be mounted."""
    with short_directory() as directory:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0755", "tmpfs", str(directory)]
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip(NO_MOUNT)
        try:
            yield directory
        finally:
            subprocess.run(["umount", "--lazy", str(directory)], check=True)


@contextmanager
def fill_up(directory: Path) -> Iterator[None]:
    """Meanwhile there is no room at all on the disk of a directory."""
    filler = directory / "filler"
    try:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(1 << 20)):
                pass
        yield
    finally:
        filler.unlink()


@contextmanager
def cluster(directory: Path, *, standby: bool = False) -> Iterator[str]:
    """The URL of a PostgreSQL of one's own; a standby answers, and takes no writes."""
    server = EmbeddedServer(directory)
    try:
        if standby:
            server.stop()
            [data] = (path.parent for path in directory.rglob("postgresql.conf"))
            signal = data / "standby.signal"
            signal.touch()
            shutil.chown(signal, data.stat().st_uid, data.stat().st_gid)
            server = EmbeddedServer(directory)
        yield server.url
    finally:
        server.stop()


@asynccontextmanager
async def pgbouncer(
    url: str, mode: str, *, ignores_parameters: bool = False, sessions: int = 20
) -> AsyncIterator[str]:
    """The same database through PgBouncer, which refuses what a client asks for at its start, or ignores it."""
    assert PGBOUNCER is not None, NO_PGBOUNCER
    port, ignored = free_port(), "extra_float_digits,options,idle_in_transaction_session_timeout"
    async with proxied_database(url) as (proxy, through):
        with tempfile.TemporaryDirectory(prefix="pgbouncer-") as directory:
            settings = Path(directory) / "pgbouncer.ini"
            settings.write_text(
                PGBOUNCER_INI.format(
                    upstream=proxy.port,
                    port=port,
                    mode=mode,
                    ignored=ignored if ignores_parameters else "",
                    sessions=sessions,
                )
            )
            # It refuses to be root.
            user = "nobody" if os.geteuid() == 0 else None
            if user is not None:
                shutil.chown(directory, user)
            process = await asyncio.create_subprocess_exec(
                PGBOUNCER, str(settings), stdout=DEVNULL, stderr=DEVNULL, user=user
            )
            try:
                await eventually(lambda: _listens(port), 2 * DEADLINE_S)
                yield through.replace(f":{proxy.port}/", f":{port}/")
            finally:
                process.terminate()
                await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
