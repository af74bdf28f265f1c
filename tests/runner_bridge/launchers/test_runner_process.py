"""Real runner processes: started without pipes, ended with everything they started, and found again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from runner_bridge.errors import LaunchError
from runner_bridge.launchers import end_runner as end_runner_module
from runner_bridge.launchers import runner_process
from runner_bridge.launchers.end_runner import end_runner
from runner_bridge.launchers.runner_process import ProcessExit, RunnerProcess
from runner_bridge.processes import members, process_identity
from runner_bridge.processes.process_table import ProcessTable
from store.executions.state_machine import ProcessIdentity
from store.model import LeakedProcess
from tests.helpers.bridge import FAKE_RUNNER, read_if_there
from tests.helpers.patience import DEADLINE_S, until

GRACE_S = 0.3

TABLE = ProcessTable()

Start = Callable[[str], Awaitable[RunnerProcess]]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


@pytest.fixture
def start(tmp_path: Path, output: Path) -> Iterator[Start]:
    """Starts the fake runner in a mode; whatever a failed test leaves behind is killed."""
    execution_id = str(uuid.uuid4())

    async def run(mode: str) -> RunnerProcess:
        arguments = [sys.executable, "-S", "-E", str(FAKE_RUNNER), "001-sol-transfer.yml"]
        return await runner_process.start(
            [*arguments, f"--execution-id={execution_id}", f"--mode={mode}"],
            execution_id=execution_id,
            environment={"REEV_SESSION_LOG_PATH": str(tmp_path), "GIVEN": "yes"},
            working_directory=tmp_path,
            output=output,
        )

    yield run
    for pid in members.find_members(TABLE, None, None, execution_id):
        os.kill(pid, signal.SIGKILL)


async def until_ready(output: Path) -> None:
    await until(lambda: b"ready" in read_if_there(output))


async def end(runner: RunnerProcess, grace_s: float = GRACE_S) -> tuple[LeakedProcess, ...]:
    return await end_runner(TABLE, runner.execution_id, runner.identity, grace_s)


def survivors(runner: RunnerProcess) -> list[int]:
    return members.find_members(TABLE, runner.pid, runner.started, runner.execution_id)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("ok", ProcessExit(code=0)),
        ("exit1-no-file", ProcessExit(code=1)),
        ("exit137", ProcessExit(code=137)),
        ("killed-by-signal", ProcessExit(signal="SIGKILL")),
        ("segfault", ProcessExit(signal="SIGSEGV")),
    ],
)
async def test_exit_is_told_by_code_or_by_the_name_of_the_signal(
    start: Start, mode: str, expected: ProcessExit
) -> None:
    runner = await start(mode)
    assert await runner.wait() == expected
    assert await runner.wait() == expected, "asking again gives the same answer"
    runner.release()
    assert not psutil.pid_exists(runner.pid), "a zombie stayed behind"


@pytest.mark.parametrize("mode", ["hang", "stopped", "ignore-term", "family"])
async def test_nothing_of_the_group_lives_after_the_end(start: Start, output: Path, mode: str) -> None:
    runner = await start(mode)
    await until_ready(output)
    assert await end(runner) == ()
    assert survivors(runner) == []
    runner.release()
    assert not psutil.pid_exists(runner.pid)


async def test_an_obedient_runner_ends_by_sigterm_without_waiting_for_the_grace(
    start: Start, output: Path
) -> None:
    runner = await start("hang")
    await until_ready(output)
    async with asyncio.timeout(DEADLINE_S):
        assert await end(runner, grace_s=3600.0) == ()
    assert await runner.wait() == ProcessExit(signal="SIGTERM")
    runner.release()


async def test_a_daemon_that_left_the_session_is_found_by_its_marker_and_ended(
    start: Start, output: Path
) -> None:
    runner = await start("setsid-escape")
    await until_ready(output)
    before = survivors(runner)
    sessions = {os.getsid(pid) for pid in before}
    assert len(sessions) == 3, "the daemon did not escape, so this test proves nothing"
    assert await end(runner) == ()
    assert not any(process_identity.is_living(pid) for pid in before)
    runner.release()


@pytest.mark.parametrize("mode", ["grandchild-holds-stdout", "stubborn-grandchild", "escaped-at-the-end"])
async def test_what_a_runner_leaves_at_its_own_end_is_ended_though_no_worker_is_there(
    start: Start, output: Path, mode: str
) -> None:
    """Also when a process holds the output open, ignores SIGTERM, or hides: the exit is that of the runner."""
    runner = await start(mode)
    async with asyncio.timeout(DEADLINE_S):
        assert await runner.wait() == ProcessExit(code=0)
    lines = (await asyncio.to_thread(output.read_text)).splitlines()
    left = [int(line.split()[1]) for line in lines if line.startswith("left ")]
    assert left and not any(process_identity.is_living(pid) for pid in left)
    assert survivors(runner) == []
    runner.release()


async def test_a_process_that_hides_descends_from_its_reaper_whoever_looks(
    start: Start, output: Path, tmp_path: Path
) -> None:
    """Two forks, its own session, no environment: only its parent shows whose it is."""
    runner = await start("escape")
    await until_ready(output)
    hidden = int(await asyncio.to_thread((tmp_path / f"hidden_{runner.execution_id}").read_text))
    assert psutil.Process(hidden).ppid() == runner.pid, "it is not the reaper's, so this test proves nothing"
    assert os.getsid(hidden) == hidden and not members.carries_marker(hidden, runner.execution_id)
    assert hidden in survivors(runner)
    assert await end(runner) == ()
    assert not process_identity.is_living(hidden)
    assert await runner.wait() == ProcessExit(signal="SIGTERM"), "the exit is the runner's own"
    runner.release()


async def test_signals_to_the_recorded_pid_reach_the_runner(start: Start, output: Path) -> None:
    """An operator knows no other."""
    runner = await start("ignore-term")
    await until_ready(output)
    os.kill(runner.pid, signal.SIGTERM)
    await until(lambda: b"told to end" in read_if_there(output))
    assert process_identity.is_living(runner.pid)
    await end(runner, grace_s=0.0)
    runner.release()


async def test_a_reaper_that_left_nothing_alive_says_so_and_no_other_is_believed(
    start: Start, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nobody looks at every process of the machine, which takes longer than all else at an end."""
    looks: list[str] = []

    def counted(table: ProcessTable, leader: int | None, started: float | None, name: str) -> list[int]:
        looks.append(name)
        return members.find_members(table, leader, started, name)

    monkeypatch.setattr(end_runner_module, "find_members", counted)
    runner = await start("escaped-at-the-end")
    assert await end(runner) == () and looks, "it lives, or has not been waited for"
    looks.clear()
    assert (await end(runner), looks) == ((), [])
    runner.release()
    assert await end(runner) == () and looks, "nobody holds its pid any more"
    killed = await start("ok")
    os.kill(killed.pid, signal.SIGKILL)
    await process_identity.wait_ended([killed.pid])
    looks.clear()
    assert await end(killed) == () and looks, "it was killed before it could say anything"
    killed.release()


async def test_without_its_reaper_a_runner_is_still_found_and_ended(start: Start, output: Path) -> None:
    runner = await start("hang")
    await until_ready(output)
    os.kill(runner.pid, signal.SIGKILL)
    await process_identity.wait_ended([runner.pid])
    assert len(survivors(runner)) == 1
    assert await end(runner) == () and survivors(runner) == []
    runner.release()


async def test_the_runner_sees_the_given_environment_and_nothing_else(
    start: Start, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/db")
    runner = await start("environment")
    await runner.wait()
    runner.release()
    seen = json.loads(await asyncio.to_thread(output.read_text))
    given = {
        "REEV_SESSION_LOG_PATH": str(tmp_path),
        "GIVEN": "yes",
        members.MARKER: runner.execution_id,
    }
    assert {name: value for name, value in seen["env"].items() if name != "LC_CTYPE"} == given
    assert seen["cwd"] == str(tmp_path)


async def test_a_living_runner_is_found_again_by_pid_and_start_time_or_by_its_marker(
    start: Start, output: Path
) -> None:
    runner = await start("hang")
    await until_ready(output)
    assert runner_process.find(TABLE, runner.execution_id, runner.identity) == runner
    assert runner_process.find(TABLE, runner.execution_id, None) == runner, "the pid was never written down"
    reused = ProcessIdentity(runner.pid, runner.started - 100)
    assert runner_process.find(TABLE, runner.execution_id, reused) is None, "a reused pid"
    await end(runner)
    assert runner_process.find(TABLE, runner.execution_id, runner.identity) is None, "a zombie does not live"
    runner.release()


async def test_a_process_that_only_has_the_runners_pid_is_never_signalled(start: Start, output: Path) -> None:
    stranger = await start("hang")
    await until_ready(output)
    remembered = RunnerProcess(str(uuid.uuid4()), stranger.pid, stranger.started - 100)
    assert await end(remembered) == ()
    assert process_identity.is_living(stranger.pid)
    await end(stranger)
    stranger.release()


async def test_somebody_elses_process_is_waited_for_but_its_exit_code_is_unknown() -> None:
    code = "import subprocess as s; print(s.Popen(['sleep', '600'], stdout=-3).pid, flush=True); input()"
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    started = process_identity.start_time(pid)
    assert started is not None
    waiting = asyncio.create_task(RunnerProcess("x", pid, started).wait())
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(DEADLINE_S):
        assert await waiting == ProcessExit()
    await parent.communicate(b"\n")


def program(path: Path, text: str, mode: int) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


async def test_a_runner_that_cannot_be_started_is_a_typed_error_that_says_why(tmp_path: Path) -> None:
    plain = program(tmp_path / "plain", "text", 0o644)
    garbage = program(tmp_path / "garbage", "text", 0o755)
    orphaned = program(tmp_path / "orphaned", "#!/no/such/interpreter\n", 0o755)
    cases = [
        (str(tmp_path / "missing"), tmp_path, "does not exist"),
        ("no-such-program-anywhere", tmp_path, "does not exist"),
        (str(plain), tmp_path, "is not executable"),
        (str(garbage), tmp_path, "this machine can execute"),
        (str(orphaned), tmp_path, "interpreter"),
        (sys.executable, tmp_path / "nowhere", "working directory"),
        ("a\0b", tmp_path, "null byte"),
    ]
    for name, directory, reason in cases:
        with pytest.raises(LaunchError, match=reason):
            await runner_process.start(
                [name],
                execution_id="x",
                environment={"PATH": "/usr/bin"},
                working_directory=directory,
                output=tmp_path / "out",
            )


async def test_an_output_path_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (tmp_path / "out").symlink_to(precious)
    with pytest.raises(LaunchError):
        await runner_process.start(
            [sys.executable],
            execution_id="x",
            environment={},
            working_directory=None,
            output=tmp_path / "out",
        )
    assert precious.read_text() == "keep me"
