"""Follows a file of a running execution: what is written to it is stored at once.

After a restart the file is read from its beginning, and only what is not stored yet is stored.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from runner_bridge.tool_logs.growing_file import GrowingFile
from runner_bridge.waiting import wait_for_event
from runner_bridge.watching.directory_watch import DirectoryWatch
from store.errors import DatabaseBusy, DatabaseUnavailable
from store.model import ExecutionId, WorkerId
from store.postgres.database import Database

LOOK_S = 0.5
"""Between two looks without a wake-up, in case the directory watch missed one."""

EVENTS_AT_ONCE = 200
"""Events stored in one transaction."""

logger = logging.getLogger(__name__)


class FileTail(ABC):
    """One file of one execution. `environment` is the runner's, for its secrets."""

    def __init__(
        self,
        db: Database,
        execution_id: ExecutionId,
        environment: Mapping[str, str],
        owner: WorkerId | None,
    ) -> None:
        self._db = db
        self._id = execution_id
        self._environment = environment
        self._owner = owner

    @property
    @abstractmethod
    def file(self) -> GrowingFile:
        """The file as far as it was read."""

    @property
    @abstractmethod
    def has_pending(self) -> bool:
        """Whether something that was read is not stored yet."""

    @abstractmethod
    def _finish(self) -> None:
        """Takes the last line even if it has no end. Called in a thread, when nothing more will come."""

    @abstractmethod
    async def flush(self) -> None:
        """Stores what was read and not stored yet; safe to repeat. Raises the store's errors."""

    @abstractmethod
    def _take_chunk(self) -> bool:
        """Reads at most a chunk of what was appended; whether there may be more. Called in a thread."""

    @property
    def path(self) -> Path:
        return self.file.directory.path / self.file.name

    async def follow(self, watch: DirectoryWatch, ended: asyncio.Event) -> None:
        """Stores what is written until `ended` is set."""
        with watch.follow(self.file.name) as changed:
            wake = asyncio.create_task(self._wake_at_end(ended, changed))
            try:
                while not ended.is_set():
                    changed.clear()
                    await self.drain()
                    await wait_for_event(changed, LOOK_S)
            finally:
                wake.cancel()

    @staticmethod
    async def _wake_at_end(ended: asyncio.Event, changed: asyncio.Event) -> None:
        await ended.wait()
        changed.set()

    async def drain(self) -> None:
        """Stores what was written since the last call. Not to be called twice at once, nor beside `follow`."""
        await asyncio.to_thread(self._read)
        await self._store_if_possible()

    async def conclude(self) -> None:
        """Stores what is left. Called when nothing more will come, and after `follow`."""
        await asyncio.to_thread(self.read_rest)
        await self._store_if_possible()

    def read_rest(self) -> None:
        """Reads what is left, a last line without its end included, for `flush`. Called in a thread."""
        self._read()
        self._finish()

    def _read(self) -> None:
        while self._read_chunk():
            pass

    def _read_chunk(self) -> bool:
        was_cut_off = self.file.cut_off is not None
        more = self._take_chunk()
        if self.file.cut_off is not None and not was_cut_off:
            logger.warning("%s is read no further: %s", self.path, self.file.cut_off)
        return more

    async def _store_if_possible(self) -> None:
        try:
            await self.flush()
        except (DatabaseUnavailable, DatabaseBusy) as error:
            logger.warning("%s of execution %s waits for the database: %s", self.file.name, self._id, error)
