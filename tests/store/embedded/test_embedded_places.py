"""The embedded PostgreSQL starts wherever it is installed and whoever starts it, and changes nothing around it."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.embedded import EmbeddedServer, account, cluster, programs
from store.embedded.account import Account, account_for
from store.embedded.cluster import cluster_in
from store.embedded.lock import FileLock
from store.embedded.programs import Programs, environment, find_programs
from store.errors import EmbeddedServerFailed
from store.postgres.migrate import migrate
from store.postgres.printed_schema import PRINTED_SCHEMA, schema_sql
from tests.helpers.clusters import answer_of, ask, copy_of, modes_above, postgres_of, start_user

# Whole servers start here, and other tests share the cores.
pytestmark = pytest.mark.timeout(180)

ODD_NAME = "a \"b\" 'c' %41&d=e#f?g,h;i $HOME *"
LONG_NAME = "x" * 100
"""With it a path is longer than a socket's address may be."""

SHELL = {
    "LC_ALL": "de_AT.UTF-8",
    "LANG": "xx_XX",
    "PGDATA": "/nowhere",
    "PGHOST": "nowhere.invalid",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGPASSWORD": "wrong",
    "PGPASSFILE": "/root/nowhere",
    "PGDATABASE": "nothing",
    "PGOPTIONS": "-c search_path=nothing",
    "PGSERVICE": "nothing",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGTARGETSESSIONATTRS": "standby",
    "PGCLIENTENCODING": "latin1",
}
"""What somebody who works with other servers may have set, and a locale that is not installed."""

LOCALE = """
SELECT concat_ws(' ', pg_encoding_to_char(encoding), datlocprovider, datlocale, lower('ÄÖ'))
FROM pg_database WHERE datname = current_database()
"""

NAMED_UID = 1
NAMELESS_UID = 47_123
"""The first is a user of every system, the second of none."""

needs_other_users = pytest.mark.skipif(
    os.geteuid() != 0 or not Account(NAMELESS_UID, NAMELESS_UID).can_reach(find_programs().bin_dir),
    reason="only root becomes other users, who must be able to enter this checkout",
)


def give_away(directory: Path, uid: int) -> None:
    """Makes another user the owner of a directory and of all in it."""
    subprocess.run(["chown", "--recursive", f"{uid}:{uid}", directory], check=True)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user may enter; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="reev-gql-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def test_odd_paths_variables_of_the_shell_and_closed_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = modes_above(closed / ODD_NAME)
    directory = closed / ODD_NAME / LONG_NAME / "data"
    for name, value in SHELL.items():
        monkeypatch.setenv(name, value)
    server = await asyncio.to_thread(EmbeddedServer, directory)
    try:
        assert await ask(server, LOCALE) == "UTF8 b C.UTF-8 äö"
        await migrate(server.url)
        printed = await asyncio.to_thread(schema_sql, server.url, server.bin_dir)
        assert printed == PRINTED_SCHEMA.read_text()
        assert postgres_of(directory)
    finally:
        await asyncio.to_thread(server.stop)
    assert postgres_of(directory) == []
    assert modes_above(closed / ODD_NAME) == before


async def test_a_directory_of_an_earlier_version_goes_on(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier ones made it with the locale of the environment."""
    with monkeypatch.context() as earlier:
        earlier.setattr(cluster, "INITDB", ("--username=postgres", "--auth=trust", "--encoding=utf8"))
        earlier.setattr(cluster, "environment", lambda: {**environment(), "LC_ALL": "C.UTF-8"})
        with FileLock(open_directory / "lock") as turn:
            cluster_in(open_directory, turn)
    (open_directory / "postgres" / ".handle_pids.json").write_text("[4711]")
    server = await asyncio.to_thread(EmbeddedServer, open_directory)
    assert await ask(server, "SELECT lower('ÄÖ')") == "äö"
    await asyncio.to_thread(server.stop)
    assert postgres_of(open_directory) == []


@needs_other_users
async def test_two_users_of_the_system_at_once(stopped: Path, open_directory: Path) -> None:
    ours = await asyncio.to_thread(EmbeddedServer, copy_of(stopped, open_directory / "ours"))
    theirs = copy_of(stopped, open_directory / "theirs")
    give_away(theirs, NAMED_UID)
    other = start_user(theirs, NAMED_UID)
    try:
        assert await asyncio.to_thread(answer_of, other) == ours.url.replace("/ours/", "/theirs/")
        assert {os.stat(f"/proc/{pid}").st_uid for pid in postgres_of(theirs)} == {NAMED_UID}
        assert await ask(ours) == 1
        command = [str(ours.bin_dir / "psql"), ours.url, "--command", "SELECT 1"]
        spying = await asyncio.to_thread(
            subprocess.run, command, user=NAMED_UID, capture_output=True, text=True, env=dict(environment())
        )
        assert spying.returncode != 0 and "Permission denied" in spying.stderr
        intruder = start_user(open_directory / "ours", NAMED_UID)
        assert "Permission denied" in await asyncio.to_thread(answer_of, intruder)
        intruder.communicate("")
    finally:
        other.communicate("")
        await asyncio.to_thread(ours.stop)
    assert postgres_of(theirs) == []


@needs_other_users
def test_a_user_without_a_name(open_directory: Path) -> None:
    """As in containers that are started with a number."""
    os.chown(open_directory, NAMELESS_UID, NAMELESS_UID)
    namespaces = subprocess.run(["unshare", "--user", "true"], user=NAMELESS_UID, stderr=subprocess.DEVNULL)
    user = start_user(open_directory, NAMELESS_UID)
    answer = answer_of(user)
    user.communicate("")
    if namespaces.returncode == 0:
        assert answer.startswith("postgresql:")
        assert (open_directory / "postgres").stat().st_uid == NAMELESS_UID
    else:
        assert f"uid {NAMELESS_UID} is not in /etc/passwd" in answer


@needs_other_users
def test_a_place_that_cannot_be_written_is_named(open_directory: Path) -> None:
    user = start_user(open_directory / "data", NAMED_UID)
    assert f"{open_directory}/data: Permission denied" in answer_of(user)
    user.communicate("")


@needs_other_users
def test_root_gives_nothing_away_that_it_did_not_just_make(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("18\n")
    with pytest.raises(EmbeddedServerFailed, match="chown -R pgserver: "):
        EmbeddedServer(tmp_path)
    assert data.stat().st_uid == 0


@needs_other_users
def test_programs_that_others_cannot_reach_are_copied_once(
    tmp_path: Path, open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of root's own checkout, for example below /root."""
    package = find_programs().bin_dir.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        (tmp_path / part.name).symlink_to(part)
    tmp_path.chmod(0o700)
    hidden = Programs(18, tmp_path / package.name / "pginstall18" / "bin")
    monkeypatch.setattr(programs, "COPIES", open_directory / "copies")
    copied = hidden.for_account(Account(NAMED_UID, NAMED_UID))
    version = subprocess.run(
        [copied["postgres"], "--version"], user=NAMED_UID, capture_output=True, text=True
    )
    assert version.stdout.startswith("postgres (PostgreSQL) 18")
    inode = copied.bin_dir.stat().st_ino
    assert hidden.for_account(Account(NAMED_UID, NAMED_UID)).bin_dir.stat().st_ino == inode
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_the_user_of_roots_servers_that_cannot_be_made_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "NAME", "reev-gql-nobody")
    monkeypatch.setattr(account, "MAKE_ACCOUNT", ("false",))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(EmbeddedServerFailed, match="reev-gql-nobody could not be made"):
        account_for(tmp_path / "postgres", is_initialised=False)
