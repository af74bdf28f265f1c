"""Follows what ends and sends its traces. A receiver that is away costs traces, which are counted, no more.

The queue holds ids alone, and has a limit. An execution is sent by the worker that it belongs to; where that was
gone when it ended, by the oldest of those that are present.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from runner_bridge.counters import Counters
from runner_bridge.waiting import wait_for_any
from store.errors import StoreError
from store.executions import messages, results, state_machine
from store.live.change_signal import ChangeSignal
from store.live.ended import EndedExecutions
from store.model import ExecutionId, Message, WorkerId
from store.postgres.database import Database
from store.records import record

if TYPE_CHECKING:
    from runner_bridge.traces.sending import Sender

QUEUE = 1_000
"""Executions that wait to be sent; beyond it the newest are dropped."""

NEWS_S = 3600.0
"""What ended longer ago was imported: it is history."""

MESSAGES_AT_ONCE = 500
MAX_MESSAGES = 10_000

LOOK_S = 10.0
"""Between two looks for what others left, where nothing of this worker ends."""

AFTER_FAULT_S = 5.0

FLUSH_S = 3.0
"""How long shutdown waits for what is queued."""

log = logging.getLogger(__name__)


@record
class TracesConfig:
    """`endpoint` is the base address of an OTLP/HTTP receiver; `public_url` is where the server's pages are."""

    endpoint: str
    public_url: str | None = None
    with_content: bool = False


class TraceExporter:
    """Runs until it is told to stop. `changed` fires when an execution of this worker has ended."""

    def __init__(
        self, db: Database, changed: ChangeSignal, worker: WorkerId, config: TracesConfig, counters: Counters
    ) -> None:
        self.ended = EndedExecutions(db, worker, NEWS_S)
        self._db = db
        self._changed = changed
        self._config = config
        self._counters = counters
        self._queue: asyncio.Queue[ExecutionId] = asyncio.Queue(QUEUE)
        self._is_away = False

    async def run(self) -> None:
        """Until cancelled; then what is queued is sent within FLUSH_S, and the rest counted as dropped."""
        # Loads OpenTelemetry, which is an extra, in a thread: it takes a while.
        sender = await asyncio.to_thread(_sender, self._config.endpoint)
        sending = asyncio.create_task(self._send_all(sender), name="sending traces")
        try:
            await self._keep_following()
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._look_once_more()
                    await self._queue.join()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            self._counters.traces_dropped += self._queue.qsize()

    async def _keep_following(self) -> None:
        while True:
            try:
                await self._follow()
            except StoreError as error:
                log.warning("what ends is not followed just now: %s", error)
                await asyncio.sleep(AFTER_FAULT_S)
            except Exception:
                # Whatever it was: if this task ended, no trace would be sent again.
                log.exception("following what ends failed and is tried again")
                await asyncio.sleep(AFTER_FAULT_S)

    async def _follow(self) -> None:
        while True:
            changed = self._changed.next
            await self._look()
            await wait_for_any(changed, timeout_s=LOOK_S)

    async def _look(self) -> None:
        for execution_id in await self.ended.next():
            self._put(execution_id)

    async def _look_once_more(self) -> None:
        """What has just ended is sent too, unless the database is away."""
        try:
            await self._look()
        except StoreError as error:
            log.warning("the last traces are lost: %s", error)

    def _put(self, execution_id: ExecutionId) -> None:
        try:
            self._queue.put_nowait(execution_id)
        except asyncio.QueueFull:
            self._counters.traces_dropped += 1

    async def _send_all(self, sender: Sender) -> None:
        while True:
            execution_id = await self._queue.get()
            try:
                await self._send(sender, execution_id)
            except StoreError as error:
                self._counters.traces_dropped += 1
                log.warning("the trace of execution %s is dropped: %s", execution_id, error)
            except Exception:
                self._counters.traces_dropped += 1
                log.exception("the trace of execution %s is dropped", execution_id)
            finally:
                self._queue.task_done()

    async def _send(self, sender: Sender, execution_id: ExecutionId) -> None:
        from runner_bridge.traces.spans import Story, spans_of

        execution = await state_machine.get(self._db, execution_id)
        if execution is None:
            return
        said = await self._messages(execution_id)
        calls = await results.tool_calls_of(self._db, [execution_id])
        story = Story(execution, said, calls.get(execution_id, ()))
        spans = await asyncio.to_thread(
            spans_of,
            story,
            sender.resource,
            public_url=self._config.public_url,
            with_content=self._config.with_content,
        )
        if spans:
            self._tell(execution_id, await sender.send(spans))

    def _tell(self, execution_id: ExecutionId, is_sent: bool) -> None:
        if is_sent:
            self._counters.traces_sent += 1
        else:
            self._counters.traces_dropped += 1
        if is_sent is self._is_away:
            self._is_away = not is_sent
            if is_sent:
                log.info("traces are sent again, from execution %s on", execution_id)
            else:
                log.warning("traces are dropped while their receiver fails, from %s on", execution_id)

    async def _messages(self, execution_id: ExecutionId) -> list[Message]:
        found: list[Message] = []
        after, has_next = 0, True
        while has_next and len(found) < MAX_MESSAGES:
            key = (execution_id, after, MESSAGES_AT_ONCE)
            page = (await messages.pages_of(self._db, [key])).get(key)
            if page is None or not page.items:
                break
            found += page.items
            after, has_next = page.items[-1].ordinal, page.has_next
        return found


def _sender(endpoint: str) -> Sender:
    from runner_bridge.traces.sending import Sender

    return Sender(endpoint)
