"""Parser processes: they parse many files at once, so that the server goes on answering meanwhile.

They are started at their first call and ended with the context that they were made for. When one dies, hangs or
cannot be started, the call raises ParserLost, and the caller parses the files in its own process. A start takes
longer than parsing some hundred files, so callers with fewer parse them in their own process too. On two cores a
first sync of 10,000 files takes 1.35 times as long as parsing them alone, and 1.84 times without these processes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from runner_bridge.processes import own_python

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

PROGRAM = "runner_bridge.parsing.parser_process"

MOST_PROCESSES = 4
"""Each takes some 40 MB, and PostgreSQL does not keep up with more."""

ANSWER_S = 60.0
"""A process that has not answered after this is stuck: what it is given at once takes well below a second."""

END_S = 5.0
"""How long a killed process may take to end; one that takes longer is stuck in the kernel and not waited for."""

ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH")
"""The variables that a parser process gets: no secrets."""

_Answer = tuple[bool, Any, list[logging.LogRecord]]
"""Whether what follows is a result or an exception, and what was logged meanwhile."""

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


class ParserLost(Exception):
    """A parser process gave no answer; the call was not carried out."""


class ParserProcess:
    """One process, started at its first call. It takes one call at a time."""

    def __init__(self, threads: ThreadPoolExecutor, answer_s: float) -> None:
        self._threads = threads
        self._answer_s = answer_s
        self._using = threading.Lock()
        self._killed = False
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None

    async def call(self, function: Callable[P, T], *arguments: P.args, **_: P.kwargs) -> T:
        """Calls a function there; raises what it raises, or ParserLost.

        The function is sent by its name, so it must be importable. It takes no keyword arguments.
        """
        return cast(T, await self._call(function, None, arguments))

    async def call_on(
        self, owner: type[S], method: Callable[Concatenate[S, P], T], *arguments: P.args, **_: P.kwargs
    ) -> T:
        """Calls a method there, on the process's one object of the class `owner`; otherwise as `call`."""
        return cast(T, await self._call(method, owner, arguments))

    async def _call(self, function: Callable[..., object], owner: type | None, arguments: object) -> object:
        loop = asyncio.get_running_loop()
        message = (function, owner, arguments)
        is_answer, value, logged = await loop.run_in_executor(self._threads, self._ask, message)
        for record in logged:
            logging.getLogger(record.name).handle(record)
        if not is_answer:
            raise value
        return value

    def kill(self) -> None:
        """Ends it now, also in the middle of a call. Does not wait."""
        self._killed = True
        if self._child is not None:
            self._child.kill()

    def close(self) -> None:
        """Closes the connection and reaps the killed process, once no thread uses it any more."""
        with self._using:
            if self._connection is not None:
                self._connection.close()
            if self._child is not None:
                with suppress(subprocess.TimeoutExpired):
                    self._child.wait(END_S)

    def _ask(self, message: object) -> _Answer:
        with self._using:
            try:
                connection = self._connection or self._start()
                if self._killed:
                    raise ParserLost("it was ended")
                connection.send(message)
                if not connection.poll(self._answer_s):
                    raise ParserLost(f"it did not answer within {self._answer_s:g} s")
                answer: _Answer = connection.recv()
                return answer
            except EOFError:
                raise ParserLost("it died") from None
            except OSError as error:
                raise ParserLost(str(error)) from error

    def _start(self) -> Connection[Any, Any]:
        from multiprocessing import Pipe  # takes some milliseconds, which most servers never need

        ours, theirs = Pipe()
        self._connection = ours
        with theirs:
            self._child = subprocess.Popen(
                [*own_python.run_module(PROGRAM), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={
                    **{name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
                    **own_python.ENVIRONMENT,
                },
                pass_fds=[theirs.fileno()],
            )
        return ours


class ParserProcesses:
    """As many parser processes as this machine can use, for as long as the context lasts."""

    def __init__(self) -> None:
        self.count = max(1, min(_usable_cores(), MOST_PROCESSES))
        self._threads = ThreadPoolExecutor(self.count, "parser-processes")
        self._idle: asyncio.LifoQueue[ParserProcess] = asyncio.LifoQueue()
        self._all: list[ParserProcess] = []

    async def __aenter__(self) -> ParserProcesses:
        for _ in range(self.count):
            self._add()
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._all:
            process.kill()
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._close)
        finally:
            self._threads.shutdown(wait=False)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[ParserProcess]:
        """A process for this caller alone. When the body raises, the process is ended and replaced."""
        process = await self._idle.get()
        try:
            yield process
        except BaseException:
            process.kill()
            self._add()
            raise
        self._idle.put_nowait(process)

    def _add(self) -> None:
        process = ParserProcess(self._threads, ANSWER_S)
        self._all.append(process)
        self._idle.put_nowait(process)

    def _close(self) -> None:
        for process in self._all:
            process.close()


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
