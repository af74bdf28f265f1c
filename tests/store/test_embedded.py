"""The embedded PostgreSQL lives as long as somebody uses it, and not a moment of anybody's death longer."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from store.embedded import EmbeddedServer

HOLD = """
import sys
from pathlib import Path
from store.embedded import EmbeddedServer
EmbeddedServer(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def short_tmp_path() -> Iterator[Path]:
    """A Unix socket's path is short or impossible."""
    directory = Path(tempfile.mkdtemp(prefix="reev-gql-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def _postgres_of(directory: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres"
        and any(str(directory) in part for part in process.info["cmdline"] or ())
    ]


def _holder(directory: Path) -> subprocess.Popen[str]:
    """A process that uses the server of `directory` until its stdin ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_user_that_was_killed_keeps_the_server_from_nobody(short_tmp_path: Path) -> None:
    """After a kill -9 the next one joins the server that was left, and its end is the server's end."""
    killed = _holder(short_tmp_path)
    killed.kill()
    killed.communicate()
    assert _postgres_of(short_tmp_path), "the server outlives its killed user"
    server = EmbeddedServer(short_tmp_path)
    server.stop()
    assert _postgres_of(short_tmp_path) == []


def test_the_server_stays_while_another_one_uses_it(short_tmp_path: Path) -> None:
    other = _holder(short_tmp_path)
    server = EmbeddedServer(short_tmp_path)
    server.stop()
    assert _postgres_of(short_tmp_path)
    other.communicate("")
    assert _postgres_of(short_tmp_path) == []
