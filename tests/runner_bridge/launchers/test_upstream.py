"""Two versions of upstream's runner, called as docs/executions.md says: each execution gets its result."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gql_server.doctor import machine
from gql_server.doctor.findings import Level
from gql_server.settings.settings import Settings
from runner_bridge.launchers.command_help import RunnerCommand
from runner_bridge.processes import process_identity
from runner_bridge.worker.retention import remove_files
from runner_bridge.worker.worker import Worker
from store.executions import results, state_machine
from store.model import Execution, ExecutionId, ExecutionStatus, FailureKind, JsonValue
from tests.helpers.bridge import Bridge
from tests.helpers.fake_runner import FOREIGN_ID
from tests.helpers.patience import DEADLINE_S, until
from tests.helpers.places import REPOSITORY
from tests.runner_bridge.worker.test_worker import at_work, until_recorded
from tests.store.executions.test_retention import age as make_old
from tests.store.executions.test_retention import prune_all

UPSTREAM = REPOSITORY / "tests" / "helpers" / "upstream_runner.py"
SUCCEEDED, FAILED = ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED
AGES = ("release", "default-branch")

CARGO = """\
#!/bin/sh
[ "$1 $2 $3 $4" = "run -p reev-runner --" ] || exit 101
shift 4
echo "   Compiling reev-runner v0.1.0" >&2
{more}
echo "     Running \\`target/debug/reev-runner $*\\`" >&2
exec {runner} "$@"
"""


def documented_command() -> str:
    found = re.search(
        r"`(cargo run -p reev-runner -- .*)`", (REPOSITORY / "docs" / "executions.md").read_text("utf-8")
    )
    assert found is not None
    return found[1]


Checkout = Callable[..., Path]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Makes a checkout of a version of upstream's runner, which the `cargo` on the PATH builds and runs."""

    def make(age: str, mode: str = "ok", more: str = "") -> Path:
        directory, programs = tmp_path / "reev", tmp_path / "programs"
        (directory / "benchmarks").mkdir(parents=True, exist_ok=True)
        (directory / "benchmarks" / "001-sol-transfer.yml").write_text("id: 001-sol-transfer\n")
        programs.mkdir(exist_ok=True)
        runner = shlex.join([sys.executable, "-S", "-E", str(UPSTREAM), age, mode])
        (programs / "cargo").write_text(CARGO.format(runner=runner, more=more))
        (programs / "cargo").chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        return directory

    return make


def upstream(bridge: Bridge, directory: Path, command: str | None = None) -> Bridge:
    """The bridge with upstream's runner."""
    command = command or documented_command()
    config = replace(bridge.config, command=command, working_directory=directory, observe=True)
    return replace(bridge, config=config)


async def ended(bridge: Bridge, count: int = 1) -> list[Execution]:
    """That many executions, requested together and executed by one worker."""
    async with at_work(worker(bridge)):
        wanted = [await bridge.request() for _ in range(count)]
        return [await over(bridge, execution_id) for execution_id in wanted]


def worker(bridge: Bridge) -> Worker:
    return Worker(bridge.db, bridge.config)


async def over(bridge: Bridge, execution_id: ExecutionId) -> Execution:
    """The execution as it ended."""
    ends = {status for status in ExecutionStatus if status.is_terminal}
    async with asyncio.timeout(DEADLINE_S):
        assert await bridge.hub.wait_for_status(execution_id, ends) is not None
    return await bridge.get(execution_id)


async def session_id(bridge: Bridge, execution_id: ExecutionId) -> JsonValue:
    return await bridge.db.fetchval(
        "SELECT session->>'session_id' FROM execution_results WHERE execution_id = $1", execution_id
    )


@pytest.mark.parametrize("age", AGES)
async def test_the_readmes_command_works_and_each_execution_gets_its_own_result(
    bridge: Bridge, checkout: Checkout, age: str
) -> None:
    bridge = upstream(bridge, checkout(age))
    found = await ended(bridge, 3)
    assert [(one.status, one.score) for one in found] == [(SUCCEEDED, 1.0)] * 3
    calls = await results.tool_calls_of(bridge.db, [one.id for one in found])
    assert [[call.name for call in calls[one.id]] for one in found] == [["sol_transfer"]] * 3
    ids = {await session_id(bridge, one.id) for one in found}
    assert len(ids) == 3 and (ids == {str(one.id) for one in found}) == (age == "release")
    assert await bridge.db.fetchval("SELECT count(*) FROM executions") == 3, (
        "none was taken for somebody else's"
    )


async def test_a_runner_without_the_id_is_found_again_by_the_next_worker(
    bridge: Bridge, checkout: Checkout
) -> None:
    bridge = upstream(bridge, checkout("default-branch", "file-on-term"))
    async with at_work(worker(bridge)):
        execution_id = await bridge.request()
        await bridge.ready(execution_id)
        await until_recorded(bridge, execution_id)
    identity = await state_machine.process_of(bridge.db, execution_id)
    assert identity is not None and process_identity.is_living(identity.pid)
    async with at_work(worker(bridge)):
        os.kill(identity.pid, signal.SIGTERM)
        assert (await over(bridge, execution_id)).status is SUCCEEDED


@pytest.mark.parametrize(
    ("mode", "kind", "words"),
    [
        ("two-files", FailureKind.RESULT_MISMATCH, f"session_{FOREIGN_ID}.json"),
        ("foreign-id", FailureKind.RESULT_MISMATCH, FOREIGN_ID),
        ("foreign-benchmark", FailureKind.RESULT_MISMATCH, "999-something-else"),
        ("exit0-no-file", FailureKind.RESULT_MISSING, ""),
        ("truncated-file", FailureKind.RESULT_UNREADABLE, ""),
    ],
)
async def test_what_is_not_surely_the_executions_result_is_none(
    bridge: Bridge, checkout: Checkout, mode: str, kind: FailureKind, words: str
) -> None:
    [found] = await ended(upstream(bridge, checkout("default-branch", mode)))
    assert found.failure is not None
    assert (found.status, found.failure.kind) == (FAILED, kind)
    assert words in found.failure.message


async def test_files_of_its_own_directory_are_pruned_with_their_execution(
    bridge: Bridge, checkout: Checkout
) -> None:
    bridge = upstream(bridge, checkout("default-branch"))
    old, young = await ended(bridge, 2)
    sessions = bridge.config.sessions_dir
    for path in sessions.rglob("*"):
        os.utime(path, (0, 0))
    await make_old(bridge.db, old.id)
    await prune_all(bridge.db)
    cutoff = await bridge.db.fetchval("SELECT now()")
    await remove_files(bridge.db, bridge.config, cutoff)
    left = {path.name for path in sessions.iterdir()}
    assert {str(young.id), f"enhanced_otel_{young.id}.jsonl"} <= left
    assert not [name for name in left if str(old.id) in name]


async def test_a_flag_that_is_always_passed_and_not_known_is_named_where_it_fails(
    bridge: Bridge, checkout: Checkout, caplog: pytest.LogCaptureFixture
) -> None:
    command = documented_command().replace("[--no-db]", "--no-db")
    [found] = await ended(upstream(bridge, checkout("release"), command))
    assert found.failure is not None and found.failure.kind is FailureKind.RUNNER_EXIT
    assert "unrecognized arguments: --no-db" in found.failure.message
    assert "cargo does not know --no-db" in caplog.text and "brackets" in caplog.text


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("is_bracketed", [True, False])
def test_doctor_names_every_flag_that_the_runner_does_not_know(
    checkout: Checkout, tmp_path: Path, age: str, is_bracketed: bool
) -> None:
    command = documented_command()
    if not is_bracketed:
        command = command.replace("[", "").replace("]", "")
    settings = Settings.model_validate({"runner_command": command, "runner_dir": checkout(age)})
    first, *others = machine.runner(settings)
    assert first.level is Level.OK
    unknown = ["--no-db"] if age == "release" else ["--no-db", "--execution-id"]
    assert [finding.message.split()[4].rstrip(",") for finding in others] == unknown
    assert {finding.level for finding in others} == {Level.OK if is_bracketed else Level.PROBLEM}
    assert all((finding.advice is None) == is_bracketed for finding in others)


def test_doctor_says_that_a_program_does_not_answer(checkout: Checkout) -> None:
    directory = checkout("release", more="echo 'error: could not compile' >&2; exit 101")
    _, told = machine.runner(
        Settings.model_validate({"runner_command": documented_command(), "runner_dir": directory})
    )
    assert told.level is Level.WARNING
    assert "cargo run -p reev-runner -- --help" in told.message
    assert "exit code 101: error: could not compile" in told.message


async def test_a_program_that_could_not_tell_is_asked_again_after_it_was_used(
    bridge: Bridge, checkout: Checkout
) -> None:
    config = upstream(bridge, checkout("release", more="exit 101")).config
    command = RunnerCommand(config)
    await command.learn()
    checkout("release")
    await command.learn()
    assert "--execution-id={id}" not in command.arguments
    await command.learn()
    assert "--execution-id={id}" in command.arguments and "--no-db" not in command.arguments


async def test_a_worker_that_ends_does_not_wait_for_a_compiler_and_leaves_none(
    bridge: Bridge, checkout: Checkout, tmp_path: Path
) -> None:
    bridge = upstream(bridge, checkout("release", more=f"echo $$ > {tmp_path}/pid; sleep 600 & wait"))
    async with at_work(worker(bridge)):
        execution_id = await bridge.request()
        await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
        assert (await bridge.get(execution_id)).status is ExecutionStatus.QUEUED
    await until(lambda: not _lives_in(int((tmp_path / "pid").read_text())))


def _lives_in(group: int) -> bool:
    return any(
        process.status() != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == group
        for process in psutil.process_iter()
        if process.is_running()
    )
