"""A runner process: started from an argument list, in a session of its own, output to a file; or found again.

On Linux a reaper is started, which starts the runner and ends as it did (launchers.reaper): its pid is the
runner's pid here, and everything that descends from it is the runner's. Elsewhere the runner is started itself.
Nothing of a runner is ever a pipe of ours, so nothing it leaves behind can hold us up, and it lives on when
this process ends. Its exit is read without reaping it: until `release` its pid, its process group and its
session stay its own and can be signalled without hitting a stranger.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner_bridge.errors import LaunchError
from runner_bridge.launchers import process_identity
from runner_bridge.launchers.reaper import KILL_WAIT_S
from runner_bridge.launchers.spawn import is_reaper, spawn

DISMISS_S = 1.0
"""How long a reaper may take to end that has been told to leave what nobody can end."""

LAST_WAIT_S = 10.0
"""How long it may take when nothing of its runner lives any more: a moment, on a machine that is not busy."""

SHELL_SIGNAL_BASE = 128
"""A shell reports a command killed by signal n as exit code 128 + n."""

OUTPUT_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
"""Appending, so that the file can be cut while the runner writes to it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProcessExit:
    """How a process ended; both None when it was not our child and nobody knows."""

    code: int | None = None
    signal: str | None = None

    def describe(self) -> str:
        if self.signal is not None:
            return f"was killed by {self.signal}"
        if self.code is None:
            return "ended unseen"
        if self.code > SHELL_SIGNAL_BASE:
            return f"ended with exit code {self.code} ({signal_name(self.code - SHELL_SIGNAL_BASE)})"
        return f"ended with exit code {self.code}"


@dataclass(frozen=True, slots=True)
class RunnerProcess:
    """A runner that lives, or whose end has been seen while its pid is still held."""

    execution_id: str
    pid: int
    started: float

    @property
    def age_s(self) -> float:
        """Seconds since its start."""
        return process_identity.age_s(self.started)

    async def wait(self) -> ProcessExit:
        """Waits for the runner itself to end, whatever it leaves behind."""
        await process_identity.wait_ended([self.pid])
        return _read_exit(self.pid)

    async def end(self, grace_s: float) -> list[int]:
        """Ends the runner and all its descendants; see `end_members`."""
        return await end_members(self.execution_id, self.pid, self.started, grace_s)

    def release(self) -> None:
        """Lets go of an ended runner's pid."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)


async def start(
    arguments: Sequence[str],
    *,
    execution_id: str,
    environment: Mapping[str, str],
    working_directory: Path | None,
    output: Path,
) -> RunnerProcess:
    """Starts a runner; raises LaunchError with the reason in words."""
    marked = {**environment, process_identity.MARKER: execution_id}
    try:
        descriptor = os.open(output, OUTPUT_FLAGS, 0o640)
        try:
            pid = await spawn(list(arguments), marked, working_directory, descriptor)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise LaunchError(_explain(error, arguments[0], working_directory)) from error
    started = process_identity.start_time(pid)
    if started is None:
        raise LaunchError(f"The runner {arguments[0]} vanished while it was started")
    return RunnerProcess(execution_id, pid, started)


async def end_members(
    execution_id: str, leader: int | None, started: float | None, grace_s: float
) -> list[int]:
    """Ends every process of an execution: SIGTERM, up to `grace_s`, SIGKILL.

    Returns when none of them lives any more, or with the pids that outlived SIGKILL for too long. `leader` is
    the runner as recorded, alive or not; it is never signalled when it has another start time.
    """
    left: list[int] = []
    members = _Members(execution_id, leader, started)
    if members.reaper is not None:
        _send([members.reaper], signal.SIGUSR1, group=None)
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, KILL_WAIT_S)):
        left = await _signal_until_gone(members, number, patience_s)
        if not left:
            break
    if members.reaper is not None and not await _dismiss(members.reaper, is_last=not left):
        # It cannot end before the runner does: nobody knows yet how that will be.
        left.append(members.reaper)
    if left:
        log.error("processes %s of execution %s do not die", left, execution_id)
    return left


async def _dismiss(reaper: int, *, is_last: bool) -> bool:
    """Whether the reaper has ended, which has nobody left, or only what nobody can end."""
    _send([reaper], signal.SIGTERM, group=None)
    if await process_identity.wait_ended([reaper], LAST_WAIT_S if is_last else DISMISS_S):
        return True
    if is_last:
        _send([reaper], signal.SIGKILL, group=None)
        return await process_identity.wait_ended([reaper], KILL_WAIT_S)
    return False


@dataclass(slots=True)
class _Members:
    """The processes of an execution; who was seen once stays known, though whoever led to it is gone."""

    execution_id: str
    leader: int | None
    started: float | None
    known: dict[int, float | None] = field(default_factory=dict)
    reaper: int | None = field(init=False)
    """The leader when it is a reaper: it is no process of the execution, and has to outlive them all."""

    def __post_init__(self) -> None:
        pid = self.certain_leader
        self.reaper = pid if pid is not None and is_reaper(pid) else None

    @property
    def certain_leader(self) -> int | None:
        """The leader, while its pid is certainly its own."""
        is_held = self.leader is not None and process_identity.start_time(self.leader) == self.started
        return self.leader if is_held else None

    def living(self) -> list[int]:
        found = process_identity.find_members(self.leader, self.started, self.execution_id)
        found = [pid for pid in found if pid != self.reaper]
        found += [
            pid
            for pid, started in self.known.items()
            if pid not in found
            and process_identity.start_time(pid) == started
            and process_identity.is_living(pid)
        ]
        self.known |= {pid: process_identity.start_time(pid) for pid in found if pid not in self.known}
        return found

    @property
    def group(self) -> int | None:
        """The process group that a runner without a reaper leads."""
        return self.certain_leader if self.reaper is None else None


async def _signal_until_gone(members: _Members, number: signal.Signals, patience_s: float) -> list[int]:
    """Signals every member once, those that appear meanwhile too; returns who is left when time is up."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    signalled: set[int] = set()
    while True:
        living = await asyncio.to_thread(members.living)
        if not living or (signalled and loop.time() >= deadline):
            return living
        fresh = [pid for pid in living if pid not in signalled]
        _send(fresh, number, group=None if signalled else members.group)
        signalled.update(fresh)
        await process_identity.wait_ended(living, deadline - loop.time())


def find(execution_id: str, pid: int | None, started: float | None) -> RunnerProcess | None:
    """The execution's runner if it still lives; a process that merely has its pid is somebody else's."""
    if pid is None:
        pid = process_identity.find_leader(execution_id)
        started = None if pid is None else process_identity.start_time(pid)
    if pid is None or started is None or process_identity.start_time(pid) != started:
        return None
    return RunnerProcess(execution_id, pid, started) if process_identity.is_living(pid) else None


def _read_exit(pid: int) -> ProcessExit:
    """The exit of an ended child, which stays unreaped."""
    try:
        seen = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return ProcessExit()
    if seen is None:
        return ProcessExit()
    if seen.si_code == os.CLD_EXITED:
        return ProcessExit(code=seen.si_status)
    return ProcessExit(signal=signal_name(seen.si_status))


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _send(pids: Sequence[int], number: signal.Signals, *, group: int | None) -> None:
    """Signals a group in one go, the others among `pids` one by one, and wakes stopped ones to hear it."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            in_group = group is not None and os.getpgid(pid) == group
            if not in_group:
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)
    if group is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            os.killpg(group, signal.SIGCONT)


def _explain(error: OSError | ValueError, program: str, working_directory: Path | None) -> str:
    if isinstance(error, ValueError):
        return f"The runner {program} cannot be started: {error}"
    if working_directory is not None and str(error.filename) == str(working_directory):
        return f"The runner's working directory {working_directory} cannot be used: {error.strerror}"
    match error:
        case FileNotFoundError() if error.filename == program:
            return f"The runner {program} does not exist, or the interpreter its first line names does not"
        case PermissionError() if error.filename == program:
            return f"The runner {program} is not executable"
        case OSError(errno=errno.ENOEXEC):
            return f"The runner {program} is not a program that this machine can execute"
        case _:
            return f"The runner {program} cannot be started: {error.strerror}: {error.filename}"
