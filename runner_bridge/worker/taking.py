"""Takes executions from the queue, as many as the worker has room for, whenever the queue is worth a look."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from runner_bridge.waiting import wait_for_any
from runner_bridge.worker.context import WorkerContext
from store.errors import StoreError
from store.executions import queue
from store.live.change_signal import ChangeSignal
from store.model import Execution
from store.workers.concurrency_limits import Limits

AGAIN_S = 1.0
"""Until the next try where a look at the queue failed, or claimed nothing though there seemed to be something."""

log = logging.getLogger(__name__)


class Taking:
    """Of one worker. `busy` says how many executions it has; what is taken is given to `begin` at once."""

    def __init__(
        self,
        context: WorkerContext,
        limits: Limits,
        busy: Callable[[], int],
        begin: Callable[[Execution], None],
    ) -> None:
        self.freed = ChangeSignal()
        """To be fired when an execution has ended: there is room for another."""
        self._context = context
        self._hints = context.feed.queue
        self._limits = limits
        self._busy = busy
        self._begin = begin
        self._looking = asyncio.Lock()
        self._is_finishing = False

    async def run(self) -> None:
        """Until the worker leaves."""
        leaving = self._context.leaving
        while not leaving.is_set():
            changed, freed, again_s = self._hints.changed.next, self.freed.next, None
            if self._free > 0 and self._hints.is_worth_it:
                async with self._looking:
                    is_answered = await self._take_some()
                if is_answered:
                    continue
                again_s = AGAIN_S
            await wait_for_any(changed, freed, leaving, timeout_s=again_s)

    async def finish(self) -> None:
        """Takes nothing more; returns when no claim is under way."""
        self._is_finishing = True
        async with self._looking:
            pass

    @property
    def _free(self) -> int:
        return 0 if self._is_finishing else self._limits.capacity - self._busy()

    async def _take_some(self) -> bool:
        """One look, unless another worker was faster; whether the next may come at once."""
        context = self._context
        if not await self._until_turn():
            return True
        try:
            await self._learn_command()
            if context.leaving.is_set():
                return True
            began = time.monotonic()
            kind = context.config.runner_kind
            look = await queue.claim(context.db, context.owner, self._limits, kind, at_most=self._free)
        except StoreError as error:
            log.warning("nothing can be taken from the queue just now: %s", error)
            return False
        except Exception:
            # Whatever it was: without this loop nothing would be executed again.
            log.exception("taking from the queue failed")
            return False
        self._hints.note(look, time.monotonic() - began)
        for execution in look.taken:
            self._begin(execution)
        return bool(look.taken) or look.outcome is not None

    async def _until_turn(self) -> bool:
        """Whether a look is still worth it when it is this worker's turn."""
        leaving = self._context.leaving
        while self._free > 0 and self._hints.is_worth_it and not leaving.is_set():
            changed = self._hints.changed.next
            delay_s = self._hints.delay_s
            if delay_s <= 0:
                return True
            await wait_for_any(changed, leaving, timeout_s=delay_s)
        return False

    async def _learn_command(self) -> None:
        """Nothing is taken before it is known what the runner is called with; a compiler may come first."""
        learning = asyncio.create_task(self._context.command.learn(), name="runner's help")
        leaving = asyncio.create_task(self._context.leaving.wait())
        try:
            await asyncio.wait({learning, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            learning.cancel()
            leaving.cancel()
            for outcome in await asyncio.gather(learning, leaving, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.error("asking the runner for its flags failed", exc_info=outcome)
