"""Follows what a living runner prints, and stores it as clean text.

Secrets of the runner's environment are replaced before anything is stored. To recognise them, only whole lines
are stored; a line beyond PIECE_BYTES is cut, but not inside a secret.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from runner_bridge.launchers.output import RunnerOutput
from runner_bridge.redaction import clean_text, cut_beside_secrets, redact
from runner_bridge.waiting import wait_for_event
from store.errors import StoreError
from store.executions import output as stored_output
from store.model import ExecutionId, WorkerId
from store.postgres.database import Database

LOOK_S = 0.2
"""How often the output is read: as often as a person can follow."""

PIECE_BYTES = 64 * 1024
LONGEST_SECRET = 8 * 1024

log = logging.getLogger(__name__)


class OutputTail:
    """One execution's output. `environment` is the runner's, for its secrets."""

    def __init__(
        self,
        db: Database,
        execution_id: ExecutionId,
        output: RunnerOutput,
        environment: Mapping[str, str],
        owner: WorkerId | None = None,
    ) -> None:
        self._db = db
        self._id = execution_id
        self._output = output
        self._environment = environment
        self._owner = owner
        self._read = 0
        self._stored = 0
        self._already: int | None = None
        """Bytes that a worker before this one stored, which are not stored again; None until known."""
        self._waiting = b""
        self._is_over = False
        """Whether everything was read of an output that has ended."""

    async def follow(self, ended: asyncio.Event) -> None:
        """Stores what is printed until `ended` is set."""
        while not await wait_for_event(ended, LOOK_S):
            await asyncio.to_thread(self._output.check)
            try:
                await self._drain()
            except StoreError as error:
                log.warning("output of execution %s waits for the database: %s", self._id, error)

    def read_rest(self) -> None:
        """Reads on after the output has ended, for `flush`, up to PIECE_BYTES. Called in a thread."""
        self._output.close()
        while len(self._waiting) < PIECE_BYTES and self._read_on():
            pass

    async def flush(self) -> None:
        """Stores everything that is left of an output that has ended; safe to repeat. Raises StoreError."""
        await self._drain()
        if self._waiting:
            await self._store(self._waiting)
            self._waiting = b""

    async def _drain(self) -> None:
        await self._store_lines()
        while not self._is_over and await asyncio.to_thread(self._read_on):
            await self._store_lines()

    def _read_on(self) -> bool:
        """Whether there was more."""
        data = self._output.read(self._read, PIECE_BYTES)
        self._read += len(data)
        self._waiting += data
        self._is_over = not data and self._output.is_closed
        return bool(data)

    async def _store_lines(self) -> None:
        end = self._waiting.rfind(b"\n") + 1
        if not end and len(self._waiting) >= PIECE_BYTES:
            end = cut_beside_secrets(self._waiting, PIECE_BYTES - LONGEST_SECRET, self._environment)
        if end:
            await self._store(self._waiting[:end])
            self._waiting = self._waiting[end:]

    async def _store(self, raw: bytes) -> None:
        if self._already is None:
            # A worker that takes over reads from the beginning and skips what the one before it stored.
            self._already = await stored_output.size(self._db, self._id)
        content = redact(clean_text(raw), self._environment).encode()
        end = self._stored + len(content)
        if fresh := content[max(0, self._already - self._stored) :]:
            await stored_output.append(self._db, self._id, end - len(fresh), fresh, self._owner)
        self._stored = end
