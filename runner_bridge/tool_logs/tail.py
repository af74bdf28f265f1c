"""Follows the tool log of a running execution and stores each new line as an event at once.

A log that is replaced or shortened is followed no further; what was stored of it stays.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from runner_bridge.formats.file_names import tool_log_name
from runner_bridge.formats.files import DirectoryReader
from runner_bridge.formats.paths import Directory
from runner_bridge.formats.tool_logs.flow_progress import StepCounter
from runner_bridge.formats.tool_logs.tool_log import LogChange, StepComplete
from runner_bridge.ingest_failures import place_of, record_failures
from runner_bridge.redaction import redact_bytes
from runner_bridge.tool_logs.content import clean_call, clean_calls, failures_of, log_row
from runner_bridge.tool_logs.file_tail import EVENTS_AT_ONCE, FileTail
from runner_bridge.tool_logs.log_file import ToolLogFile
from store.executions import state_machine, tool_logs
from store.executions.ingest_problems import FoundFailure
from store.executions.tool_logs import LogRow, split_text
from store.model import EventKind, ExecutionId, ToolCall, ToolCallStatus, WorkerId
from store.postgres.database import Database

NOTE_S = 1.0
"""Between two updates of the log's row. Calls are stored at once; the rest is for people, who can wait."""

Change = tuple[EventKind, ToolCall]

StepsDone = int
"""How many steps of the flow were done at this place among the calls."""


class ToolLogTail(FileTail):
    """One execution's tool log. `known` are the tool calls already stored, by ordinal.

    `environment` is the runner's, for its secrets. `name` and `session_id` are the log's, when they are not
    made of the execution's id; `adopts` as in ToolLogReader. `steps` counts what the log tells of the steps of a
    flow.
    """

    def __init__(
        self,
        db: Database,
        execution_id: ExecutionId,
        directory: Directory,
        known: Mapping[int, ToolCallStatus],
        environment: Mapping[str, str],
        *,
        name: str | None = None,
        session_id: str | None = None,
        adopts: bool = False,
        owner: WorkerId | None = None,
        steps: StepCounter | None = None,
    ) -> None:
        super().__init__(db, execution_id, environment, owner)
        self._directory = directory
        self._known = known
        self._log = ToolLogFile(
            directory,
            name or tool_log_name(str(execution_id)),
            session_id or str(execution_id),
            adopts=adopts,
        )
        self._steps = steps
        self._pending: list[Change | StepsDone] = []
        self._text = b""
        self._text_offset = 0
        self._noted: LogRow | None = None
        self._noted_bytes = 0
        self._noted_at = 0.0
        self._failures: list[FoundFailure] | None = None

    @property
    def file(self) -> ToolLogFile:
        return self._log

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """Every tool call read so far."""
        return clean_calls(self._log, self._environment)

    @property
    def has_pending(self) -> bool:
        return bool(self._pending) or self._is_ahead

    def _finish(self) -> None:
        self._take(self._log.finish())
        if self._log.reader.names_only_other_sessions:
            self._read_as_another_sessions()

    def _read_as_another_sessions(self) -> None:
        """Every line names another session: they are shown all the same."""
        with suppress(FileNotFoundError), DirectoryReader(self._directory) as opened:
            adopting, changes = self._log.of_the_other_session(opened)
            self._take(changes)
            self._log, self._text, self._text_offset = adopting, b"", 0

    def _take_chunk(self) -> bool:
        changes, more = self._log.read_on()
        self._take(changes)
        return more

    def _take(self, changes: Sequence[LogChange]) -> None:
        for change in changes:
            if isinstance(change, StepComplete):
                done = None if self._steps is None else self._steps.take(change.step_name)
                if done is not None:
                    self._pending.append(done)
                continue
            kind = EventKind.TOOL_CALL_STARTED if change.kind == "started" else EventKind.TOOL_CALL_ENDED
            if not self._is_known(kind, change.call.ordinal):
                self._pending.append((kind, clean_call(change.call, self._environment)))

    def _is_known(self, kind: EventKind, ordinal: int) -> bool:
        stored = self._known.get(ordinal)
        return stored is not None and (
            kind is EventKind.TOOL_CALL_STARTED or stored is not ToolCallStatus.UNFINISHED
        )

    async def flush(self) -> None:
        while self._pending:
            first = self._pending[0]
            if isinstance(first, StepsDone):
                await state_machine.record_progress(self._db, self._id, first, self._owner)
                del self._pending[0]
                continue
            batch: list[Change] = []
            for item in self._pending[:EVENTS_AT_ONCE]:
                if isinstance(item, StepsDone):
                    break
                batch.append(item)
            await state_machine.append_tool_calls(self._db, self._id, batch, self._owner)
            del self._pending[: len(batch)]
        if self._log.is_finished or time.monotonic() - self._noted_at >= NOTE_S:
            await self._note()

    @property
    def _is_ahead(self) -> bool:
        """Whether more was read than the log's row says."""
        return self._noted_bytes != self._log.bytes

    async def _note(self) -> None:
        """Stores the log's row and its new lines."""
        if not self._log.bytes and self._log.cut_off is None:
            return
        size = self._log.bytes
        row = await asyncio.to_thread(log_row, self._log, self._environment)
        if row != self._noted:
            self._text += redact_bytes(self._log.take_text(), self._environment)
            for piece in split_text(self._text) or [b""]:
                await tool_logs.note(self._db, self._id, row, self._text_offset, piece, self._owner)
                self._text_offset += len(piece)
                self._text = self._text[len(piece) :]
            await self._record_failures()
        self._noted, self._noted_bytes, self._noted_at = row, size, time.monotonic()

    async def _record_failures(self) -> None:
        failures = await asyncio.to_thread(failures_of, self._log, self._environment)
        if failures != self._failures:
            place = place_of(self._directory.path)
            await record_failures(self._db, place, [self._log.name], failures)
            self._failures = failures
