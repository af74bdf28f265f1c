"""`reev-gql` as processes, hundreds of them, without waiting for their imports each time.

A process that has imported all that servers and commands import forks them: tests/helpers/prepared_process.py.
A test gets an ordinary process, with a pid, streams, directory, environment, signals and exit code of its own.
Python is started anew where that cannot be, where the interpreter itself is told something, and in tests of start
and secrets, by the fixture `started_anew`.
"""

from __future__ import annotations

import asyncio
import asyncio.base_subprocess
import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import Process, SubprocessStreamProtocol
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

from tests.helpers.places import REPOSITORY

OURS = ("REEV_GQL_", "DATABASE_URL", "LLM_", "PYTEST_")
"""What may differ from the environment of the process that forks: nothing reads it at its import."""

can_fork = False
"""Pytest switches it on (tests/conftest.py): `make perf` measures servers that are started as users start them."""

# Hundreds of servers are started: where nothing may be kept, each would compile all modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

ENVIRONMENT = dict(os.environ)
"""Before any test has changed it; what differs from it in another way than OURS is started anew."""

LIMIT = 2**16
"""Bytes of a line, as `create_subprocess_exec` has it."""


async def start_reev_gql(
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> Process:
    """Like `create_subprocess_exec`, for `python -m gql_server`."""
    streams: dict[str, Any] = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    if not (can_fork and can_be_prepared(arguments, env)):
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gql_server", *arguments), cwd=cwd, env=dict(env), **streams
        )
    loop = asyncio.get_running_loop()
    protocol = SubprocessStreamProtocol(LIMIT, loop)
    began = loop.create_future()
    request = _Request(arguments, cwd, env)
    transport = _Transport(
        loop, protocol, arguments, False, bufsize=0, waiter=began, request=request, **streams
    )
    await began
    return Process(transport, protocol, loop)


def can_be_prepared(arguments: Sequence[str], env: Mapping[str, str]) -> bool:
    """Whether a fork is the same as a Python that is started anew."""
    if _reads_port(arguments, env):
        return False
    names = {name for name in env.keys() | ENVIRONMENT.keys() if env.get(name) != ENVIRONMENT.get(name)}
    return all(name.startswith(OURS) for name in names)


def _reads_port(arguments: Sequence[str], env: Mapping[str, str]) -> bool:
    """Whether REEV_GQL_PORT is read at the import: by client commands that are given no address."""
    return "REEV_GQL_PORT" in env and "REEV_GQL_URL" not in env and arguments[0] not in ("serve", "worker")


@functools.cache
def _preparing(environment: frozenset[tuple[str, str]]) -> socket.socket:
    """The control socket of a process with this environment, started when it is first needed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.prepared_process", str(theirs.fileno())],
            cwd=REPOSITORY,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    atexit.register(_end, ours, process)
    return ours


def _end(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    control.close()
    process.wait()


@dataclass(frozen=True)
class _Request:
    arguments: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    new_session: bool = False

    def message(self) -> bytes:
        return json.dumps({**asdict(self), "cwd": str(self.cwd)}).encode()


class Forked:
    """A prepared `reev-gql`, with what tests and asyncio use of a Popen object."""

    def __init__(
        self,
        request: _Request,
        stdin: int | IO[bytes] | None,
        stdout: int | IO[bytes] | None,
        stderr: int | IO[bytes] | None,
        interpreter: Mapping[str, str] = ENVIRONMENT,
    ) -> None:
        self._status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.returncode: int | None = None
        given: list[int] = []
        mine = []
        with contextlib.ExitStack() as stack:
            stack.callback(theirs.close)
            for number, wanted in enumerate((stdin, stdout, stderr)):
                child, own = self._stream(number, wanted, given, stack)
                given.append(child)
                mine.append(own)
            control = _preparing(frozenset(interpreter.items()))
            socket.send_fds(control, [request.message()], [*given, theirs.fileno()])
        self.stdin, self.stdout, self.stderr = mine
        self.pid = int(self._status.recv(64))

    def fileno(self) -> int:
        """Can be read when the process has ended."""
        return self._status.fileno()

    def close(self) -> None:
        """Once it is waited for."""
        self._status.close()

    @staticmethod
    def _stream(number: int, wanted: Any, given: list[int], stack: contextlib.ExitStack) -> tuple[int, Any]:
        """The child's descriptor, and our end where there is one."""
        match wanted:
            case None:
                return number, None
            case subprocess.STDOUT:
                return given[1], None
            case subprocess.DEVNULL:
                null = os.open(os.devnull, os.O_RDWR)
                stack.callback(os.close, null)
                return null, None
            case subprocess.PIPE:
                reading, writing = os.pipe()
                child, own = (writing, reading) if number else (reading, writing)
                stack.callback(os.close, child)
                return child, open(own, "rb" if number else "wb", 0)
            case int():
                return wanted, None
        return int(wanted.fileno()), None

    def poll(self) -> int | None:
        return self.returncode if self.returncode is not None else self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        if (code := self.poll()) is None and (code := self._ended(timeout)) is None:
            raise subprocess.TimeoutExpired("reev-gql", timeout or 0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        if select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(self._status.recv(64) or -signal.SIGKILL)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def forked(
    arguments: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    interpreter: Mapping[str, str],
    stdin: int,
    stdout: int,
    stderr: int,
    *,
    new_session: bool = False,
) -> Forked:
    """A command whose Python was started with the environment `interpreter`, which many have in common."""
    assert not _reads_port(arguments, env)
    return Forked(_Request(arguments, cwd, env, new_session), stdin, stdout, stderr, interpreter)


class _Transport(asyncio.base_subprocess.BaseSubprocessTransport):
    """asyncio's own, over a process that was forked elsewhere."""

    def _start(
        self, args: Any, shell: bool, stdin: Any, stdout: Any, stderr: Any, bufsize: int, **kwargs: Any
    ) -> None:
        forked = Forked(kwargs["request"], stdin, stdout, stderr)
        self._proc = cast("subprocess.Popen[bytes]", forked)
        loop, told = asyncio.get_running_loop(), forked.fileno()

        def ended() -> None:
            loop.remove_reader(told)
            code = forked.wait()
            forked.close()
            self._process_exited(code)

        loop.add_reader(told, ended)
