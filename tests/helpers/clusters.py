"""Data directories for tests of the embedded PostgreSQL, and processes that use one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import asyncpg

from store.embedded import EmbeddedServer
from store.embedded.processes import processes_in
from tests.helpers.places import REPOSITORY

HOLD = """
import os, sys
from pathlib import Path
from store.embedded import EmbeddedServer
from store.errors import EmbeddedServerFailed
directory, uid = Path(sys.argv[1]), int(sys.argv[2])
if uid:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
try:
    server = EmbeddedServer(directory)
except EmbeddedServerFailed as error:
    print(error, flush=True)
else:
    print(server.url, flush=True)
    sys.stdin.read()
"""
"""Becomes the given user, not before everything is imported: others may not enter the directory of this Python."""


def start_user(directory: Path, uid: int = 0) -> subprocess.Popen[str]:
    """A process that uses the embedded server of `directory` until its stdin ends."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory), str(uid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )


def answer_of(user: subprocess.Popen[str]) -> str:
    """What a process of `start_user` says once it can: the server's URL, or why there is none."""
    assert user.stdout is not None
    return user.stdout.readline().strip()


def postgres_of(directory: Path) -> list[int]:
    """The processes of the PostgreSQL in `directory`."""
    return processes_in(directory / "postgres")


def copy_of(cluster: Path, directory: Path) -> Path:
    """A copy of a stopped embedded server's directory, with owners and modes."""
    subprocess.run(["cp", "--archive", "--reflink=auto", cluster, directory], check=True)
    return directory


async def ask(server: EmbeddedServer | str, statement: str = "SELECT 1", *arguments: object) -> object:
    """The single value of a statement, over a connection of its own."""
    url = server if isinstance(server, str) else server.url
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement, *arguments)
    finally:
        await connection.close()


def modes_above(path: Path) -> list[tuple[int, int, int]]:
    """Mode and owners of each directory above `path`."""
    found = [parent.stat() for parent in path.parents]
    return [(entry.st_mode, entry.st_uid, entry.st_gid) for entry in found]
