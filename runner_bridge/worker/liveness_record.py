"""Writes down a runner's signs of life: that it has begun, as an event, and its last activity now and then.

Best effort: while the database is away the runner is watched all the same, and the next sign is written later.
"""

from __future__ import annotations

import asyncio
import logging
import time

from runner_bridge.waiting import wait_for_event
from runner_bridge.worker.liveness import Liveness
from store.errors import StoreError
from store.executions import state_machine
from store.model import ExecutionId, WorkerId
from store.postgres.database import Database

TICK_S = 0.1
"""How soon a beginning is told after it was seen; nothing but memory is looked at."""

TOUCH_S = 1.0
"""The last activity is written no more often than this."""

log = logging.getLogger(__name__)


class LivenessRecord:
    """What is written of one runner's signs of life. `has_begun` when its beginning is stored already."""

    def __init__(
        self, db: Database, execution_id: ExecutionId, liveness: Liveness, owner: WorkerId, *, has_begun: bool
    ) -> None:
        self._db = db
        self._id = execution_id
        self._liveness = liveness
        self._owner = owner
        self._has_begun = has_begun
        self._touched = liveness.last_sign

    async def follow(self, ended: asyncio.Event) -> None:
        """Writes what is new until `ended` is set."""
        while not await wait_for_event(ended, TICK_S):
            try:
                await self._write()
            except StoreError as error:
                log.warning("signs of life of execution %s wait for the database: %s", self._id, error)
                await wait_for_event(ended, TOUCH_S)

    async def _write(self) -> None:
        began, sign = self._liveness.startup_time_ms, self._liveness.last_sign
        if began is not None and not self._has_begun:
            await state_machine.record_beginning(self._db, self._id, began, self._owner)
            self._has_begun = True
        elif sign > self._touched and time.monotonic() - self._touched >= TOUCH_S:
            await state_machine.touch(self._db, self._id, self._owner)
        else:
            return
        self._touched = time.monotonic()
