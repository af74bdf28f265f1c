"""The worker: takes executions from the queue and sees each to its end, as many at once as its limits allow.

Its heartbeat says that it is alive. It takes over the executions of workers that are gone when it can see their
runners (runner_bridge.worker.recovery), and lets go of executions that another worker took over. A worker that is
stopped leaves its runners running and its executions to the next worker, or ends them when it is configured to. A
fault of this program ends the execution (LOST, with the reason) and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import uuid
from collections.abc import Coroutine
from dataclasses import replace

from runner_bridge import log_context
from runner_bridge.counters import Counters
from runner_bridge.launchers.command_help import RunnerCommand
from runner_bridge.launchers.launcher import Recorded
from runner_bridge.launchers.launchers import Launchers
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.observing.observer import Observer
from runner_bridge.processes import machine, process_identity, reaper
from runner_bridge.waiting import ShuttingDown, until_stored, wait_for_any, wait_for_event
from runner_bridge.watching.directory_watch import DirectoryWatch
from runner_bridge.worker.context import WorkerContext
from runner_bridge.worker.indexing import keep_indexing
from runner_bridge.worker.recovery import Recovery, TakeoverPolicy
from runner_bridge.worker.runner_end import SHUTDOWN_GRACE_S, end_left
from runner_bridge.worker.supervision import Supervision
from store.benchmarks import benchmarks
from store.errors import StoreError
from store.executions import queue, state_machine
from store.live.hub import Hub
from store.model import (
    Ending,
    Execution,
    ExecutionId,
    ExecutionOrigin,
    ExecutionStatus,
    Failure,
    FailureKind,
    RunnerKind,
    WorkerId,
)
from store.postgres.database import Database
from store.workers import workers
from store.workers.concurrency_limits import Limits
from store.workers.workers import HEARTBEAT_S, OwnedExecution, Registration

POLL_S = 1.0
"""How often a worker looks at the queue without being notified, should a notification be lost."""

CLAIM_S = 1.0
"""How long a claim that is under way may take; what it takes is finished too."""

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
        hub: Hub,
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
        self._context = WorkerContext(
            db,
            hub,
            config,
            RunnerCommand(config),
            DirectoryWatch(config.sessions_dir),
            self._leaving,
            self.id,
            Launchers(config),
            Counters() if counters is None else counters,
        )
        self._runner = RunnerKind.LOCAL if config.is_local_runner else RunnerKind.COMMAND
        self._observer = Observer(db, self._context.watch, self.id, config, self._leaving)
        self._registration = Registration(
            id=self.id,
            host=socket.gethostname(),
            home=machine.home(config.sessions_dir),
            process_id=os.getpid(),
            process_started=process_identity.start_time(os.getpid()) or 0.0,
            capacity=self._limits.capacity,
            version=version,
        )
        self._recovery = Recovery(
            db,
            TakeoverPolicy(self._registration.home, lost_after_s),
            self.id,
            self._context.launchers.local.table,
        )
        self._supervised: dict[ExecutionId, asyncio.Task[None]] = {}
        self._begun: set[ExecutionId] = set()

    async def run(self) -> None:
        """Works until `stop`, also while the database is away."""
        with log_context.about(worker_id=self.id):
            self._context.config.sessions_dir.mkdir(parents=True, exist_ok=True)
            try:
                await self._register()
                await self._work()
            except ShuttingDown:
                log.info("the worker ended before it was registered")
            finally:
                await self._context.watch.close()

    async def _observe(self) -> None:
        if self._context.config.observe:
            await self._observer.run()

    def stop(self) -> None:
        """Takes nothing more and lets go of what it has; `run` returns within `leaves_within_s`."""
        self._leaving.set()

    async def finish(self) -> None:
        """Takes nothing more from the queue; returns when nothing is left to watch. `stop` comes after it."""
        self._limits = replace(self._limits, of_worker=0)
        await asyncio.sleep(CLAIM_S)
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

    async def _register(self) -> None:
        await until_stored(lambda: workers.register(self._context.db, self._registration), self._leaving)

    async def _work(self) -> None:
        beating = asyncio.create_task(
            workers.keep_sending_heartbeats(self._context.db.connector, self._registration), name="heartbeat"
        )
        # They end by themselves when this worker leaves: a claim that is under way must not be lost.
        loops = [
            asyncio.create_task(self._take(), name="taking"),
            asyncio.create_task(self._look_after(), name="recovery"),
            asyncio.create_task(self._observe(), name="observer"),
            asyncio.create_task(
                keep_indexing(self._context.db, self._context.hub, self._leaving), name="indexing"
            ),
        ]
        try:
            await asyncio.gather(*loops)
            await asyncio.gather(*self._supervised.values(), return_exceptions=True)
        finally:
            tasks = [beating, *loops, *self._supervised.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._leave()

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(LEAVE_S):
                await workers.deregister(self._context.db, self.id)
        except (TimeoutError, StoreError) as error:
            log.warning("the worker could not deregister: %s: %s", type(error).__name__, error)

    async def _take(self) -> None:
        """Takes what the limits allow, again whenever an execution changes its state."""
        while not self._leaving.is_set():
            changed = self._context.hub.status_changes.next
            try:
                await self._learn_command()
                while not self._leaving.is_set() and (execution := await self._claim_next()) is not None:
                    self._begin(execution, is_fresh=True)
            except StoreError as error:
                log.warning("nothing can be taken from the queue just now: %s", error)
            except Exception:
                # Whatever it was: without this loop nothing would be executed again.
                log.exception("taking from the queue failed")
            await wait_for_any(changed, self._leaving, timeout_s=POLL_S)

    async def _learn_command(self) -> None:
        """Nothing is taken before it is known what the runner is called with; a compiler may come first."""
        learning = asyncio.create_task(self._context.command.learn(), name="runner's help")
        leaving = asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait({learning, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            learning.cancel()
            leaving.cancel()
            for outcome in await asyncio.gather(learning, leaving, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.error("asking the runner for its flags failed", exc_info=outcome)

    async def _claim_next(self) -> Execution | None:
        return await queue.claim_next(self._context.db, self.id, self._limits, self._runner)

    async def _look_after(self) -> None:
        """Takes over what other workers left, lets go of what they took, and begins what is not supervised."""
        while not self._leaving.is_set():
            try:
                everything = await self._recovery.look(self._resume)
                for one in everything:
                    await self._set_right(one)
            except StoreError as error:
                log.warning("executions of other workers are not looked after just now: %s", error)
            except Exception:
                log.exception("looking after executions of other workers failed")
            await wait_for_event(self._leaving, HEARTBEAT_S)

    def _resume(self, execution: Execution) -> None:
        self.counters.recovered += 1
        self._begin(execution, is_fresh=False)

    async def _set_right(self, one: OwnedExecution) -> None:
        """Makes what this worker supervises agree with what it owns, as `one` says that it was a moment ago."""
        supervised = self._supervised.get(one.execution_id)
        is_mine = one.owner is not None and one.owner.id == self.id
        if supervised is not None and not is_mine:
            if await state_machine.owner_of(self._context.db, one.execution_id) != self.id:
                log.warning("execution %s was taken over by another worker", one.execution_id)
                supervised.cancel()
        elif supervised is None and is_mine and one.origin is ExecutionOrigin.REQUESTED:
            mine = await state_machine.adopt(self._context.db, one.execution_id, self.id, self.id)
            if mine is not None:
                # Claimed, but the answer was lost on its way: no runner was started.
                known = self._begun | self._recovery.attempted
                self._begin(mine, is_fresh=one.execution_id not in known)

    def _begin(self, execution: Execution, *, is_fresh: bool) -> None:
        if execution.id in self._supervised:
            return
        task = asyncio.create_task(
            self._in_background(execution, is_fresh=is_fresh), name=f"execution {execution.id}"
        )
        self._supervised[execution.id] = task
        task.add_done_callback(lambda _: self._supervised.pop(execution.id, None))

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
