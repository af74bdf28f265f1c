"""Asks the cluster, through a driver process that is started when it is needed and again when it ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import subprocess
import time
from importlib.util import find_spec
from typing import Any

import orjson

from runner_bridge import log_context
from runner_bridge.launchers.ray_settings import RaySettings
from runner_bridge.processes import own_python

PROGRAM = "runner_bridge.launchers.ray.driver"

ENVIRONMENT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
"""What a driver gets of our environment, with all that begins with RAY_: no secrets."""

CONNECT_S = 60.0
"""How long a driver may take to import Ray and to find the cluster."""

ANSWER_S = 20.0
"""A call whose answer takes longer than its own waiting and this counts as unanswered."""

LONGEST_LINE = 512 * 1024 * 1024

log = logging.getLogger(__name__)


class EngineError(Exception):
    """The cluster gave no result; the text is a sentence without its full stop."""


class Unavailable(EngineError):
    """It may answer later: the actor, its node or the cluster is away."""


class Gone(EngineError):
    """The cluster says that the actor is dead, and why."""


class Absent(Gone):
    """The cluster knows no such actor."""


class Refused(EngineError):
    """It will not do that."""


ERRORS: dict[str, type[EngineError]] = {
    "UNAVAILABLE": Unavailable,
    "GONE": Gone,
    "ABSENT": Absent,
    "REFUSED": Refused,
    "FAILED": Refused,
}


class RayEngine:
    """One worker's view of the cluster."""

    def __init__(self, settings: RaySettings) -> None:
        self.settings = settings
        self._starting: asyncio.Task[asyncio.StreamWriter] | None = None
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answered = 0.0

    async def ask(self, operation: str, *, patience_s: float = ANSWER_S, **given: Any) -> Any:
        """The cluster's answer; raises EngineError."""
        writer = await self._driver()
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        asked = time.monotonic()
        try:
            writer.write(orjson.dumps({"number": number, "operation": operation, **given}) + b"\n")
            async with asyncio.timeout(patience_s):
                await writer.drain()
                return await answer
        except TimeoutError:
            if self._answered < asked and patience_s >= ANSWER_S:
                # Not a word for anybody: it hangs. A call that waits for less says nothing of the process.
                self._drop()
            raise Unavailable(f"Ray did not answer within {patience_s:g} s") from None
        except ConnectionError as error:
            raise Unavailable(f"the process that talks to Ray ended: {error}") from error
        finally:
            self._waiting.pop(number, None)

    async def call(self, name: str, method: str, *arguments: Any, patience_s: float = ANSWER_S) -> Any:
        """Calls a method of an actor."""
        return await self.ask("call", name=name, method=method, arguments=arguments, patience_s=patience_s)

    async def close(self) -> None:
        """Ends the driver; actors live on."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        writer = self._writer
        self._drop()
        if writer is not None:
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _driver(self) -> asyncio.StreamWriter:
        """The connection to the driver. All that wait for its start get the same answer: each has its patience."""
        if self._writer is not None:
            return self._writer
        if self._starting is None:
            self._starting = asyncio.create_task(
                self._started(), name="driver of Ray", context=log_context.unrelated()
            )
            self._starting.add_done_callback(self._has_started)
        return await asyncio.shield(self._starting)

    async def _started(self) -> asyncio.StreamWriter:
        try:
            async with asyncio.timeout(self._connect_s):
                self._writer = await self._start()
                return self._writer
        except TimeoutError:
            self._drop()
            raise Unavailable(f"Ray was not reached within {self._connect_s:g} s") from None

    def _has_started(self, starting: asyncio.Task[asyncio.StreamWriter]) -> None:
        self._starting = None
        if not starting.cancelled():
            # All that asked for it may have been cancelled meanwhile.
            starting.exception()

    @property
    def _connect_s(self) -> float:
        return min(CONNECT_S, self.settings.unreachable_after_s)

    async def _start(self) -> asyncio.StreamWriter:
        if find_spec("ray") is None:
            raise Refused("Ray is not installed here: pip install 'reev-gql[ray]'")
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = _driver_process(theirs.fileno())
        reader, writer = await asyncio.open_connection(sock=ours, limit=LONGEST_LINE)
        settings = {"address": self.settings.address, "namespace": self.settings.namespace}
        try:
            writer.write(orjson.dumps(settings) + b"\n")
            begun = orjson.loads(await reader.readline() or b'{"fatal": "its process ended"}')
            if "fatal" in begun:
                raise Unavailable(f"Ray cannot be reached at {self.settings.address}: {begun['fatal']}")
        except BaseException:
            # Also when the one that asked does not wait any more.
            writer.transport.abort()
            self._drop()
            raise
        self._reading = asyncio.create_task(
            self._read(reader, writer), name="answers of Ray", context=log_context.unrelated()
        )
        return writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                self._answered = time.monotonic()
                answer = orjson.loads(line)
                waiting = self._waiting.get(answer["number"])
                if waiting is None or waiting.done():
                    continue
                if "error" in answer:
                    waiting.set_exception(ERRORS[answer["error"]](answer["message"]))
                else:
                    waiting.set_result(answer["value"])
        log.warning("the process that talks to Ray ended; it is started again when it is needed")
        if self._writer is writer:
            self._drop()

    def _drop(self) -> None:
        """Ends the driver; what waits for it is answered with Unavailable."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Unavailable("the process that talks to Ray ended"))


def _driver_process(descriptor: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*own_python.run_module(PROGRAM), str(descriptor)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        pass_fds=[descriptor],
        # Ctrl-C reaches every process of the terminal; the worker decides what it means.
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    given = {
        name: value for name, value in os.environ.items() if name in ENVIRONMENT or name.startswith("RAY_")
    }
    return {**given, **own_python.ENVIRONMENT}
