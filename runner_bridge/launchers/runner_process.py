"""A runner process: started from an argument list, in a session of its own, its output in a file; or found again.

On Linux a reaper is started, which starts the runner and ends as it did (processes.reaper): its pid is the
runner's pid here, and everything that descends from it is the runner's. Elsewhere the runner is started itself.
Nothing of a runner is a pipe of ours, so nothing that it leaves behind can block us, and it lives on when this
process ends. Its exit is read without reaping it: until `release` its pid, its process group and its session
remain its own and can be signalled without hitting another process.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner_bridge.errors import LaunchError
from runner_bridge.processes import process_identity
from runner_bridge.processes.members import MARKER, find_leader
from runner_bridge.processes.process_table import ProcessTable
from runner_bridge.processes.spawn import spawn
from store.executions.state_machine import ProcessIdentity
from store.records import record

SHELL_SIGNAL_BASE = 128
"""A shell reports a command that was killed by signal n as exit code 128 + n."""

OUTPUT_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
"""O_APPEND, so that the file can be cut while the runner writes to it."""


@record
class ProcessExit:
    """How a process ended; code and signal are None when that is not known, because it was not our child.

    `reason` is what is known all the same, as a sentence without its full stop.
    """

    code: int | None = None
    signal: str | None = None
    reason: str | None = None

    @property
    def is_unseen(self) -> bool:
        return self.code is None and self.signal is None

    def describe(self) -> str:
        if self.signal is not None:
            return f"was killed by {self.signal}"
        if self.code is None:
            return "ended unseen"
        if self.code > SHELL_SIGNAL_BASE:
            return f"ended with exit code {self.code} ({signal_name(self.code - SHELL_SIGNAL_BASE)})"
        return f"ended with exit code {self.code}"


@record
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
        """Waits until the runner itself has ended; what it started may live on."""
        await process_identity.wait_ended([self.pid])
        return _read_exit(self.pid)

    @property
    def identity(self) -> ProcessIdentity:
        """What is recorded of it."""
        return ProcessIdentity(self.pid, self.started)

    def release(self) -> None:
        """Reaps an ended runner, which frees its pid."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)


async def start(
    arguments: Sequence[str],
    *,
    execution_id: str,
    environment: Mapping[str, str],
    working_directory: Path | None,
    output: Path,
    ends_with_us: bool = False,
) -> RunnerProcess:
    """Starts a runner; raises LaunchError with the reason."""
    marked = {**environment, MARKER: execution_id}
    try:
        descriptor = os.open(output, OUTPUT_FLAGS, 0o640)
        try:
            pid = await spawn(
                list(arguments), marked, working_directory, descriptor, ends_with_us=ends_with_us
            )
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise LaunchError(_explain(error, arguments[0], working_directory)) from error
    started = process_identity.start_time(pid)
    if started is None:
        raise LaunchError(f"The runner {arguments[0]} ended while it was started")
    return RunnerProcess(execution_id, pid, started)


def find(table: ProcessTable, execution_id: str, recorded: ProcessIdentity | None) -> RunnerProcess | None:
    """The execution's runner if it still lives; `recorded` None when its process was never recorded.

    A process that merely has the recorded pid is another one.
    """
    if recorded is None:
        pid = find_leader(table, execution_id)
        started = None if pid is None else process_identity.start_time(pid)
    else:
        pid, started = recorded.pid, recorded.started
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
