"""Ends a runner, or what an exited runner left behind."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import field

from runner_bridge.launchers.launcher import Launcher, Leftover, Recorded, Runner
from runner_bridge.launchers.runner_process import ProcessExit
from runner_bridge.processes.reaper import LEFTOVER_GRACE_S
from runner_bridge.sessions.find_session import ExpectedSession, FoundSession, look
from runner_bridge.waiting import until_stored
from runner_bridge.worker.context import WorkerContext
from runner_bridge.worker.end_cause import EndCause, EndReason
from store.executions import state_machine
from store.model import ExecutionId
from store.records import record

SHUTDOWN_GRACE_S = 3.0
"""Longest grace for a runner that ends with its worker: a supervisor waits for the worker to end."""

log = logging.getLogger(__name__)


@record
class RunnerEnd:
    """How a runner ended."""

    cause: EndCause
    exit: ProcessExit
    execution_time_ms: int | None
    left: Leftover = field(default_factory=Leftover)
    found: FoundSession | None = None
    """What there was to read before it was ended; None where its session file is still to be looked for."""
    looks_again: int = 0
    """How often to look again for a session file that is not there."""


async def after_exit(context: WorkerContext, runner: Runner, cause: EndCause, exit: ProcessExit) -> RunnerEnd:
    """Ends whatever the exited runner left behind."""
    config, lasted = context.config, round(runner.age_s * 1000)
    # Our own runner renames its session file into place before it exits: there is nothing to wait for.
    looks_again = 0 if config.is_local_runner else config.result_attempts
    left = await end_runner(context, runner, LEFTOVER_GRACE_S)
    return RunnerEnd(cause, exit, lasted, left, looks_again=looks_again)


async def end_living(
    context: WorkerContext,
    execution_id: ExecutionId,
    expected: ExpectedSession,
    runner: Runner,
    cause: EndCause,
    exited: asyncio.Event,
) -> RunnerEnd:
    """Ends the runner, and sets `exited` then. At a time limit, a result that was there before still counts."""
    found, grace_s = FoundSession(), context.config.term_grace_s
    if cause.reason is EndReason.TIME_LIMIT:
        context.counters.time_limits += 1
        log.warning("execution %s: %s", execution_id, cause.limit_reached)
        found = await asyncio.to_thread(look, context.config.sessions_dir, expected)
    announced = None
    if cause.reason is EndReason.SHUTDOWN:
        grace_s = min(grace_s, SHUTDOWN_GRACE_S)
        announced = asyncio.create_task(announce_shutdown(context, execution_id), name="announced stop")
    try:
        left = await end_runner(context, runner, grace_s)
        exit = ProcessExit() if left.has_runner else await runner.wait()
        exited.set()
        if announced is not None:
            await announced
    finally:
        if announced is not None:
            announced.cancel()
    return RunnerEnd(cause, exit, round(runner.age_s * 1000), left, found)


async def end_runner(context: WorkerContext, runner: Runner, grace_s: float) -> Leftover:
    """Ends a runner and everything that it started; what could not be ended is counted."""
    return _counted(context, await runner.end(grace_s))


async def end_left(context: WorkerContext, launcher: Launcher, recorded: Recorded) -> Leftover:
    """Ends whatever lives of a runner that no worker watches; what could not be ended is counted."""
    return _counted(context, await launcher.end_left(recorded, LEFTOVER_GRACE_S))


def _counted(context: WorkerContext, left: Leftover) -> Leftover:
    context.counters.leaked_processes += len(left.processes)
    return left


async def announce_shutdown(context: WorkerContext, execution_id: ExecutionId) -> None:
    """Like a stop that a client asks for; the reason is recorded with it."""
    reason = "Its worker was shut down, and is set to leave no runner running"
    await until_stored(lambda: state_machine.request_stop(context.db, execution_id, reason), context.leaving)
