"""One execution from its claim to its end: the runner is started or found again, watched, ended, and read.

The row is written once, and only when nothing of the runner lives any more, or when what lives on cannot be
ended: then it says so. Cancelling a supervision leaves the runner running on purpose: the worker that gets the
execution next watches on. `shut_down` ends the runner with its worker instead.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from runner_bridge.benchmarks.definitions import StoredText
from runner_bridge.errors import LaunchError
from runner_bridge.formats.file_names import session_file_name, tool_log_name, transcript_name
from runner_bridge.launchers.launcher import Launcher, Recorded, Runner
from runner_bridge.launchers.runner_process import ProcessExit
from runner_bridge.launchers.start_runner import (
    Order,
    agent_environment,
    order,
    remove_definition,
    runner_environment,
)
from runner_bridge.processes.reaper import LEFTOVER_GRACE_S
from runner_bridge.sessions.find_session import ExpectedSession, look
from runner_bridge.waiting import until_stored
from runner_bridge.worker.context import WorkerContext
from runner_bridge.worker.end_cause import EndCause, EndReason, wait_for_end_cause
from runner_bridge.worker.launching import launched
from runner_bridge.worker.liveness import Liveness
from runner_bridge.worker.liveness_record import LivenessRecord
from runner_bridge.worker.result import decide, steps_done
from runner_bridge.worker.runner_end import RunnerEnd, after_exit, end_left, end_living, end_runner
from runner_bridge.worker.runner_files import RunnerFiles, StoredCalls, settle
from store.executions import results, state_machine
from store.executions.state_machine import Handle
from store.model import Benchmark, Ending, Execution, ExecutionStatus, Failure, FailureKind

log = logging.getLogger(__name__)


class Supervision:
    """One execution that this worker owns."""

    def __init__(self, context: WorkerContext, execution: Execution, benchmark: Benchmark) -> None:
        self._context = context
        self._config = config = context.config
        self._execution = execution
        self._benchmark = benchmark
        self._id = str(execution.id)
        self._use(context.launchers.of(execution.launcher))
        self._expected = ExpectedSession(
            self._id,
            benchmark.id,
            config.is_local_runner,
            environment=runner_environment(config, {}),
        )
        self._shutdown = asyncio.Event()
        self.started = asyncio.Event()
        """Set once there is a runner that the next worker can find."""
        self.exited = asyncio.Event()
        """Set once the runner's own end has been seen: what remains to be done takes a moment only."""

    def _use(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._output = launcher.output(self._id)

    def shut_down(self) -> None:
        """Ends the runner, because its worker ends and is to leave nothing running."""
        self._shutdown.set()

    async def execute(self) -> None:
        """Starts the runner and sees it to its end."""
        self._use(self._context.launchers.chosen)
        await self._start_and_supervise()

    async def resume(self) -> None:
        """Takes over from a worker that is gone: watches on, or reads what a dead runner left."""
        recorded, stored = await until_stored(self._recorded, self._context.leaving)
        if self._launcher.repeats(recorded) and self._execution.status is ExecutionStatus.RUNNING:
            await self._start_and_supervise()
            return
        self.started.set()
        await self._learn_definition()
        try:
            await self._learn_environment()
        except LaunchError as error:
            log.warning("execution %s: its output is not searched for the API key: %s", self._id, error)
        runner = await self._launcher.find(recorded)
        if runner is None:
            await self._read_what_is_left(recorded, stored)
            return
        log.info("execution %s goes on: its runner, %s, still lives", self._id, runner.describe())
        await self._supervise(runner, stored)

    async def _start_and_supervise(self) -> None:
        try:
            agent_revision, _ = await asyncio.gather(self._learn_environment(), self._learn_definition())
            handle = self._execution.handle or self._launcher.handle(self._id, self._execution.agent)
            if not await self._announce_launch(handle):
                log.warning("execution %s was taken over before its runner was started", self._id)
                return
            runner = await launched(
                self._context, self._launcher, self._execution, self._order(), handle, self._shutdown
            )
        except LaunchError as error:
            await self._finish(Ending(ExecutionStatus.FAILED, Failure(FailureKind.LAUNCH, str(error))))
            return
        if runner is None:
            await self._finish(Ending(ExecutionStatus.STOPPED))
            return
        if await self._is_recorded(runner, agent_revision):
            await self._supervise(runner, {})
            return
        # This process stood still for so long that another worker took over.
        log.warning("execution %s was taken over while its runner was started", self._id)
        if handle is not None:
            # That one has this very runner, by the handle that was stored before it.
            runner.let_go()
            return
        await end_runner(self._context, runner, LEFTOVER_GRACE_S)
        await runner.release()

    async def _is_recorded(self, runner: Runner, agent_revision: int | None) -> bool:
        """Stores where the runner is; False when it must not go on."""
        startup_time_ms = 0 if self._config.beginning is None else None
        recorded = runner.recorded
        is_ours = await until_stored(
            lambda: state_machine.record_process(
                self._context.db,
                self._execution.id,
                recorded.process,
                self._context.owner,
                startup_time_ms,
                agent_revision,
                self._launcher.name,
                recorded.handle,
            ),
            self._context.leaving,
        )
        self.started.set()
        return is_ours

    async def _announce_launch(self, handle: Handle | None) -> bool:
        """Stores the handle of a runner that only its handle finds; False when it must not be started."""
        return handle is None or await until_stored(
            lambda: state_machine.record_launch(
                *(self._context.db, self._execution.id, self._launcher.name, handle, self._context.owner)
            ),
            self._context.leaving,
        )

    def _order(self) -> Order:
        arguments = self._context.command.arguments
        return order(self._execution, self._benchmark, arguments, self._expected.environment)

    async def _recorded(self) -> tuple[Recorded, StoredCalls]:
        """What is stored of the runner, and the tool calls that the worker before this one has stored."""
        db, execution_id = self._context.db, self._execution.id
        process = await state_machine.process_of(db, execution_id)
        stored = (await results.tool_calls_of(db, [execution_id])).get(execution_id, ())
        recorded = Recorded(self._id, process, self._execution.handle)
        return recorded, {call.ordinal: call.status for call in stored}

    async def _learn_environment(self) -> int | None:
        """The environment of this agent's runners as it is set now, and its revision; raises LaunchError."""
        agent = self._execution.agent
        environment, revision = await until_stored(
            lambda: agent_environment(self._context.db, self._config, agent), self._context.leaving
        )
        self._expected = replace(self._expected, environment=environment)
        return revision

    async def _learn_definition(self) -> None:
        """Parses what is executed now, because watchers wait for what is done at the end."""
        text = StoredText(self._benchmark.content_hash, self._benchmark.source)
        definition = (await self._context.definitions.of([text]))[text]
        self._expected = replace(self._expected, definition=definition)

    async def _supervise(self, runner: Runner, stored: StoredCalls) -> None:
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
            if cause.exit is not None:
                self.exited.set()
                ended.set()
                end = await after_exit(self._context, runner, cause, cause.exit)
            else:
                end = await end_living(
                    self._context, self._execution.id, self._expected, runner, cause, self.exited
                )
                ended.set()
            await settle(aside)
            await self._end(end, files)
            await runner.release()
        finally:
            runner.let_go()
            for task in aside:
                task.cancel()

    async def _read_what_is_left(self, recorded: Recorded, stored: StoredCalls) -> None:
        """The end of a runner that ended while no worker watched: its result, and what it wrote until then."""
        self.exited.set()
        left = await end_left(self._context, self._launcher, recorded)
        files = self._files(stored)
        # A worker before this one was told to stop it, and may have done so.
        was_stopped = self._execution.status is ExecutionStatus.STOPPING
        cause = EndCause(EndReason.STOP_REQUESTED if was_stopped else EndReason.EXITED)
        exit = ProcessExit(reason=self._launcher.why_not_found)
        await self._end(RunnerEnd(cause, exit, None, left), files)

    def _files(self, stored: StoredCalls) -> RunnerFiles:
        return RunnerFiles(self._context, self._execution, self._expected, self._output, stored)

    def _liveness(self, runner: Runner) -> Liveness:
        sessions = self._config.sessions_dir
        files = (
            self._output.path,
            sessions / tool_log_name(self._id),
            sessions / transcript_name(self._id),
            sessions / session_file_name(self._id),
        )
        return Liveness(runner, files, self._config.beginning, self._execution.startup_time_ms)

    async def _end(self, end: RunnerEnd, files: RunnerFiles) -> None:
        """Reads everything that the runner left, and writes its end.

        Watchers wait for this: one thread reads it all, because each hand-over to a thread costs as much.
        """
        ending = await asyncio.to_thread(self._read_ending, end, files)
        await files.store_rest()
        for _ in range(end.looks_again):
            if ending.session_file_hash is not None:
                break
            await asyncio.sleep(self._config.result_interval_s)
            ending = await asyncio.to_thread(self._ending, end, files)
        await self._finish(ending)

    def _read_ending(self, end: RunnerEnd, files: RunnerFiles) -> Ending:
        files.read_rest()
        return self._ending(end, files)

    def _ending(self, end: RunnerEnd, files: RunnerFiles) -> Ending:
        """May take a while for a big result: called in a thread."""
        found = look(self._config.sessions_dir, self._expected) if end.found is None else end.found
        ending = decide(
            self._expected,
            found,
            end.exit,
            stop_accepted=end.cause.reason in (EndReason.STOP_REQUESTED, EndReason.SHUTDOWN),
            limit_reached=end.cause.limit_reached,
            still_lives=end.left.has_runner,
            last_lines=self._output.last_lines(self._expected.environment),
            execution_time_ms=end.execution_time_ms,
            tool_calls=files.tool_calls,
        )
        done = steps_done(ending, self._execution.progress.total)
        return replace(ending, steps_done=done, leaked_processes=end.left.processes)

    async def _finish(self, ending: Ending) -> None:
        await self._context.write_end(self._execution.id, ending)
        remove_definition(self._config, self._id)
