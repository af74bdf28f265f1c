"""The worker: takes executions from the queue and sees each to its end, as many at once as it is allowed.

An execution that arrives already running belonged to a worker that is gone and is taken over. A worker that
is told to stop gives its places back at once and leaves its runners running. A fault of ours ends the
execution (LOST, with the reason) and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Coroutine

from runner_bridge import log_context, process
from runner_bridge.command import RunnerConfig
from runner_bridge.observer import Observer
from runner_bridge.storing import until_stored, wait_for_event
from runner_bridge.supervision import LEFTOVER_GRACE_S, Supervision, Surroundings, write_end
from runner_bridge.watching import DirectoryWatch
from store import benchmarks, executions
from store.database import Database
from store.hub import Hub
from store.model import (
    Ending,
    Execution,
    ExecutionId,
    ExecutionStatus,
    Failure,
    FailureKind,
    RunnerKind,
)
from store.queue import ExecutionQueue, GiveBack

RECONNECT_S = 1.0
"""Between two attempts to get back to the queue."""

LEAVE_PATIENCE_S = 2.0
"""How long a worker that leaves still waits for the result of a runner that has already ended."""

log = logging.getLogger(__name__)


class Worker:
    """Runs until `stop`. `limit` bounds the executions that run at once over all workers of the database."""

    def __init__(self, db: Database, hub: Hub, config: RunnerConfig, *, limit: int = 4) -> None:
        self.id = f"{socket.gethostname()}:{os.getpid()}"
        self._limit = limit
        self._leaving = asyncio.Event()
        self._around = Surroundings(db, hub, config, DirectoryWatch(config.sessions_dir), self._leaving)
        self._queue = ExecutionQueue(db.url)
        self._runner = RunnerKind.LOCAL if config.is_local_runner else RunnerKind.COMMAND
        self._observer = Observer(db, self._around.watch, self.id, config.observed_idle_s, self._leaving)
        self._in_hand: dict[ExecutionId, asyncio.Event] = {}

    async def run(self) -> None:
        """Works until `stop`; survives the loss of the queue's connection."""
        with log_context.about(worker_id=self.id):
            await self._run()

    async def _run(self) -> None:
        self._around.config.sessions_dir.mkdir(parents=True, exist_ok=True)
        observing = asyncio.create_task(self._observe(), name="observer")
        try:
            while not self._leaving.is_set():
                try:
                    await self._queue.work(self.handle, self._limit)
                except Exception as error:
                    # Whatever the queue's library raises: without this loop nothing would ever run again.
                    log.warning("the queue was lost, trying again: %s: %s", type(error).__name__, error)
                await wait_for_event(self._leaving, RECONNECT_S)
            await asyncio.wait({observing})
        finally:
            observing.cancel()
            await asyncio.gather(observing, return_exceptions=True)
            await self._around.watch.close()

    async def _observe(self) -> None:
        if self._around.config.observe:
            await self._observer.run()

    def stop(self) -> None:
        """Takes nothing more and gives back what is there; `run` returns soon. Runners keep running."""
        self._leaving.set()
        self._queue.stop()

    async def handle(self, execution_id: ExecutionId) -> None:
        """Sees one execution to its end; raises GiveBack when this worker has to leave first."""
        with log_context.about(execution_id=execution_id, worker_id=self.id):
            await self._handle_once(execution_id)

    async def _handle_once(self, execution_id: ExecutionId) -> None:
        if execution_id in self._in_hand:
            # The queue took us for dead and gave us the same place again.
            await self._in_hand[execution_id].wait()
            return
        self._in_hand[execution_id] = done = asyncio.Event()
        try:
            await self._handle(execution_id)
        except GiveBack:
            raise
        except Exception as error:
            log.exception("supervising execution %s failed", execution_id)
            await self._close_after_fault(execution_id, f"{type(error).__name__}: {error}")
        finally:
            del self._in_hand[execution_id]
            done.set()

    async def _handle(self, execution_id: ExecutionId) -> None:
        db = self._around.db
        claimed = await until_stored(
            lambda: executions.claim(db, execution_id, self.id, self._runner), self._leaving
        )
        if claimed is not None:
            supervision = await self._supervision(claimed)
            await self._unless_leaving(supervision, supervision.execute())
            return
        adopted = await until_stored(lambda: executions.adopt(db, execution_id, self.id), self._leaving)
        if adopted is not None:
            supervision = await self._supervision(adopted)
            await self._unless_leaving(supervision, supervision.resume())

    async def _supervision(self, execution: Execution) -> Supervision:
        benchmark = await until_stored(
            lambda: benchmarks.get(self._around.db, execution.benchmark_id, execution.benchmark_revision),
            self._leaving,
        )
        if benchmark is None:
            raise LookupError(f"benchmark {execution.benchmark_id} is not there")
        return Supervision(self._around, execution, benchmark)

    async def _unless_leaving(self, supervision: Supervision, work: Coroutine[None, None, None]) -> None:
        """Lets `work` go on until it is done or this worker has to leave."""
        working = asyncio.ensure_future(work)
        leaving = asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done() and supervision.has_exited:
                await asyncio.wait({working}, timeout=LEAVE_PATIENCE_S)
            if not working.done():
                raise GiveBack("this worker ends; the runner goes on")
            working.result()
        finally:
            leaving.cancel()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _close_after_fault(self, execution_id: ExecutionId, reason: str) -> None:
        """What we cannot watch we do not leave running: no process, and a row that says why."""
        identity = await until_stored(
            lambda: executions.process_of(self._around.db, execution_id), self._leaving
        )
        pid, started = (None, None) if identity is None else (identity.pid, identity.started)
        await process.end_members(str(execution_id), pid, started, LEFTOVER_GRACE_S)
        failure = Failure(FailureKind.LOST, f"The worker failed: {reason}")
        await write_end(self._around, execution_id, Ending(ExecutionStatus.LOST, failure))
