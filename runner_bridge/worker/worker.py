"""The worker: takes executions from the queue and sees each to its end, as many at once as its limits allow.

Its heartbeat says that it is alive, and is answered with what it has to look after. It takes over the executions
of workers that are gone when it can see their runners (runner_bridge.worker.recovery), and lets go of executions
that another worker took over. A worker that is stopped leaves its runners running and its executions to the next
worker, or ends them when it is configured to. A fault of this program ends the execution (LOST, with the reason)
and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import uuid
from collections.abc import Coroutine, Sequence

from runner_bridge import log_context
from runner_bridge.counters import Counters
from runner_bridge.launchers.command_help import RunnerCommand
from runner_bridge.launchers.launcher import Recorded
from runner_bridge.launchers.launchers import Launchers
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.observing.observer import Observer
from runner_bridge.processes import machine, process_identity, reaper
from runner_bridge.waiting import ShuttingDown, until_stored, wait_for_any
from runner_bridge.watching.directory_watch import DirectoryWatch
from runner_bridge.worker.context import WorkerContext
from runner_bridge.worker.indexing import keep_indexing
from runner_bridge.worker.recovery import Recovery, TakeoverPolicy
from runner_bridge.worker.runner_end import SHUTDOWN_GRACE_S, end_left
from runner_bridge.worker.supervision import Supervision
from runner_bridge.worker.taking import Taking
from store.benchmarks import benchmarks
from store.errors import StoreError
from store.executions import state_machine
from store.live.change_signal import ChangeSignal
from store.live.worker_feed import WorkerFeed
from store.model import (
    Ending,
    Execution,
    ExecutionId,
    ExecutionOrigin,
    ExecutionStatus,
    Failure,
    FailureKind,
    WorkerId,
)
from store.postgres.database import Database
from store.workers import workers
from store.workers.concurrency_limits import Limits
from store.workers.workers import Beat, Elder, OwnedExecution, Registration

LEAVE_PATIENCE_S = 2.0
"""How long a worker that ends still waits for a runner that is just starting, or has ended and has a result."""

LEAVE_S = 1.0
"""How long deregistering may take; a worker that cannot is found to be gone by its pid or its silence."""

LOST_AFTER_S = 30.0
"""Executions are closed when their worker was silent for this long and no other worker can see their runners."""

SHUTDOWN_PATIENCE_S = SHUTDOWN_GRACE_S + reaper.KILL_WAIT_S + 1.5
"""How long a worker that ends its runners waits for them: grace, kill, and the writing of their ends."""

log = logging.getLogger(__name__)


class Worker:
    """Runs until `stop`. Every start has an `id` of its own; it is registered before it owns anything.

    `counters` may be shared with the metrics; without any it has its own.
    """

    def __init__(
        self,
        db: Database,
        config: RunnerConfig,
        *,
        limits: Limits | None = None,
        lost_after_s: float = LOST_AFTER_S,
        version: str = "",
        counters: Counters | None = None,
    ) -> None:
        self.id = WorkerId(uuid.uuid4())
        self._limits = limits or Limits()
        self._leaving = asyncio.Event()
        launchers = Launchers(config)
        self._registration = Registration(
            id=self.id,
            host=socket.gethostname(),
            home=machine.home(config.sessions_dir),
            process_id=os.getpid(),
            process_started=process_identity.start_time(os.getpid()) or 0.0,
            capacity=self._limits.capacity,
            version=version,
            engines=launchers.engines,
        )
        self._feed = WorkerFeed(db.connector, self._registration, self._limits.fingerprint)
        self._context = WorkerContext(
            db,
            self._feed,
            config,
            RunnerCommand(config),
            DirectoryWatch(config.sessions_dir),
            self._leaving,
            self.id,
            launchers,
            Counters() if counters is None else counters,
        )
        self._observer = Observer(db, self._context.watch, self.id, config, self._leaving)
        self._recovery = Recovery(
            db,
            TakeoverPolicy(self._registration.home, lost_after_s),
            self.id,
            launchers.local.table,
            launchers.names,
            rerun_lost=config.rerun_lost,
        )
        self._supervised: dict[ExecutionId, asyncio.Task[None]] = {}
        self._taking = Taking(self._context, self._limits, lambda: len(self._supervised), self._begin_fresh)
        self._begun: set[ExecutionId] = set()

    async def run(self) -> None:
        """Works until `stop`, also while the database is away."""
        with log_context.about(worker_id=self.id):
            self._context.config.sessions_dir.mkdir(parents=True, exist_ok=True)
            try:
                await self._register()
                self._context.launchers.chosen.prepare()
                await self._work()
            except ShuttingDown:
                log.info("the worker ended before it was registered")
            finally:
                await self._feed.close()
                await self._context.watch.close()
                await self._context.launchers.close()

    async def _observe(self) -> None:
        if self._context.config.observe:
            await self._observer.run()

    def stop(self) -> None:
        """Takes nothing more and lets go of what it has; `run` returns within `leaves_within_s`."""
        self._leaving.set()

    async def finish(self) -> None:
        """Takes nothing more, from the queue or from others; returns when nothing is left to watch.

        `stop` comes after it.
        """
        self._recovery.takes_over = False
        self._feed.announce(capacity=0)
        # What a claim that is under way takes is finished too.
        await self._taking.finish()
        while self._supervised:
            await asyncio.wait(self._supervised.values())

    @property
    def leaves_within_s(self) -> float:
        """How long the end of `run` takes at most after `stop`, while the database answers."""
        stops = self._context.config.stop_runners_on_shutdown
        return LEAVE_S + (SHUTDOWN_PATIENCE_S if stops else LEAVE_PATIENCE_S)

    @property
    def counters(self) -> Counters:
        """What was counted since the start."""
        return self._context.counters

    @property
    def ended(self) -> ChangeSignal:
        """Fires when an execution of this worker has ended."""
        return self._taking.freed

    @property
    def deliveries(self) -> ChangeSignal:
        """Fires when there is something for a webhook."""
        return self._feed.deliveries

    async def _register(self) -> None:
        await until_stored(self._feed.open, self._leaving)

    async def _work(self) -> None:
        # They end by themselves when this worker leaves: a claim that is under way must not be lost.
        loops = [
            asyncio.create_task(self._taking.run(), name="taking"),
            asyncio.create_task(self._look_after(), name="recovery"),
            asyncio.create_task(self._observe(), name="observer"),
            asyncio.create_task(keep_indexing(self._context.db, self._feed, self._leaving), name="indexing"),
        ]
        try:
            await asyncio.gather(*loops)
            await asyncio.gather(*self._supervised.values(), return_exceptions=True)
        finally:
            tasks = [*loops, *self._supervised.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._feed.close()
            await self._leave()

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(LEAVE_S):
                await workers.deregister(self._context.db, self.id)
        except (TimeoutError, StoreError) as error:
            log.warning("the worker could not deregister: %s: %s", type(error).__name__, error)

    async def _look_after(self) -> None:
        """After each heartbeat: takes over what others left, lets go of what they took, begins the unwatched."""
        while not self._leaving.is_set():
            answered = self._feed.beats.next
            before = list(self._supervised)
            try:
                await self._tend(self._feed.latest, before)
            except StoreError as error:
                log.warning("executions are not looked after just now: %s", error)
            except Exception:
                log.exception("looking after executions failed")
            await wait_for_any(answered, self._leaving, timeout_s=None)

    async def _tend(self, beat: Beat, supervised: Sequence[ExecutionId]) -> None:
        await self._recovery.consider(beat.executions, self._resume)
        mine = {one.execution_id: one for one in beat.executions if one.belongs_to(self.id)}
        for one in mine.values():
            await self._begin_unwatched(one)
        for execution_id in supervised:
            if execution_id not in mine:
                await self._let_go(execution_id)
        if beat.leads:
            await self._recovery.forget_workers()
        elif beat.elder is not None and not _runs(beat.elder):
            # Its process is gone, so that nobody has to wait for its silence to be noticed.
            await workers.deregister(self._context.db, beat.elder.id)
            self._feed.beat_soon()

    def _resume(self, execution: Execution) -> None:
        self.counters.recovered += 1
        self._begin(execution, is_fresh=False)

    async def _begin_unwatched(self, one: OwnedExecution) -> None:
        """Claimed or taken over, but the answer was lost on its way."""
        if one.execution_id in self._supervised or one.origin is not ExecutionOrigin.REQUESTED:
            return
        mine = await state_machine.adopt(self._context.db, one.execution_id, self.id, self.id)
        if mine is not None:
            # Of a lost claim no runner was started.
            known = self._begun | self._recovery.attempted
            self._begin(mine, is_fresh=one.execution_id not in known)

    async def _let_go(self, execution_id: ExecutionId) -> None:
        """Of an execution that is not among its own, unless it was claimed since."""
        supervised = self._supervised.get(execution_id)
        execution = await state_machine.get(self._context.db, execution_id)
        if supervised is None or execution is None:
            return
        if execution.status.is_terminal:
            self._feed.stop(execution_id)
        elif await state_machine.owner_of(self._context.db, execution_id) != self.id:
            log.warning("execution %s was taken over by another worker", execution_id)
            supervised.cancel()

    def _begin_fresh(self, execution: Execution) -> None:
        self._begin(execution, is_fresh=True)

    def _begin(self, execution: Execution, *, is_fresh: bool) -> None:
        if execution.id in self._supervised:
            return
        task = asyncio.create_task(
            self._in_background(execution, is_fresh=is_fresh), name=f"execution {execution.id}"
        )
        self._supervised[execution.id] = task
        task.add_done_callback(lambda _: self._ended(execution.id))

    def _ended(self, execution_id: ExecutionId) -> None:
        self._supervised.pop(execution_id, None)
        self._taking.freed.fire()

    async def _in_background(self, execution: Execution, *, is_fresh: bool) -> None:
        with contextlib.suppress(ShuttingDown):
            await self._see_to_end(execution, is_fresh=is_fresh)

    async def _see_to_end(self, execution: Execution, *, is_fresh: bool) -> None:
        """Starts the runner of a claimed execution, or finds that of one taken over, and watches it."""
        self._begun.add(execution.id)
        with log_context.about(execution_id=execution.id, worker_id=self.id):
            try:
                supervision = await self._supervision(execution)
                work = supervision.execute() if is_fresh else supervision.resume()
                await self._unless_leaving(supervision, work)
            except ShuttingDown:
                raise
            except Exception as error:
                log.exception("supervising execution %s failed", execution.id)
                await self._close_after_fault(execution.id, f"{type(error).__name__}: {error}")
        self._begun.discard(execution.id)

    async def _supervision(self, execution: Execution) -> Supervision:
        benchmark = await until_stored(
            lambda: benchmarks.get(self._context.db, execution.benchmark_id, execution.benchmark_revision),
            self._leaving,
        )
        if benchmark is None:
            raise LookupError(f"benchmark {execution.benchmark_id} is not there")
        return Supervision(self._context, execution, benchmark)

    async def _unless_leaving(self, supervision: Supervision, work: Coroutine[None, None, None]) -> None:
        """Lets `work` go on until it is done or this worker has to leave."""
        working = asyncio.ensure_future(work)
        leaving = asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done() and self._context.config.stop_runners_on_shutdown:
                supervision.shut_down()
                await asyncio.wait({working}, timeout=SHUTDOWN_PATIENCE_S)
            elif not working.done() and supervision.exited.is_set():
                await asyncio.wait({working}, timeout=LEAVE_PATIENCE_S)
            elif not working.done() and not supervision.started.is_set():
                # What was claimed is started: the next worker could only call it lost.
                starting = asyncio.create_task(supervision.started.wait())
                await asyncio.wait(
                    {working, starting}, timeout=LEAVE_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
                )
                starting.cancel()
            if not working.done():
                raise ShuttingDown("this worker ends; the runner goes on")
            working.result()
        finally:
            leaving.cancel()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _close_after_fault(self, execution_id: ExecutionId, reason: str) -> None:
        """Ends the runner of an execution that cannot be watched, and writes why."""
        db = self._context.db
        owner = await until_stored(lambda: state_machine.owner_of(db, execution_id), self._leaving)
        if owner != self.id:
            return
        process = await until_stored(lambda: state_machine.process_of(db, execution_id), self._leaving)
        execution = await until_stored(lambda: state_machine.get(db, execution_id), self._leaving)
        if execution is None:
            return
        launcher = self._context.launchers.of(execution.launcher)
        left = await end_left(self._context, launcher, Recorded(str(execution_id), process, execution.handle))
        failure = Failure(FailureKind.LOST, f"The worker failed: {reason}")
        ending = Ending(ExecutionStatus.LOST, failure, leaked_processes=left.processes)
        await self._context.write_end(execution_id, ending)


def _runs(elder: Elder) -> bool:
    return machine.is_running(elder.process_id, elder.process_started)
