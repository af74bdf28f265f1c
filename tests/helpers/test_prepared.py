"""A prepared `reev-gql` is to a test what one started anew is."""

from __future__ import annotations

import os
import signal
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path

import psutil
import pytest

from tests.helpers.command_line import api_line, cli, environment, start_cli
from tests.helpers.places import REPOSITORY
from tests.helpers.prepared import start_reev_gql


async def test_what_a_machine_sets_for_every_python_does_not_start_each_anew(tmp_path: Path) -> None:
    """Without that nothing fails: it only takes minutes longer."""
    code = "from tests import conftest; from tests.helpers import command_line as c, prepared as p; "
    code += "p.can_fork = True; assert p.can_be_prepared(('serve',), c.environment(DATABASE_URL=''))"
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    python = await create_subprocess_exec(sys.executable, "-c", code, env=environment, cwd=REPOSITORY)
    assert await python.wait() == 0


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--no-such-option",), ("list", "--url", "http://127.0.0.1:1")]
)
async def test_commands_print_and_exit_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    prepared = await cli(*arguments, cwd=tmp_path)
    monkeypatch.setattr("tests.helpers.prepared.can_fork", False)
    assert prepared == await cli(*arguments, cwd=tmp_path)


async def test_it_has_its_own_directory_environment_and_streams(tmp_path: Path) -> None:
    env = environment(REEV_GQL_BENCHMARKS_DIR="none here", REEV_GQL_PORT="no number")
    joined = await start_reev_gql("serve", cwd=tmp_path, env=env, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    out, _ = await joined.communicate()
    assert joined.returncode == 2 and b"REEV_GQL_PORT" in out
    assert "REEV_GQL_PORT" not in os.environ
    done = await cli("init", cwd=tmp_path, REEV_GQL_BENCHMARKS_DIR="here")
    assert done.code == 0 and os.listdir(tmp_path / "here") != []


async def test_signals_reach_it_and_its_death_is_told(tmp_path: Path, database_url: str) -> None:
    for number, code in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)):
        with (tmp_path / "log").open("wb") as log:
            server = await start_cli(
                "serve", "--port", "0", cwd=tmp_path, stderr=log.fileno(), DATABASE_URL=database_url
            )
        assert await api_line(server) is not None
        process = psutil.Process(server.pid)
        assert process.cwd() == str(tmp_path)
        assert process.ppid() != os.getpid(), "it was started anew"
        server.send_signal(number)
        assert await server.wait() == server.returncode == code
        assert not process.is_running()
        with pytest.raises(ProcessLookupError):
            server.kill()
