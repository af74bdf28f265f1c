"""One history: programs, clients and nemesis for a while, then clients alone, then the check."""

from __future__ import annotations

import asyncio
import itertools
import signal
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from tests.chaos import programs
from tests.chaos.checker import Violation, check, shortest_story
from tests.chaos.clients import Client, Launcher, Lister, Overseer, World, Wrong
from tests.chaos.facts import Facts, gather_facts
from tests.chaos.history import History
from tests.chaos.nemesis import Nemesis
from tests.chaos.programs import CANARY, POOL_SIZE, Program
from tests.helpers.invariants import InvariantContext, settled, violations

LAUNCHERS, OVERSEERS, LISTERS = 6, 2, 2

SETTLE_S = 240.0
"""How long all may take to end and to be seen by everybody once the nemesis is gone, on a busy machine."""

END_S = 30.0
"""How long a program may take to end; it takes less than 10 s where the machine has time."""

LOOK_S = 0.1


@dataclass(frozen=True)
class Outcome:
    """The outcome of a history."""

    seed: int
    history: History
    facts: Facts
    violations: Sequence[Violation]

    def summary(self) -> str:
        """A few lines of figures."""
        ends = Counter(row["status"] for row in self.facts.executions.values())
        entries = self.history.entries
        deeds = Counter(entry.what for entry in entries if entry.actor == "nemesis")
        saw = sum(entry.what.startswith("saw") for entry in entries)
        lines = [
            f"seed {self.seed}: {len(self.facts.executions)} executions, "
            f"{sum(len(events) for events in self.facts.events.values())} events, seen {saw} times",
            "ends: " + ", ".join(f"{count} {name}" for name, count in sorted(ends.items())),
            "nemesis: " + ", ".join(f"{count} × {name}" for name, count in sorted(deeds.items())),
            f"{len(self.violations)} broken promises",
        ]
        return "\n".join(lines)

    def verdict(self) -> str:
        """The summary and, if anything was broken, everything needed to understand it."""
        if not self.violations:
            return self.summary()
        kinds = Counter(violation.rule for violation in self.violations)
        return "\n".join(
            [
                self.summary(),
                f"by rule: {dict(kinds)}",
                *(
                    f"  {each.rule} of {each.execution or each.program}: {each.message}"
                    for each in self.violations[:20]
                ),
                "the shortest story:",
                shortest_story(self.history, self.facts, self.violations),
                f"again: make chaos SEED={self.seed}",
            ]
        )


async def run(url: str, directory: Path, *, seed: int, duration_s: float, **changes: str) -> Outcome:
    """A history of `duration_s` over the migrated, empty database at `url`; ends everything it started.

    `changes` are settings of all programs.
    """
    history = History()
    shared = programs.settings(directory, url, **changes)
    fleet = [
        programs.server("server-a", shared, directory, history, worker=True),
        programs.server("server-b", shared, directory, history, worker=False),
        programs.worker("worker", shared, directory, history),
    ]
    async with AsyncExitStack() as stack:
        database = await asyncpg.connect(url, server_settings={"application_name": "chaos"})
        stack.push_async_callback(database.close)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))
        )
        stack.push_async_callback(_end_all, fleet)
        for program in fleet:
            program.start()
        world = World([fleet[0], fleet[1]], history, seed, http)
        await _until_up(world)
        nemesis = Nemesis(world, fleet, database, directory / "sessions", url)
        await _live(world, nemesis, duration_s)
        broken = await _invariants(url, directory, history, fleet)
        await _end_all(fleet)
        facts = await gather_facts(database, directory)
    return Outcome(seed, history, facts, [*broken, *check(history, facts)])


async def _invariants(
    url: str, directory: Path, history: History, fleet: Sequence[Program]
) -> list[Violation]:
    """I1 to I10 while the programs still serve, once what is on its way out is gone."""
    around = InvariantContext(
        acknowledged=[uuid.UUID(entry.execution) for entry in history.of("launched")],
        servers=len(fleet),
        pool_size=POOL_SIZE,
        pids=[program.pid for program in fleet if program.pid is not None],
        canaries=[CANARY],
        files=await asyncio.to_thread(lambda: list(directory.glob("*.log"))),
    )
    with suppress(AssertionError):
        await settled(url, around)
        return []
    return [Violation.of_invariant(text) for text in await violations(url, around)]


async def _until_up(world: World) -> None:
    await Client(world, "first").until_answered("{ health { status } }")


async def _live(world: World, nemesis: Nemesis, duration_s: float) -> None:
    """Clients and nemesis for `duration_s`; then the clients alone until everything that they began has ended."""
    readers: list[Overseer | Lister] = [Overseer(world, f"overseer-{n}") for n in range(OVERSEERS)]
    readers += [Lister(world, f"lister-{n}") for n in range(LISTERS)]
    watching = [asyncio.create_task(_noted(world, each, each.run())) for each in readers]
    await _until_noted(world, "oversees", OVERSEERS)
    launchers = [Launcher(world, f"client-{number}") for number in range(LAUNCHERS)]
    launching = [asyncio.create_task(_noted(world, each, each.run())) for each in launchers]
    raging = asyncio.create_task(nemesis.run())
    try:
        await asyncio.wait([raging], timeout=duration_s)
        world.over.set()
        if raging.done():
            # It never ends by itself: a history without a nemesis proves nothing.
            raging.result()
        raging.cancel()
        await asyncio.gather(raging, return_exceptions=True)
        await nemesis.heal()
        nemesis.note("is gone")
        done, late = await asyncio.wait(launching, timeout=SETTLE_S)
        for task in done:
            task.result()
        if not late:
            await _until_overseen(world, nemesis.database)
    finally:
        for task in (*watching, *launching, raging):
            task.cancel()
        await asyncio.gather(*watching, *launching, raging, return_exceptions=True)
        await nemesis.heal()


async def _noted(world: World, client: Client, work: Any) -> None:
    """A wrong answer ends a client and is a violation; so does a fault of the client itself."""
    try:
        await work
    except* Wrong as wrong:
        for error in wrong.exceptions:
            world.history.add(client.name, "was told wrong", reason=str(error))


async def _until_noted(world: World, what: str, count: int) -> None:
    """Asks again and again; raises TimeoutError."""
    async with asyncio.timeout(SETTLE_S):
        for _ in itertools.count():
            if len(world.history.of(what)) >= count:
                return
            await asyncio.sleep(LOOK_S)


async def _until_overseen(world: World, database: asyncpg.Connection[Any]) -> None:
    """Until every overseer saw as many events as there are; who does not in time is found by the checker."""
    stored = await database.fetchval("SELECT count(*) FROM execution_events")
    with suppress(TimeoutError):
        await _until_noted(world, "saw of all", stored * OVERSEERS)


async def _end_all(fleet: Sequence[Program]) -> None:
    await asyncio.gather(*(program.retire(signal.SIGTERM, END_S) for program in fleet))
