"""Waits for the reason why a runner is to be watched no longer: its exit, a stop, a time limit, a shutdown."""

from __future__ import annotations

import asyncio
from enum import Enum, auto

from runner_bridge.launchers.launcher import Runner
from runner_bridge.launchers.runner_process import ProcessExit
from runner_bridge.worker.context import WorkerContext
from runner_bridge.worker.liveness import Liveness
from runner_bridge.worker.time_limits import TimeLimits, until_reached
from store.model import Execution, ExecutionStatus
from store.records import record


class EndReason(Enum):
    """Why watching a runner ends."""

    EXITED = auto()
    STOP_REQUESTED = auto()
    TIME_LIMIT = auto()
    SHUTDOWN = auto()


@record
class EndCause:
    """The reason; `limit_reached` says in words which time limit it was, `exit` how the runner exited."""

    reason: EndReason
    limit_reached: str = ""
    exit: ProcessExit | None = None


async def wait_for_end_cause(
    context: WorkerContext,
    execution: Execution,
    runner: Runner,
    liveness: Liveness,
    shutdown: asyncio.Event,
) -> EndCause:
    """The first cause that comes; an exit counts before any other."""
    config = context.config
    limits = TimeLimits(
        config.startup_timeout_ms, execution.timeout_ms or config.timeout_ms, config.idle_timeout_ms
    )
    exited = asyncio.create_task(runner.wait(), name="runner exit")
    stop = asyncio.create_task(stop_requested(context, execution), name="stop request")
    limit = asyncio.create_task(until_reached(limits, liveness), name="time limits")
    shut_down = asyncio.create_task(shutdown.wait(), name="shutdown")
    try:
        await asyncio.wait({exited, stop, limit, shut_down}, return_when=asyncio.FIRST_COMPLETED)
        if exited.done():
            return EndCause(EndReason.EXITED, exit=exited.result())
        if stop.done():
            return EndCause(EndReason.STOP_REQUESTED)
        if limit.done():
            return EndCause(EndReason.TIME_LIMIT, limit.result())
        return EndCause(EndReason.SHUTDOWN)
    finally:
        for task in (exited, stop, limit, shut_down):
            task.cancel()


async def stop_requested(context: WorkerContext, execution: Execution) -> None:
    """Returns when the execution is to be stopped, or has been ended by another worker."""
    if execution.status is not ExecutionStatus.STOPPING:
        await context.feed.until_stopped(execution.id)
