"""One execution from its claim to its end: the runner is started or found again, watched, ended, and read.

The row is written once, and only when nothing of the runner lives any more, or when what lives on cannot be
ended: then it says so. Cancelling a supervision leaves the runner running on purpose: the worker that gets the
execution next watches on. `shut_down` ends the runner with its worker instead.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from runner_bridge.errors import LaunchError
from runner_bridge.formats.file_names import session_file_name, tool_log_name, transcript_name
from runner_bridge.launchers import runner_process
from runner_bridge.launchers.output import RunnerOutput
from runner_bridge.launchers.runner_process import ProcessExit, RunnerProcess
from runner_bridge.launchers.start_runner import (
    agent_environment,
    output_path,
    remove_definition,
    runner_environment,
    start_runner,
)
from runner_bridge.processes.reaper import LEFTOVER_GRACE_S
from runner_bridge.sessions.find_session import ExpectedSession, find_session
from runner_bridge.waiting import until_stored
from runner_bridge.worker.context import WorkerContext
from runner_bridge.worker.end_cause import EndCause, EndReason, wait_for_end_cause
from runner_bridge.worker.liveness import Liveness
from runner_bridge.worker.liveness_record import LivenessRecord
from runner_bridge.worker.result import decide, steps_done
from runner_bridge.worker.runner_end import RunnerEnd, after_exit, end_living, end_processes
from runner_bridge.worker.runner_files import RunnerFiles, StoredCalls, settle
from store.executions import results, state_machine
from store.executions.state_machine import ProcessIdentity
from store.model import Benchmark, Ending, Execution, ExecutionStatus, Failure, FailureKind, ToolCall

log = logging.getLogger(__name__)


class Supervision:
    """One execution that this worker owns."""

    def __init__(self, context: WorkerContext, execution: Execution, benchmark: Benchmark) -> None:
        self._context = context
        self._config = config = context.config
        self._execution = execution
        self._benchmark = benchmark
        self._id = str(execution.id)
        self._output = RunnerOutput(output_path(config, self._id), config.output_cap_bytes)
        self._expected = ExpectedSession(
            self._id,
            benchmark.id,
            benchmark.source,
            config.is_local_runner,
            runner_environment(config, {}),
        )
        self._shutdown = asyncio.Event()
        self.started = asyncio.Event()
        """Set once there is a runner that the next worker can find."""
        self.exited = asyncio.Event()
        """Set once the runner's own end has been seen: what remains to be done takes a moment only."""

    def shut_down(self) -> None:
        """Ends the runner, because its worker ends and is to leave nothing running."""
        self._shutdown.set()

    async def execute(self) -> None:
        """Starts the runner and sees it to its end."""
        try:
            agent_revision = await self._learn_environment()
            environment = self._expected.environment
            arguments = self._context.command.arguments
            runner = await start_runner(
                self._config, arguments, self._execution, self._benchmark, environment
            )
        except LaunchError as error:
            await self._finish(Ending(ExecutionStatus.FAILED, Failure(FailureKind.LAUNCH, str(error))))
            return
        startup_time_ms = 0 if self._config.beginning is None else None
        is_ours = await until_stored(
            lambda: state_machine.record_process(
                self._context.db,
                self._execution.id,
                runner.identity,
                self._context.owner,
                startup_time_ms,
                agent_revision,
            ),
            self._context.leaving,
        )
        self.started.set()
        if not is_ours:
            # This process stood still for so long that another worker took over, and has found no runner.
            log.warning("execution %s was taken over while its runner was started", self._id)
            await end_processes(self._context, self._id, runner.identity, LEFTOVER_GRACE_S)
            runner.release()
            return
        await self._supervise(runner, {})

    async def resume(self) -> None:
        """Takes over from a worker that is gone: watches on, or reads what a dead runner left."""
        self.started.set()
        try:
            await self._learn_environment()
        except LaunchError as error:
            log.warning("execution %s: its output is not searched for the API key: %s", self._id, error)
        recorded, stored = await until_stored(self._recorded, self._context.leaving)
        runner = runner_process.find(self._context.process_table, self._id, recorded)
        if runner is None:
            await self._read_what_is_left(recorded, stored)
            return
        log.info("execution %s goes on: its runner %d still lives", self._id, runner.pid)
        await self._supervise(runner, stored)

    async def _recorded(self) -> tuple[ProcessIdentity | None, StoredCalls]:
        """The runner's process, and the tool calls that the worker before this one has stored."""
        db, execution_id = self._context.db, self._execution.id
        recorded = await state_machine.process_of(db, execution_id)
        stored = (await results.tool_calls_of(db, [execution_id])).get(execution_id, ())
        return recorded, {call.ordinal: call.status for call in stored}

    async def _learn_environment(self) -> int | None:
        """The environment of this agent's runners as it is set now, and its revision; raises LaunchError."""
        agent = self._execution.agent
        environment, revision = await until_stored(
            lambda: agent_environment(self._context.db, self._config, agent), self._context.leaving
        )
        self._expected = replace(self._expected, environment=environment)
        return revision

    async def _supervise(self, runner: RunnerProcess, stored: StoredCalls) -> None:
        ended = asyncio.Event()
        liveness = self._liveness(runner)
        files = self._files(stored)
        record = LivenessRecord(
            self._context.db,
            self._execution.id,
            liveness,
            self._context.owner,
            has_begun=liveness.startup_time_ms is not None,
        )
        aside = [
            asyncio.create_task(files.follow(ended), name="runner files"),
            asyncio.create_task(record.follow(ended), name="liveness record"),
        ]
        try:
            cause = await wait_for_end_cause(self._context, self._execution, runner, liveness, self._shutdown)
            if cause.reason is EndReason.EXITED:
                self.exited.set()
                ended.set()
                end = await after_exit(self._context, self._expected, runner)
            else:
                end = await end_living(
                    self._context, self._execution.id, self._expected, runner, cause, self.exited
                )
                ended.set()
            await settle(aside)
            await files.store_rest()
            await self._finish(await asyncio.to_thread(self._ending, end, files.tool_calls))
            runner.release()
        finally:
            for task in aside:
                task.cancel()

    async def _read_what_is_left(self, recorded: ProcessIdentity | None, stored: StoredCalls) -> None:
        """The end of a runner that ended while no worker watched: its result, and what it wrote until then."""
        self.exited.set()
        left = await end_processes(self._context, self._id, recorded, LEFTOVER_GRACE_S)
        found = await find_session(self._config.sessions_dir, self._expected, 0, 0)
        files = self._files(stored)
        ended = asyncio.Event()
        ended.set()
        await files.follow(ended)
        await files.store_rest()
        # A worker before this one was told to stop it, and may have done so.
        was_stopped = self._execution.status is ExecutionStatus.STOPPING
        cause = EndCause(EndReason.STOP_REQUESTED if was_stopped else EndReason.EXITED)
        end = RunnerEnd(cause, ProcessExit(), found, None, left)
        await self._finish(await asyncio.to_thread(self._ending, end, files.tool_calls))

    def _files(self, stored: StoredCalls) -> RunnerFiles:
        return RunnerFiles(self._context, self._execution, self._expected, self._output, stored)

    def _liveness(self, runner: RunnerProcess) -> Liveness:
        sessions = self._config.sessions_dir
        files = (
            self._output.path,
            sessions / tool_log_name(self._id),
            sessions / transcript_name(self._id),
            sessions / session_file_name(self._id),
        )
        return Liveness(runner, files, self._config.beginning, self._execution.startup_time_ms)

    def _ending(self, end: RunnerEnd, tool_calls: tuple[ToolCall, ...]) -> Ending:
        """May take a while for a big result: called in a thread."""
        ending = decide(
            self._expected,
            end.found,
            end.exit,
            stop_accepted=end.cause.reason in (EndReason.STOP_REQUESTED, EndReason.SHUTDOWN),
            limit_reached=end.cause.limit_reached,
            still_lives=end.still_lives,
            last_lines=self._output.last_lines(self._expected.environment),
            execution_time_ms=end.execution_time_ms,
            tool_calls=tool_calls,
        )
        done = steps_done(ending, self._execution.progress.total)
        return replace(ending, steps_done=done, leaked_processes=end.left)

    async def _finish(self, ending: Ending) -> None:
        await self._context.write_end(self._execution.id, ending)
        remove_definition(self._config, self._id)
