"""The nemesis: every one to three seconds it kills, stops or terminates a process, or cuts a connection.

It only does what operating systems, operators and networks do: a killed program is started again by its init
system, a stopped one continues, a terminated backend is a lost connection.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from runner_bridge.processes import members, process_identity
from tests.chaos.clients import World
from tests.chaos.facts import journals_of
from tests.chaos.history import NEMESIS
from tests.chaos.programs import Program

PAUSE_S = (1.0, 3.0)
FREEZE_S = (0.3, 7.0)
"""Shorter and longer than a worker may be silent before it counts as dead."""

BACKENDS = """
SELECT pid, application_name FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'reev-gql%' ORDER BY pid
"""


@dataclass
class Nemesis:
    world: World
    programs: Sequence[Program]
    database: asyncpg.Connection[Any]
    sessions: Path
    url: str
    dice: random.Random = field(init=False)
    _thawing: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.world.seed}/{NEMESIS}")

    def note(self, what: str, execution: str | None = None, **details: Any) -> None:
        self.world.history.add(NEMESIS, what, execution, **details)

    async def run(self) -> None:
        """Until cancelled; `heal` afterwards."""
        deeds: dict[Callable[[], Awaitable[None]], int] = {
            self.kill_program: 5,
            self.end_program: 2,
            self.freeze_program: 4,
            self.kill_runner: 4,
            self.freeze_runner: 2,
            self.terminate_listeners: 2,
            self.terminate_heartbeats: 2,
            self.terminate_some: 3,
            self.cut_sockets: 3,
            self.hold_transaction: 2,
        }
        while True:
            await asyncio.sleep(self.dice.uniform(*PAUSE_S))
            [deed] = self.dice.choices(list(deeds), list(deeds.values()))
            await deed()

    async def heal(self) -> None:
        """Continues everything that is stopped."""
        for task in self._thawing:
            task.cancel()
        await asyncio.gather(*self._thawing, return_exceptions=True)
        for program in self.programs:
            program.send(signal.SIGCONT)

    async def kill_program(self) -> None:
        await self._signal_program(signal.SIGKILL)

    async def end_program(self) -> None:
        await self._signal_program(signal.SIGTERM)

    async def _signal_program(self, number: signal.Signals) -> None:
        program = self.dice.choice(self.programs)
        if program.send(number):
            self.note(number.name, program=program.name, pid=program.pid)

    async def freeze_program(self) -> None:
        program, time_s = self.dice.choice(self.programs), self.dice.uniform(*FREEZE_S)
        process = program.process
        if process is None or not program.send(signal.SIGSTOP):
            return
        self.note("SIGSTOP", program=program.name, pid=process.pid, seconds=round(time_s, 1))

        def thaw() -> None:
            if process.returncode is None:
                kill(process.pid, signal.SIGCONT)
                self.note("SIGCONT", program=program.name, pid=process.pid)

        self._later(time_s, thaw)

    async def kill_runner(self) -> None:
        if found := await self._living_runner():
            execution_id, pid = found
            kill(pid, signal.SIGKILL)
            self.note("SIGKILL", execution_id, runner=pid)

    async def freeze_runner(self) -> None:
        if found := await self._living_runner():
            execution_id, pid = found
            kill(pid, signal.SIGSTOP)
            self.note("SIGSTOP", execution_id, runner=pid)
            self._later(self.dice.uniform(0.3, 3.0), lambda: kill(pid, signal.SIGCONT))

    async def _living_runner(self) -> tuple[str, int] | None:
        living = await asyncio.to_thread(living_runners, self.sessions)
        return self.dice.choice(living) if living else None

    async def terminate_listeners(self) -> None:
        await self._terminate("reev-gql listener", 1.0)

    async def terminate_heartbeats(self) -> None:
        await self._terminate("reev-gql worker", 1.0)

    async def terminate_some(self) -> None:
        await self._terminate("reev-gql", 0.5)

    async def _terminate(self, name: str, share: float) -> None:
        backends = [
            row for row in await self.database.fetch(BACKENDS) if row["application_name"].startswith(name)
        ]
        chosen = [row["pid"] for row in backends if self.dice.random() < share]
        self.note("terminates backends", name=name, count=len(chosen))
        await self.database.execute(
            "SELECT pg_terminate_backend(pid) FROM unnest($1::integer[]) AS pid", chosen
        )

    async def cut_sockets(self) -> None:
        """As when a cable is pulled: without a close frame."""
        sockets = [socket for socket in list(self.world.sockets) if self.dice.random() < 0.5]
        self.note("cuts sockets", count=len(sockets))
        for socket in sockets:
            if (transport := socket.get_extra_info("socket")) is not None:
                with suppress(OSError):
                    transport.shutdown(2)

    async def hold_transaction(self) -> None:
        """As a report or a backup does: it has a transaction id, and stays open."""
        time_s = self.dice.uniform(0.5, 8.0)
        connection = await asyncpg.connect(self.url, server_settings={"application_name": "chaos"})
        await connection.execute("BEGIN; SELECT pg_current_xact_id()")
        self.note("holds a transaction open", seconds=round(time_s, 1))
        self._later(time_s, connection.terminate)

    def _later(self, time_s: float, deed: Callable[[], None]) -> None:
        async def wait() -> None:
            try:
                await asyncio.sleep(time_s)
            finally:
                deed()

        task = asyncio.create_task(wait(), name="thaw")
        self._thawing.add(task)
        task.add_done_callback(self._thawing.discard)


def living_runners(sessions: Path) -> list[tuple[str, int]]:
    """The living runners by execution, from their journals; never another process with the same pid."""
    found: list[tuple[str, int]] = []
    for execution_id, notes in journals_of(sessions).items():
        pids = {note.pid for note in notes}
        found += [
            (execution_id, pid)
            for pid in sorted(pids)
            if members.carries_marker(pid, execution_id) and process_identity.is_living(pid)
        ]
    return found


def kill(pid: int, number: signal.Signals) -> None:
    """Signals a process that may be gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
