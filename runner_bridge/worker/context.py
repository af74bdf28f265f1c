"""What everything in one worker shares: its connections, settings and identity."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import field

from runner_bridge.benchmarks.definitions import Definitions
from runner_bridge.counters import Counters
from runner_bridge.launchers.command_help import RunnerCommand
from runner_bridge.launchers.launchers import Launchers
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.waiting import until_stored
from runner_bridge.watching.directory_watch import DirectoryWatch
from store.executions import state_machine
from store.live.worker_feed import WorkerFeed
from store.model import Ending, Execution, ExecutionId, WorkerId
from store.postgres.database import Database
from store.records import record

log = logging.getLogger(__name__)


@record
class WorkerContext:
    """`leaving` is set when the worker has to end.

    `owner` is this worker: what it writes about an execution that another took over is refused.
    """

    db: Database
    feed: WorkerFeed
    config: RunnerConfig
    command: RunnerCommand
    watch: DirectoryWatch
    leaving: asyncio.Event
    owner: WorkerId
    launchers: Launchers
    counters: Counters = field(default_factory=Counters)
    definitions: Definitions = field(default_factory=Definitions)

    async def write_end(self, execution_id: ExecutionId, ending: Ending) -> None:
        """Writes the end of an execution, once, however long the database is away."""

        async def write() -> Execution | None:
            return await state_machine.finish(
                self.db, execution_id, ending, self.owner, rerun_lost=self.config.rerun_lost
            )

        if await until_stored(write, self.leaving) is None:
            log.warning("execution %s had been ended or taken over by another worker", execution_id)
