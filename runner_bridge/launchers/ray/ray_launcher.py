"""Runners on the nodes of a Ray cluster.

The name of an actor, a spare's or one made from the execution's id, is stored before the cluster is asked, so a
launch can be repeated by any worker and starts one runner. Only the cluster says that a runner is lost. A cluster
that is away for longer than is set has lost its runners, too: every execution ends.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from runner_bridge.errors import LaunchError
from runner_bridge.launchers.launcher import Leftover, Recorded
from runner_bridge.launchers.output import RunnerOutput
from runner_bridge.launchers.ray.engine import EngineError, Gone, RayEngine, Unavailable
from runner_bridge.launchers.ray.spares import Spares, is_spare, make_room
from runner_bridge.launchers.ray.written_files import Mirror
from runner_bridge.launchers.ray_settings import EVERY_AGENT, RaySettings
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.launchers.runner_process import ProcessExit
from runner_bridge.launchers.start_runner import Order, output_path
from runner_bridge.processes.reaper import KILL_WAIT_S
from store.executions.state_machine import Handle
from store.model import JsonValue, LeakedProcess

RAY = "ray"

WAIT_S = 10.0
"""How long an actor waits for something new before it answers."""

AFTER_EXIT_S = 0.1
"""The same when the runner has ended: its result may still come."""

RETRY_S = 0.25

ROOM_S = 2.0
"""Between two looks of a launch that waits whether spares hold its room."""

CANNOT_BE_MADE = "creation task"
"""In Ray's reason, where an actor of ours fails in its first step, as it would on the next try."""

NO_LIMIT = 1 << 62
"""The output is kept to its limit on the node."""

log = logging.getLogger(__name__)


class RayLauncher:
    """Starts runners as actors."""

    name = RAY
    why_not_found = "Ray does not know the runner's actor any more: its node or the cluster was lost"
    may_wait = True

    def __init__(self, config: RunnerConfig, settings: RaySettings) -> None:
        self._config = config
        self._settings = settings
        self.engine = RayEngine(settings)
        self.spares = Spares(self.engine, settings.spares)

    def prepare(self) -> None:
        self.spares.keep(self._settings.options(EVERY_AGENT))

    def handle(self, execution_id: str, agent: str) -> Handle:
        name = self.spares.take(self._settings.options(agent)) or _own_name(execution_id)
        return {"actor": name, "namespace": self._settings.namespace}

    def repeats(self, recorded: Recorded) -> bool:
        """Its name finds the actor that was asked for."""
        return recorded.handle is None or "pid" not in recorded.handle

    async def launch(self, order: Order, handle: Handle | None = None) -> RayRunner:
        handle = handle or self.handle(order.execution_id, order.agent)
        name = handle["actor"]
        given = {key: value for key, value in asdict(order).items() if key != "environment"}
        settings: dict[str, JsonValue] = {
            "command": self._config.command,
            "working_directory": _text(self._config.working_directory),
            "output_cap_bytes": self._config.output_cap_bytes,
        }
        wait_s = self._config.startup_timeout_ms / 1000
        options = self._settings.options(order.agent)

        async def place() -> dict[str, Any]:
            await self._take(name, order.execution_id, options, wait_s)
            arguments = (given, dict(order.environment), settings)
            placed: dict[str, Any] = await self.engine.call(name, "launch", *arguments, patience_s=wait_s)
            return placed

        making_room = asyncio.create_task(self._make_room(options), name="room on Ray")
        try:
            async with asyncio.timeout(wait_s):
                placed = await _until_answered(place, self._settings.unreachable_after_s)
        except TimeoutError:
            await self._give_up(name)
            raise LaunchError(
                f"Ray found no room for the runner within {wait_s:g} s; it needs {_readable(options)}"
            ) from None
        except EngineError as error:
            await self._give_up(name)
            raise LaunchError(f"Ray cannot start the runner: {error}") from error
        finally:
            making_room.cancel()
            self.spares.keep(options)
        if "error" in placed:
            await self._give_up(name)
            raise LaunchError(placed["error"])
        return self._runner(order.execution_id, handle, placed)

    async def find(self, recorded: Recorded) -> RayRunner | None:
        handle = self._handle_of(recorded)
        name = handle["actor"]
        try:
            place = await _until_answered(
                lambda: self.engine.call(name, "describe"), self._settings.unreachable_after_s
            )
        except EngineError as error:
            log.warning("the runner of execution %s is not found: %s", recorded.execution_id, error)
            return None
        return None if place["pid"] is None else self._runner(recorded.execution_id, handle, place)

    async def end_left(self, recorded: Recorded, grace_s: float) -> Leftover:
        name = self._handle_of(recorded)["actor"]
        left = await _end(self.engine, name, grace_s, self._settings.unreachable_after_s, "unknown")
        await self._give_up(name)
        return left

    def output(self, execution_id: str) -> RunnerOutput:
        return RunnerOutput(output_path(self._config, execution_id), NO_LIMIT)

    async def close(self) -> None:
        await self.spares.close()
        await self.engine.close()

    async def _take(self, name: str, execution_id: str, options: dict[str, JsonValue], wait_s: float) -> None:
        """The actor of this name is this execution's from now on; one that is not there is made."""
        if is_spare(name):
            # Nothing was started where a spare is gone: it is made anew.
            with suppress(Gone):
                if await self.engine.call(name, "take", execution_id, patience_s=wait_s):
                    return
        await self.engine.ask("create", name=name, options=options)
        try:
            is_taken = await self.engine.call(name, "take", execution_id, patience_s=wait_s)
        except Gone as error:
            if CANNOT_BE_MADE in str(error):
                raise
            # It has left or died, or its node has, before anything was started there: another one is made.
            raise Unavailable(str(error)) from error
        if not is_taken:
            raise Unavailable("the actor leaves")

    async def _make_room(self, options: dict[str, JsonValue]) -> None:
        while True:
            await asyncio.sleep(ROOM_S)
            with suppress(EngineError):
                await make_room(self.engine, options)

    def _handle_of(self, recorded: Recorded) -> Handle:
        return recorded.handle or {"actor": _own_name(recorded.execution_id)}

    async def _give_up(self, name: str) -> None:
        with suppress(EngineError):
            await self.engine.ask("kill", name=name)

    def _runner(self, execution_id: str, handle: Handle, place: dict[str, Any]) -> RayRunner:
        mirror = Mirror(self._config.sessions_dir, output_path(self._config, execution_id), execution_id)
        recorded = Recorded(execution_id, None, {**handle, "host": place["host"], "pid": place["pid"]})
        return RayRunner(self.engine, recorded, mirror, place, self._settings.unreachable_after_s)


class RayRunner:
    """A runner on a node, and the copy of its files that follows it."""

    def __init__(
        self,
        engine: RayEngine,
        recorded: Recorded,
        mirror: Mirror,
        place: dict[str, Any],
        unreachable_after_s: float,
    ) -> None:
        self._engine = engine
        self.recorded = recorded
        self._name = str((recorded.handle or {})["actor"])
        self._mirror = mirror
        self._host, self._pid = str(place["host"]), int(place["pid"])
        self._began = time.monotonic() - float(place["age_s"])
        self._lost_after_s = unreachable_after_s
        self._is_lost = False
        self._exit: asyncio.Future[ProcessExit] = asyncio.get_running_loop().create_future()
        self._following = asyncio.create_task(self._follow(), name="files of a node")

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._began

    def describe(self) -> str:
        return f"process {self._pid} on Ray's node {self._host}"

    async def wait(self) -> ProcessExit:
        return await asyncio.shield(self._exit)

    async def end(self, grace_s: float) -> Leftover:
        if self._is_lost:
            return Leftover()
        left = await _end(self._engine, self._name, grace_s, self._lost_after_s, self.describe())
        if left.has_runner and not self._exit.done():
            self._exit.set_result(ProcessExit())
        return left

    async def release(self) -> None:
        self.let_go()
        if self._is_lost:
            return
        try:
            await self._engine.call(self._name, "release")
            await self._engine.ask("kill", name=self._name)
        except EngineError as error:
            log.info("the actor of execution %s is gone: %s", self.recorded.execution_id, error)

    def let_go(self) -> None:
        self._following.cancel()

    async def _follow(self) -> None:
        """Copies what is written, and sees the exit after everything that was written before it."""
        while True:
            try:
                answer = await _until_answered(self._read, self._lost_after_s)
                await asyncio.to_thread(self._copy, answer["files"])
            except EngineError as error:
                self._is_lost = True
                self._see_exit(ProcessExit(reason=_sentence(error)))
                return
            except OSError as error:
                # As on a full disk: what is missing is asked for again.
                log.warning("files of execution %s: %s", self.recorded.execution_id, error)
                await asyncio.sleep(1)
                continue
            if answer["exit"] is not None:
                self._see_exit(ProcessExit(**answer["exit"]))

    async def _read(self) -> Any:
        knows_exit = self._exit.done()
        wait_s = AFTER_EXIT_S if knows_exit else WAIT_S
        return await self._engine.call(self._name, "read", self._mirror.seen, wait_s, knows_exit)

    def _see_exit(self, exit: ProcessExit) -> None:
        if not self._exit.done():
            self._exit.set_result(exit)

    def _copy(self, files: list[dict[str, Any]]) -> None:
        for piece in files:
            self._mirror.write({**piece, "data": base64.b64decode(piece["data"])})


async def _end(engine: RayEngine, name: str, grace_s: float, patience_s: float, where: str) -> Leftover:
    """Ends a runner on its node. With a node or an actor that is gone, its runner is, too."""
    answer_s = grace_s + KILL_WAIT_S + 20
    try:
        left = await _until_answered(
            lambda: engine.call(name, "end", grace_s, patience_s=answer_s), patience_s
        )
    except Gone:
        return Leftover()
    except EngineError as error:
        log.error("%s cannot be ended: %s", where, error)
        return Leftover((LeakedProcess(0, where),), has_runner=True)
    return Leftover(tuple(LeakedProcess(pid, text) for pid, text in left["processes"]), left["has_runner"])


async def _until_answered(ask: Callable[[], Awaitable[Any]], patience_s: float) -> Any:
    """Asks again while the cluster does not answer, for `patience_s`; raises EngineError."""
    away_since: float | None = None
    while True:
        try:
            return await ask()
        except Unavailable:
            now = time.monotonic()
            away_since = now if away_since is None else away_since
            if now - away_since >= patience_s:
                raise
        await asyncio.sleep(RETRY_S)


def _own_name(execution_id: str) -> str:
    """Of the actor of an execution that got no spare."""
    return f"reev-gql-{execution_id}"


def _sentence(error: EngineError) -> str:
    return f"Ray lost the runner: {error}".rstrip(".")


def _text(path: object) -> str | None:
    return None if path is None else str(path)


def _readable(options: dict[str, JsonValue]) -> str:
    resources = {**options, **(options.get("resources") or {})}
    return ", ".join(
        f"{name}={amount:g}"
        for name, amount in resources.items()
        if isinstance(amount, int | float) and amount
    )
