"""Records a runner's liveness: its beginning, as an event, and now and then its last activity.

While the database is away nothing is recorded, and the runner is watched all the same.
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
"""How soon a beginning is recorded after it was seen; a tick only looks at memory."""

TOUCH_S = 1.0
"""The last activity is written no more often than this."""

log = logging.getLogger(__name__)


class LivenessRecord:
    """Of one runner. `has_begun` says that its beginning is stored already."""

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
                log.warning("the liveness of execution %s is not recorded just now: %s", self._id, error)
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
