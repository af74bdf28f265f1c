"""Runners that somebody else started, and an observer at work, for tests."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from runner_bridge.observing.observer import Observer
from runner_bridge.sessions.named_session import execution_of
from runner_bridge.watching.directory_watch import DirectoryWatch
from store.executions import state_machine
from store.model import Execution, ExecutionId, ExecutionStatus
from tests.helpers.bridge import Bridge
from tests.helpers.fake_runner import FakeRunner
from tests.helpers.patience import DEADLINE_S, LOOK_S
from tests.helpers.workers import registered


@asynccontextmanager
async def observing(bridge: Bridge, name: str = "observer", idle_s: float = 600.0) -> AsyncIterator[None]:
    """An observer at work, as a worker has one."""
    watch, leaving = DirectoryWatch(bridge.config.sessions_dir), asyncio.Event()
    task = asyncio.create_task(
        Observer(
            bridge.db,
            watch,
            await registered(bridge.db, name),
            replace(bridge.config, observed_idle_s=idle_s),
            leaving,
        ).run()
    )
    try:
        yield
    finally:
        leaving.set()
        async with asyncio.timeout(DEADLINE_S):
            await task
            await watch.close()


def somebodys_runner(session_id: str | None = None) -> FakeRunner:
    return FakeRunner("001-sol-transfer", "glm-4.6", session_id or str(uuid.uuid4()))


def id_of(runner: FakeRunner) -> ExecutionId:
    return execution_of(runner.id)[0]


async def stored(bridge: Bridge, runner: FakeRunner, status: ExecutionStatus) -> Execution:
    """The runner's execution once it has come to a status."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = await state_machine.get(bridge.db, id_of(runner))
            if found is not None and found.status is status:
                return found
            await asyncio.sleep(LOOK_S)
