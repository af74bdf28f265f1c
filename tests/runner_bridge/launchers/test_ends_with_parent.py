"""A runner that ends with its parent: nothing of it outlives an engine's worker that was killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from pathlib import Path

import psutil
import pytest

from runner_bridge.launchers import runner_process
from runner_bridge.launchers.end_runner import end_runner
from runner_bridge.launchers.runner_process import RunnerProcess
from runner_bridge.processes import members, own_python
from runner_bridge.processes.process_table import ProcessTable
from tests.helpers.bridge import FAKE_RUNNER
from tests.helpers.patience import until

TABLE = ProcessTable()

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the reaper")

PARENT = """
import asyncio, sys
from pathlib import Path
from runner_bridge.launchers import runner_process

async def main(execution_id, directory, *command):
    await runner_process.start(
        command, execution_id=execution_id, environment={"REEV_SESSION_LOG_PATH": directory},
        working_directory=None, output=Path(directory) / "output", ends_with_us=True,
    )
    await asyncio.sleep(3600)

asyncio.run(main(*sys.argv[1:]))
"""


def command(execution_id: str, mode: str) -> list[str]:
    return [
        *(sys.executable, "-S", "-E", str(FAKE_RUNNER), "001.yml"),
        *("--execution-id", execution_id, f"--mode={mode}"),
    ]


def living(execution_id: str) -> list[int]:
    return members.find_members(TABLE, None, None, execution_id)


@linux
@pytest.mark.parametrize("killed", ["parent", "parent and its children"])
async def test_whoever_is_killed_nothing_of_the_runner_is_left(tmp_path: Path, killed: str) -> None:
    """The second as Ray does it: a worker that ends kills the children that it knows."""
    execution_id = str(uuid.uuid4())
    parent = psutil.Popen(
        [sys.executable, "-c", PARENT, execution_id, str(tmp_path), *command(execution_id, "family")],
        env={**os.environ, **own_python.ENVIRONMENT},
    )
    output = tmp_path / "output"
    await until(lambda: output.exists() and b"ready" in output.read_bytes())
    children = parent.children() if killed != "parent" else []
    assert len(living(execution_id)) > 3
    for process in (*children, parent):
        process.kill()
    parent.wait()
    await until(lambda: living(execution_id) == [])


@linux
async def test_it_is_ended_and_its_exit_is_seen_like_that_of_any_other(tmp_path: Path) -> None:
    async def started(mode: str) -> RunnerProcess:
        execution_id = str(uuid.uuid4())
        return await runner_process.start(
            command(execution_id, mode),
            execution_id=execution_id,
            environment={"REEV_SESSION_LOG_PATH": str(tmp_path)},
            working_directory=None,
            output=tmp_path / mode,
            ends_with_us=True,
        )

    stubborn = await started("family")
    await until(lambda: b"ready" in (tmp_path / "family").read_bytes())
    assert await end_runner(TABLE, stubborn.execution_id, stubborn.identity, 0.2) == ()
    assert (await stubborn.wait()).signal == signal.SIGKILL.name
    failing = await started("exit4")
    async with asyncio.timeout(60):
        assert (await failing.wait()).code == 4
    for runner in (stubborn, failing):
        assert living(runner.execution_id) == []
        runner.release()
