"""Starts a runner with a launcher that may wait for room, unless a stop comes first."""

from __future__ import annotations

import asyncio

from runner_bridge.launchers.launcher import Launcher, Recorded, Runner
from runner_bridge.launchers.start_runner import Order
from runner_bridge.worker.context import WorkerContext
from runner_bridge.worker.end_cause import stop_requested
from runner_bridge.worker.runner_end import announce_shutdown, end_left
from store.executions.state_machine import Handle
from store.model import Execution


async def launched(
    context: WorkerContext,
    launcher: Launcher,
    execution: Execution,
    order: Order,
    handle: Handle | None,
    shutdown: asyncio.Event,
) -> Runner | None:
    """The runner; None when it was not started because the execution is to be stopped. Raises LaunchError."""
    if not launcher.may_wait:
        return await launcher.launch(order, handle)
    launching = asyncio.create_task(launcher.launch(order, handle), name="launch")
    stop = asyncio.create_task(stop_requested(context, execution), name="stop request")
    shut_down = asyncio.create_task(shutdown.wait(), name="shutdown")
    try:
        await asyncio.wait({launching, stop, shut_down}, return_when=asyncio.FIRST_COMPLETED)
        if launching.done():
            return launching.result()
        launching.cancel()
        await asyncio.gather(launching, return_exceptions=True)
        if not stop.done():
            await announce_shutdown(context, execution.id)
        recorded = Recorded(order.execution_id, None, handle)
        await end_left(context, launcher, recorded)
        return None
    finally:
        for task in (launching, stop, shut_down):
            task.cancel()
