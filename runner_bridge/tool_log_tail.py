"""Follows the tool log a living runner writes, and turns each new line into an event while it happens.

Only what is new is stored: after a restart the log is read from its beginning and compared with what the
database holds. A log that is replaced or shortened is followed no further; whatever was in it stays.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from runner_bridge.convert import tool_call
from runner_bridge.formats import tool_call as tool_call_format
from runner_bridge.formats.flow_progress import StepCounter
from runner_bridge.formats.tool_log import LogChange, StepComplete, ToolLogReader
from runner_bridge.output import redact, redact_json
from runner_bridge.storing import wait_for_event
from runner_bridge.tool_log_file import MAX_TOOL_LOG_BYTES, tool_log_name
from runner_bridge.watching import DirectoryWatch
from store import executions
from store.database import Database
from store.errors import DatabaseBusy, DatabaseUnavailable
from store.model import EventKind, ExecutionId, ToolCall, ToolCallStatus, WorkerId

LOOK_S = 0.5
"""A net under the directory watch."""

CHUNK_BYTES = 1024 * 1024
"""Of a tool log, read at once."""

EVENTS_AT_ONCE = 200
"""Events stored in one transaction."""

FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK

log = logging.getLogger(__name__)

Change = tuple[EventKind, ToolCall]

StepsDone = int
"""How many steps of the flow are done, between the calls before and after."""


class ToolLogTail:
    """One execution's tool log. `known` are the tool calls already stored, by ordinal.

    `environment` is the runner's, for its secrets. `name` and `session_id` are the log's, when they are not
    made of the execution's id. `steps` counts what the log tells of the steps of a flow. With `adopts` the log
    is of this execution though its lines name another session.
    """

    def __init__(
        self,
        db: Database,
        execution_id: ExecutionId,
        watch: DirectoryWatch,
        known: Mapping[int, ToolCallStatus],
        environment: Mapping[str, str],
        *,
        name: str | None = None,
        session_id: str | None = None,
        owner: WorkerId | None = None,
        steps: StepCounter | None = None,
        adopts: bool = False,
    ) -> None:
        self._db = db
        self._id = execution_id
        self._watch = watch
        self._known = known
        self._environment = environment
        self._owner = owner
        self._name = name or tool_log_name(str(execution_id))
        self._reader = ToolLogReader(session_id or str(execution_id), adopts=adopts)
        self._file: tuple[int, int] | None = None
        self._offset = 0
        self._given_up = False
        self._steps = steps
        self._pending: list[Change | StepsDone] = []

    @property
    def path(self) -> Path:
        return self._watch.root / self._name

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """Every tool call read so far."""
        return tuple(self._clean(call) for call in self._reader.calls)

    async def follow(self, ended: asyncio.Event) -> None:
        """Stores what is written until `ended` is set, and then once more what is left."""
        with self._watch.follow(self.path.name) as changed:
            wake = asyncio.create_task(self._wake_at_end(ended, changed))
            try:
                while not ended.is_set():
                    changed.clear()
                    await self.drain()
                    await wait_for_event(changed, LOOK_S)
            finally:
                wake.cancel()
        await self.conclude()
        if foreign := sum(one.count for one in self._reader.foreign):
            log.warning("%s has %d lines of other sessions", self.path, foreign)

    @property
    def has_pending(self) -> bool:
        """Whether something read could not be stored yet."""
        return bool(self._pending)

    async def conclude(self) -> None:
        """Stores what is left, a last line without its end included: nothing more will come."""
        await self.drain()
        self._take(self._reader.finish())
        await self._store_if_possible()

    @staticmethod
    async def _wake_at_end(ended: asyncio.Event, changed: asyncio.Event) -> None:
        await ended.wait()
        changed.set()

    async def drain(self) -> None:
        """Stores what was written since the last time. Never twice at once, nor beside `follow`."""
        while await asyncio.to_thread(self._read_chunk):
            pass
        await self._store_if_possible()

    async def _store_if_possible(self) -> None:
        try:
            await self.flush()
        except (DatabaseUnavailable, DatabaseBusy) as error:
            log.warning("tool calls of execution %s wait for the database: %s", self._id, error)

    def _read_chunk(self) -> bool:
        """Reads what was appended, at most a chunk; whether there may be more."""
        if self._given_up:
            return False
        data = self._read_appended()
        if not data:
            return False
        self._offset += len(data)
        self._take(self._reader.feed(data))
        return len(data) == CHUNK_BYTES

    def _take(self, changes: Sequence[LogChange]) -> None:
        for change in changes:
            if isinstance(change, StepComplete):
                done = None if self._steps is None else self._steps.take(change.step_name)
                if done is not None:
                    self._pending.append(done)
                continue
            kind = EventKind.TOOL_CALL_STARTED if change.kind == "started" else EventKind.TOOL_CALL_ENDED
            if not self._is_known(kind, change.call.ordinal):
                self._pending.append((kind, self._clean(change.call)))

    def _clean(self, call: tool_call_format.ToolCall) -> ToolCall:
        """The call as it may be stored: an agent may say a secret to its tools."""
        found = tool_call(call)
        return replace(
            found,
            name=redact(found.name, self._environment),
            raw_name=redact(found.raw_name, self._environment),
            params=redact_json(found.params, self._environment),
            result=redact_json(found.result, self._environment),
            error_message=redact_json(found.error_message, self._environment),
        )

    def _read_appended(self) -> bytes:
        try:
            descriptor = os.open(self.path, FLAGS)
        except FileNotFoundError:
            return b""
        except OSError as error:
            return self._give_up(str(error))
        try:
            seen = os.fstat(descriptor)
            if not stat.S_ISREG(seen.st_mode):
                return self._give_up("it is not a regular file")
            file = (seen.st_dev, seen.st_ino)
            self._file = self._file or file
            if file != self._file:
                return self._give_up("it was replaced while it was read")
            if seen.st_size < self._offset:
                return self._give_up("it was shortened while it was read")
            if self._offset >= MAX_TOOL_LOG_BYTES:
                return self._give_up(f"it is larger than {MAX_TOOL_LOG_BYTES} bytes")
            return os.pread(descriptor, CHUNK_BYTES, self._offset)
        finally:
            os.close(descriptor)

    def _give_up(self, reason: str) -> bytes:
        self._given_up = True
        log.warning("the tool log %s is read no further: %s", self.path, reason)
        return b""

    def _is_known(self, kind: EventKind, ordinal: int) -> bool:
        stored = self._known.get(ordinal)
        return stored is not None and (
            kind is EventKind.TOOL_CALL_STARTED or stored is not ToolCallStatus.UNFINISHED
        )

    async def flush(self) -> None:
        """Stores what was read and not stored yet; safe to repeat. Raises the store's errors."""
        while self._pending:
            first = self._pending[0]
            if isinstance(first, StepsDone):
                await executions.record_progress(self._db, self._id, first, self._owner)
                del self._pending[0]
                continue
            batch: list[Change] = []
            for item in self._pending[:EVENTS_AT_ONCE]:
                if isinstance(item, StepsDone):
                    break
                batch.append(item)
            await executions.append_tool_calls(self._db, self._id, batch, self._owner)
            del self._pending[: len(batch)]
