"""Follows the transcript of a running execution and stores each new line as an event at once."""

from __future__ import annotations

from collections.abc import Mapping

from runner_bridge.formats.file_names import transcript_name
from runner_bridge.formats.paths import Directory
from runner_bridge.tool_logs.file_tail import EVENTS_AT_ONCE, FileTail
from runner_bridge.tool_logs.transcript_file import TranscriptFile
from store.executions import messages
from store.model import ExecutionId, Message, WorkerId
from store.postgres.database import Database

BYTES_AT_ONCE = 4 * 1024 * 1024
"""About how many bytes of the file are stored in one transaction; a single line may be longer."""


class TranscriptTail(FileTail):
    """One execution's transcript. `session_id` is the file's when it is not the execution's id."""

    def __init__(
        self,
        db: Database,
        execution_id: ExecutionId,
        directory: Directory,
        environment: Mapping[str, str],
        *,
        session_id: str | None = None,
        owner: WorkerId | None = None,
    ) -> None:
        super().__init__(db, execution_id, environment, owner)
        self._file = TranscriptFile(directory, transcript_name(session_id or str(execution_id)), environment)
        self._pending: list[Message] = []
        self._stored: int | None = None
        """The ordinal of the last line that is stored; None until known."""

    @property
    def file(self) -> TranscriptFile:
        return self._file

    @property
    def has_pending(self) -> bool:
        return bool(self._pending)

    def _finish(self) -> None:
        self._pending += self._file.finish()

    def _take_chunk(self) -> bool:
        found, more = self._file.read_on()
        self._pending += found
        return more

    async def flush(self) -> None:
        while self._pending:
            if self._stored is None:
                self._stored = await messages.stored_up_to(self._db, self._id)
            batch = _first_of(self._pending)
            fresh = [one for one in batch if one.ordinal > self._stored]
            if fresh:
                await messages.append(self._db, self._id, fresh, self._file.usage, self._owner)
            self._stored = max(self._stored, batch[-1].ordinal)
            del self._pending[: len(batch)]


def _first_of(pending: list[Message]) -> list[Message]:
    """As many as are stored together, one at least."""
    end = pending[0].end_offset + BYTES_AT_ONCE
    return [one for one in pending[:EVENTS_AT_ONCE] if one.end_offset <= end]
