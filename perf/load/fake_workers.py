"""Many workers in one process, without runners: the real claims, heartbeats, recovery, events and ends.

    python -m perf.load.fake_workers URL WORKERS CAPACITY LIMIT EXECUTION_MS

Prints `working` once all are registered; afterwards, for each line that it reads, its counts so far as JSON. Each
execution lasts EXECUTION_MS, makes one tool call, and succeeds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.worker.worker import Worker
from store.executions import queue, state_machine
from store.model import Ending, EventKind, Execution, ExecutionStatus, ToolCall, ToolCallStatus
from store.postgres import connector
from store.postgres.database import Database
from store.workers.concurrency_limits import Limits

POOL = 2
COUNTS = {"statements": 0, "claims": 0, "claims_of_nothing": 0}
CALL = ToolCall(
    ordinal=1,
    name="nothing",
    raw_name="nothing",
    status=ToolCallStatus.UNFINISHED,
    started_at=None,
    ended_at=None,
    duration_ms=None,
    params=None,
    result=None,
    error_message=None,
)


class FakeWorker(Worker):
    """A worker whose executions have no runner."""

    lasts_s = 1.0

    async def _see_to_end(self, execution: Execution, *, is_fresh: bool) -> None:
        db = self._context.db
        await asyncio.sleep(self.lasts_s / 2)
        ended = replace(CALL, status=ToolCallStatus.SUCCESS)
        for kind, call in ((EventKind.TOOL_CALL_STARTED, CALL), (EventKind.TOOL_CALL_ENDED, ended)):
            await state_machine.append_tool_calls(db, execution.id, [(kind, call)], self.id)
        await asyncio.sleep(self.lasts_s / 2)
        await self._context.write_end(
            execution.id, Ending(ExecutionStatus.SUCCEEDED, success=True, score=1.0)
        )


def _count_statements() -> None:
    connect = connector.Connector.connect

    async def counted(self: connector.Connector, *arguments: Any, **named: Any) -> Any:
        connection = await connect(self, *arguments, **named)
        connection.add_query_logger(_count)
        return connection

    connector.Connector.connect = counted  # type: ignore[method-assign]


def _count(_: object) -> None:
    COUNTS["statements"] += 1


def _count_claims() -> None:
    claim = queue.claim

    async def counted(*arguments: Any, **named: Any) -> queue.Look:
        look = await claim(*arguments, **named)
        COUNTS["claims"] += 1
        COUNTS["claims_of_nothing"] += not look.taken
        return look

    queue.claim = counted


async def main(url: str, count: int, capacity: int, limit: int, execution_ms: int) -> None:
    _count_statements()
    _count_claims()
    FakeWorker.lasts_s = execution_ms / 1000
    with tempfile.TemporaryDirectory() as name:
        async with AsyncExitStack() as stack:
            config = RunnerConfig(sessions_dir=Path(name), agents=("fake",))
            working = [await _start(stack, url, config, Limits(limit, capacity)) for _ in range(count)]
            print("working", flush=True)
            reader = asyncio.StreamReader()
            loop = asyncio.get_running_loop()
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
            while await reader.readline():
                print(json.dumps(COUNTS), flush=True)
            for task in working:
                task.cancel()


async def _start(stack: AsyncExitStack, url: str, config: RunnerConfig, limits: Limits) -> asyncio.Task[None]:
    db = await Database.open(url, max_size=POOL)
    stack.push_async_callback(db.close)
    worker = FakeWorker(db, config, limits=limits)
    return asyncio.create_task(worker.run())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *(int(text) for text in sys.argv[2:6])))
