"""A worker with everything around it, driven by the fake runner: from the request of an execution to its end."""

from __future__ import annotations

import asyncio
import shlex
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner_bridge import execution_requests
from runner_bridge.benchmarks.sync import parse_source
from runner_bridge.formats_to_rows import benchmark_draft
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.processes import members
from runner_bridge.processes.process_table import ProcessTable
from runner_bridge.processes.spawn import is_reaper
from runner_bridge.waiting import until_stored
from runner_bridge.worker.worker import Worker
from store.benchmarks import benchmarks
from store.executions import state_machine
from store.live import events
from store.live.hub import Hub
from store.model import (
    Benchmark,
    BenchmarkId,
    Execution,
    ExecutionEvent,
    ExecutionId,
    ExecutionStatus,
    SyncOutcome,
)
from store.postgres.database import Database
from store.workers import workers
from store.workers.concurrency_limits import Limits
from tests.helpers.patience import DEADLINE_S, until
from tests.helpers.places import REPOSITORY
from tests.helpers.workers import claim_as

FAKE_RUNNER = REPOSITORY / "tests" / "helpers" / "fake_runner.py"
SOL_TRANSFER = REPOSITORY / "benchmarks" / "001-sol-transfer.yml"


def fake_command(mode: str) -> str:
    """The command template that runs the fake runner in a mode."""
    python = shlex.join([sys.executable, "-S", "-E", str(FAKE_RUNNER)])
    return f"{python} {{path}} --agent={{agent}} --execution-id={{id}} --mode={mode}"


class DirectedWorker(Worker):
    """A worker that can be given one execution instead of taking what comes."""

    async def handle(self, execution_id: ExecutionId) -> None:
        """Sees this execution to its end, whatever its turn; one that runs is taken from whoever has it.

        ShuttingDown when this worker has to end first.
        """
        await self._register()
        try:
            await self._handle(self._context.db, execution_id)
        finally:
            await self._feed.close()
            await workers.deregister(self._context.db, self.id)

    async def _handle(self, db: Database, execution_id: ExecutionId) -> None:
        execution = await until_stored(
            lambda: claim_as(db, execution_id, self.id, self._context.config.runner_kind), self._leaving
        )
        if execution is not None:
            await self._see_to_end(execution, is_fresh=True)
            return
        owner = await state_machine.owner_of(db, execution_id)
        if (execution := await state_machine.adopt(db, execution_id, self.id, owner)) is not None:
            await self._see_to_end(execution, is_fresh=False)


@dataclass
class Bridge:
    """Everything between a request and an end, in one test's own directories and database."""

    db: Database
    hub: Hub
    config: RunnerConfig
    started: list[ExecutionId] = field(default_factory=list)

    def worker(self, mode: str, limit: int = 4, **changes: Any) -> DirectedWorker:
        config = replace(self.config, **{"command": fake_command(mode), **changes})
        return DirectedWorker(self.db, config, limits=Limits(limit))

    async def request(
        self,
        *,
        timeout_ms: int = 600_000,
        agent: str = "deterministic",
        benchmark_id: str = "001-sol-transfer",
    ) -> ExecutionId:
        execution, _ = await execution_requests.request_execution(
            self.db,
            self.config,
            benchmark_id=benchmark_id,
            agent=agent,
            timeout_ms=timeout_ms,
        )
        self.started.append(execution.id)
        return execution.id

    async def get(self, execution_id: ExecutionId) -> Execution:
        found = await state_machine.get(self.db, execution_id)
        assert found is not None
        return found

    async def run(self, mode: str, *, timeout_ms: int = 600_000, **changes: Any) -> Execution:
        """One execution from its request to its end, which leaves nothing alive."""
        execution_id = await self.request(timeout_ms=timeout_ms)
        await self.worker(mode, **changes).handle(execution_id)
        assert self.living(execution_id) == [], "something of the runner still lives"
        return await self.get(execution_id)

    async def status(self, execution_id: ExecutionId, status: ExecutionStatus) -> None:
        """Waits until the execution has come to a status."""
        async with asyncio.timeout(DEADLINE_S):
            assert await self.hub.wait_for_status(execution_id, {status}) is not None

    async def history(self, execution_id: ExecutionId) -> list[ExecutionEvent]:
        return [item.event for item in await events.of_execution(self.db, execution_id, 0, 1000)]

    async def benchmark(self) -> Benchmark:
        found = await benchmarks.get(self.db, BenchmarkId("001-sol-transfer"))
        assert found is not None
        return found

    def output(self, execution_id: ExecutionId) -> Path:
        return self.config.output_dir / f"{execution_id}.log"

    def cue(self, execution_id: ExecutionId, name: str = "cue") -> None:
        """Lets the fake runner go on."""
        (self.config.sessions_dir / f"{name}_{execution_id}").touch()

    async def ready(self, execution_id: ExecutionId) -> None:
        """Waits until the fake runner prints that it is ready."""
        await until(lambda: b"ready" in read_if_there(self.output(execution_id)))

    @staticmethod
    def living(execution_id: ExecutionId) -> list[int]:
        """Its processes that carry the marker, and their reaper."""
        return members.find_members(ProcessTable(), None, None, str(execution_id))

    def of_runner(self, execution_id: ExecutionId) -> list[int]:
        """The same without the reaper."""
        return [pid for pid in self.living(execution_id) if not is_reaper(pid)]


def read_if_there(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


async def upsert_benchmark(db: Database, source: str) -> tuple[Benchmark, SyncOutcome]:
    """Stores one definition, which came over the API."""
    return await benchmarks.upsert(db, benchmark_draft(parse_source(source)))
