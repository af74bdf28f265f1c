"""Actors that are ready before there is an execution for them: Ray needs seconds to start one.

A spare holds what a runner needs, so one is only made where there is room besides, and a launch that finds no
room asks all spares of the cluster to leave. An actor knows itself whether it was taken: no spare leaves with a
runner, and one that its worker does not ask for any more leaves by itself. Nothing depends on a spare: without
any, a launch starts its actor itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Mapping

from runner_bridge import log_context
from runner_bridge.launchers.ray.engine import EngineError, Gone, RayEngine
from store.model import JsonValue

PREFIX = "reev-gql-spare-"

ASK_S = 10.0
"""Between two looks at the spares; each tells them that their worker lives."""

READY_S = 60.0
"""How long a spare may take to be ready; Ray had room for it."""

LEAVE_S = 2.0
"""How long a spare may take to answer that it leaves."""

log = logging.getLogger(__name__)

Options = Mapping[str, JsonValue]


def is_spare(name: str) -> bool:
    """Whether an actor of this name was made before its execution."""
    return name.startswith(PREFIX)


class Spares:
    """Keeps `wanted` actors ready for the kind of runner that was started last."""

    def __init__(self, engine: RayEngine, wanted: int) -> None:
        self.engine = engine
        self._wanted = wanted
        self._options: Options = {}
        self._ready: list[tuple[str, Options]] = []
        self._changed = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._is_away = False

    def take(self, options: Options) -> str | None:
        """The name of a spare that is ready for a runner with these options, once."""
        for spare in self._ready:
            if spare[1] == options:
                self._ready.remove(spare)
                return spare[0]
        return None

    def keep(self, options: Options) -> None:
        """Makes ready, in the background, what is missing for the next runner with these options."""
        if not self._wanted:
            return
        self._options = options
        self._changed.set()
        if self._keeping is None:
            self._keeping = asyncio.create_task(
                self._keep(), name="spare actors", context=log_context.unrelated()
            )

    async def close(self) -> None:
        """Lets them go."""
        if self._keeping is None:
            return
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        if not self._is_away:
            await asyncio.gather(*(leave(self.engine, name) for name, _ in self._ready))
        self._ready.clear()

    async def _keep(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self._tend()
                self._is_away = False
            except EngineError as error:
                if not self._is_away:
                    log.warning("no actor is kept ready on Ray just now: %s", error)
                self._is_away = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASK_S):
                    await self._changed.wait()

    async def _tend(self) -> None:
        options = self._options
        for spare in list(self._ready):
            name, its_options = spare
            if its_options != options:
                self._forget(spare)
                await leave(self.engine, name)
                continue
            try:
                await self.engine.call(name, "describe")
            except Gone:
                self._forget(spare)
        while len(self._ready) < self._wanted and await self.engine.ask("has_room", options=options):
            name = f"{PREFIX}{uuid.uuid4()}"
            if not await self.engine.ask(
                "prepare", name=name, options=options, wait_s=READY_S, patience_s=READY_S + LEAVE_S
            ):
                return
            self._ready.append((name, options))

    def _forget(self, spare: tuple[str, Options]) -> None:
        with contextlib.suppress(ValueError):
            self._ready.remove(spare)


async def make_room(engine: RayEngine, options: Options) -> None:
    """Asks every spare of the cluster to leave, where a runner with these options has no room."""
    if not await engine.ask("has_room", options=options):
        names = [name for name in await engine.ask("names") if is_spare(name)]
        await asyncio.gather(*(leave(engine, name) for name in names))


async def leave(engine: RayEngine, name: str) -> None:
    """Asks one to leave; one that was taken stays."""
    with contextlib.suppress(EngineError):
        await engine.call(name, "leave", patience_s=LEAVE_S)
