"""Programs over one database that a test starts and kills step by step, and a client that watches.

Every wait is for a condition; `make perf` measures how long things take.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from runner_bridge.processes import process_identity
from tests.chaos import programs
from tests.chaos.clients import RUN, Client, Watcher, World
from tests.chaos.facts import Note, journals_of
from tests.chaos.gates import Gatekeeper, gatekeeper
from tests.chaos.history import History
from tests.chaos.nemesis import kill, living_runners
from tests.chaos.programs import Program
from tests.helpers.invariants import InvariantContext, settled
from tests.helpers.patience import DEADLINE_S

LOOK_S = 0.02

TIME_LIMIT_MS = 3_600_000
"""Of executions: no test is about it."""


@dataclass
class Deployment:
    """Programs over one database and one directory, and a client."""

    url: str
    directory: Path
    environment: dict[str, str]
    database: Any
    gates: Gatekeeper
    client: Client
    watchers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    programs: list[Program] = field(default_factory=list)
    patience_s: float = DEADLINE_S

    @property
    def history(self) -> History:
        return self.client.world.history

    def server(self, name: str = "server", *, worker: bool, **changes: str) -> Program:
        environment = {**self.environment, **changes}
        program = programs.server(name, environment, self.directory, self.history, worker=worker)
        self.client.world.servers.append(program)
        return self._started(program)

    def worker(self, name: str = "worker", **changes: str) -> Program:
        environment = {**self.environment, **changes}
        return self._started(programs.worker(name, environment, self.directory, self.history))

    def _started(self, program: Program) -> Program:
        self.programs.append(program)
        program.start()
        return program

    async def launch(self, agent: str, key: str | None = None) -> str:
        answer = await self.client.until_answered(
            RUN, agent=agent, timeout=TIME_LIMIT_MS, key=key or f"key of {agent}"
        )
        return str(answer["runBenchmark"]["execution"]["id"])

    def watch(self, execution_id: str) -> None:
        """By a client that goes on until the end of the execution."""
        watcher = Watcher(self.client.world, f"watcher of {execution_id}")
        self.watchers[execution_id] = asyncio.create_task(watcher.watch(execution_id))

    async def row(self, execution_id: str) -> Any:
        return await self.database.fetchrow("SELECT * FROM executions WHERE id = $1", execution_id)

    def journal(self, execution_id: str) -> list[Note]:
        return journals_of(self.directory / "sessions").get(execution_id, [])

    def notes(self, execution_id: str) -> list[str]:
        return [note.what for note in self.journal(execution_id)]

    def go(self, execution_id: str) -> None:
        (self.directory / "sessions" / f"go_{execution_id}").touch()

    async def kill_runner(self, execution_id: str) -> None:
        """As the kernel does when memory is short: no result, no output."""
        pids = [pid for one, pid in living_runners(self.directory / "sessions") if one == execution_id]
        for pid in pids:
            kill(pid, signal.SIGKILL)
        await process_identity.wait_ended(pids)

    async def until(self, condition: Callable[[], Awaitable[Any]], what: str) -> None:
        """Waits for a condition by asking for it again and again."""
        try:
            async with asyncio.timeout(self.patience_s):
                for _ in itertools.count():
                    if await condition():
                        return
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            logs = "\n".join(
                f"== {path.name}\n{path.read_text()}" for path in sorted(self.directory.glob("*.log"))
            )
            raise AssertionError(f"not in time: {what}\n{logs}") from None

    async def until_noted(self, execution_id: str, what: str) -> None:
        async def noted() -> bool:
            return what in self.notes(execution_id)

        await self.until(noted, f"{what} by the runner of {execution_id}")

    async def until_recorded(self, execution_id: str) -> None:
        async def recorded() -> bool:
            row = await self.row(execution_id)
            return row["process_id"] is not None or '"pid"' in (row["handle"] or "")

        await self.until(recorded, f"the pid of {execution_id}")

    async def until_taken_over(self, execution_id: str, former: str) -> None:
        async def taken() -> bool:
            return bool((await self.row(execution_id))["worker_id"] != former)

        await self.until(taken, f"another worker for {execution_id}")

    async def end_of(self, execution_id: str) -> str:
        async def ended() -> bool:
            return (await self.row(execution_id))["ended_at"] is not None

        await self.until(ended, f"the end of {execution_id}")
        return str((await self.row(execution_id))["status"])

    async def check(self, *ids: str) -> None:
        """The invariants, and that each watcher saw 1..n, each event once."""
        async with asyncio.timeout(self.patience_s):
            await asyncio.gather(*self.watchers.values())
        for execution_id in self.watchers:
            saw = [e.details["seq"] for e in self.history.of("saw") if e.execution == execution_id]
            assert saw == list(range(1, (await self.row(execution_id))["event_seq"] + 1))
        await settled(self.url, InvariantContext(acknowledged=[uuid.UUID(one) for one in ids], servers=4))


@asynccontextmanager
async def deployed(
    directory: Path, url: str, agents: Sequence[str], **changes: str
) -> AsyncIterator[Deployment]:
    """Nothing runs yet; `agents` say what their runners do (before a dot), `changes` are settings."""
    environment = programs.settings(directory, url, REEV_GQL_AGENTS=",".join(agents), **changes)
    async with AsyncExitStack() as stack:
        database = await asyncpg.connect(url, server_settings={"application_name": "test"})
        stack.push_async_callback(database.close)
        gates = await stack.enter_async_context(gatekeeper(url))
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        client = Client(World([], History(), 0, http), "client")
        deployment = Deployment(url, directory, environment, database, gates, client)
        try:
            yield deployment
        finally:
            for task in deployment.watchers.values():
                task.cancel()
            await asyncio.gather(*deployment.watchers.values(), return_exceptions=True)
            for program in deployment.programs:
                await program.kill()
            # A test that failed half way leaves runners that nobody would ever end.
            for _, pid in await asyncio.to_thread(living_runners, directory / "sessions"):
                kill(pid, signal.SIGKILL)
