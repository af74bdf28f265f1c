"""What one runner writes, stored while it runs and once more after its end: output, tool log and transcript."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence

from runner_bridge.formats.file_names import own_directory
from runner_bridge.formats.paths import Directory
from runner_bridge.formats.tool_logs.flow_progress import StepCounter
from runner_bridge.launchers.output import RunnerOutput
from runner_bridge.launchers.output_tail import OutputTail
from runner_bridge.sessions.find_session import ExpectedSession
from runner_bridge.tool_logs.tail import ToolLogTail
from runner_bridge.tool_logs.transcript_tail import TranscriptTail
from runner_bridge.waiting import ShuttingDown, until_stored
from runner_bridge.worker.context import WorkerContext
from store.model import Execution, ToolCall, ToolCallStatus

log = logging.getLogger(__name__)

StoredCalls = Mapping[int, ToolCallStatus]
"""Tool calls that are stored already, by ordinal."""


class RunnerFiles:
    """`stored` are the tool calls that a worker before this one has stored."""

    def __init__(
        self,
        context: WorkerContext,
        execution: Execution,
        expected: ExpectedSession,
        output: RunnerOutput,
        stored: StoredCalls,
    ) -> None:
        self._context = context
        sessions = context.config.sessions_dir
        environment, owner = expected.environment, context.owner
        self._log = ToolLogTail(
            *(context.db, execution.id, Directory(sessions), stored, environment),
            owner=owner,
            steps=StepCounter(expected.benchmark_id, execution.progress.total),
            adopts=own_directory(sessions, expected.execution_id).is_dir(),
        )
        self._transcript = TranscriptTail(
            context.db, execution.id, Directory(sessions), environment, owner=owner
        )
        self._output = OutputTail(context.db, execution.id, output, environment, owner)
        self._tails = (self._log, self._transcript, self._output)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """What the tool log has told so far."""
        return self._log.calls

    async def follow(self, ended: asyncio.Event) -> None:
        """Stores what is written until `ended` is set."""
        watch = self._context.watch
        await settle(
            [
                self._log.follow(watch, ended),
                self._transcript.follow(watch, ended),
                self._output.follow(ended),
            ]
        )

    def read_rest(self) -> None:
        """Reads what is left when the runner has ended. Called in a thread, and after `follow`."""
        for tail in self._tails:
            try:
                tail.read_rest()
            except Exception:
                # Whatever it is: it costs the execution nothing but this file.
                log.exception("reading a runner's files failed")

    async def store_rest(self) -> None:
        """Stores what `read_rest` read, and what was written while the database was away."""
        await settle([until_stored(tail.flush, self._context.leaving) for tail in self._tails])


async def settle(work: Sequence[Awaitable[None]]) -> None:
    """Waits for all of this; a failure is logged and costs the execution nothing. Raises ShuttingDown."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, ShuttingDown):
            raise outcome
        if isinstance(outcome, BaseException):
            log.error("reading a runner's files failed", exc_info=outcome)
