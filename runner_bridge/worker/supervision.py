"""One execution from its claim to its end: the runner is started or found again, watched, ended, and read.

The row is written once, and only when nothing of the runner lives any more, or when what lives on cannot be
ended: then it says so. Cancelling a supervision leaves the runner running on purpose: whoever is given the
execution next watches on. `shut_down` ends the runner with its worker instead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from runner_bridge.errors import LaunchError
from runner_bridge.formats.flow_progress import StepCounter
from runner_bridge.formats.paths import Directory
from runner_bridge.launchers import runner_process
from runner_bridge.launchers.command_help import RunnerCommand
from runner_bridge.launchers.end_runner import end_runner
from runner_bridge.launchers.output import RunnerOutput
from runner_bridge.launchers.output_tail import OutputTail
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.launchers.runner_process import ProcessExit, RunnerProcess
from runner_bridge.launchers.start_runner import (
    output_path,
    remove_definition,
    runner_environment,
    secrets_of,
    start_runner,
)
from runner_bridge.observing.watching import DirectoryWatch
from runner_bridge.processes.process_table import ProcessTable
from runner_bridge.processes.reaper import LEFTOVER_GRACE_S
from runner_bridge.sessions.lookup import Expected, Found, find_session
from runner_bridge.sessions.names import own_directory, session_file_name
from runner_bridge.tool_logs.names import tool_log_name
from runner_bridge.tool_logs.tail import ToolLogTail
from runner_bridge.waiting import until_stored
from runner_bridge.worker.counters import Counters
from runner_bridge.worker.liveness import Liveness
from runner_bridge.worker.liveness_record import LivenessRecord
from runner_bridge.worker.result import decide, steps_done
from runner_bridge.worker.time_limits import Limits, until_reached
from store.errors import StoreError
from store.executions import results, state_machine
from store.executions.queue import GiveBack
from store.executions.state_machine import ProcessIdentity
from store.live.hub import Hub
from store.model import (
    Benchmark,
    Ending,
    Execution,
    ExecutionId,
    ExecutionStatus,
    Failure,
    FailureKind,
    LeakedProcess,
    ToolCall,
    ToolCallStatus,
    WorkerId,
)
from store.postgres.database import Database

SHUTDOWN_GRACE_S = 3.0
"""Grace at most for a runner that ends with its worker, whom somebody waits for to end."""

HUB_RETRY_S = 1.0
"""Between two attempts to learn of a stop while the database is away."""

log = logging.getLogger(__name__)

Known = Mapping[int, ToolCallStatus]
"""Tool calls that are stored already, by ordinal."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all supervisions of a worker share. `leaving` is set when the worker has to go.

    `owner` is that worker: what it writes about an execution that another took over is refused.
    """

    db: Database
    hub: Hub
    config: RunnerConfig
    command: RunnerCommand
    watch: DirectoryWatch
    leaving: asyncio.Event
    owner: WorkerId
    counters: Counters = field(default_factory=Counters)
    process_table: ProcessTable = field(default_factory=ProcessTable)


class Cause(Enum):
    """Why watching a runner came to its end."""

    EXITED = auto()
    STOP_REQUESTED = auto()
    TIME_LIMIT = auto()
    SHUTDOWN = auto()


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of a runner's end."""

    cause: Cause
    exit: ProcessExit
    found: Found
    execution_time_ms: int | None
    left: tuple[LeakedProcess, ...] = ()
    still_lives: bool = False
    """Whether not even SIGKILL ended the runner itself."""


class Supervision:
    """One execution in this worker's hands."""

    def __init__(self, around: Surroundings, execution: Execution, benchmark: Benchmark) -> None:
        self._around = around
        self._config = config = around.config
        self._execution = execution
        self._benchmark = benchmark
        self._id = str(execution.id)
        self._output = RunnerOutput(output_path(config, self._id), config.output_cap_bytes)
        self._expected = Expected(
            self._id,
            benchmark.id,
            benchmark.source,
            config.is_local_runner,
            runner_environment(config, {}),
        )
        self._shutdown = asyncio.Event()
        self._limit_reached = ""
        self.has_exited = False
        """Whether the runner's own end has been seen: from then on what is left takes a moment only."""
        self.started = asyncio.Event()
        """Set once there is a runner that whoever comes next can find."""

    def shut_down(self) -> None:
        """Ends the runner, because its worker ends and is to leave nothing running."""
        self._shutdown.set()

    async def execute(self) -> None:
        """Starts the runner and sees it to its end."""
        try:
            await self._learn_environment()
            environment = self._expected.environment
            arguments = self._around.command.arguments
            runner = await start_runner(
                self._config, arguments, self._execution, self._benchmark, environment
            )
        except LaunchError as error:
            await self._finish(Ending(ExecutionStatus.FAILED, Failure(FailureKind.LAUNCH, str(error))))
            return
        identity = runner.identity
        startup_time_ms = 0 if self._config.beginning is None else None
        is_ours = await until_stored(
            lambda: state_machine.record_process(
                self._around.db, self._execution.id, identity, self._around.owner, startup_time_ms
            ),
            self._around.leaving,
        )
        self.started.set()
        if not is_ours:
            # This process stood still for so long that another worker took over, and has found no runner.
            log.warning("execution %s was taken over while its runner was started", self._id)
            await self._end_processes(identity, LEFTOVER_GRACE_S)
            runner.release()
            return
        await self._supervise(runner, {})

    async def resume(self) -> None:
        """Takes over from a worker that is gone: watches on, or reads what a dead runner left."""
        self.started.set()
        try:
            await self._learn_environment()
        except LaunchError as error:
            log.warning("execution %s: what it says is not searched for the API key: %s", self._id, error)
        identity, known = await until_stored(self._what_is_known, self._around.leaving)
        runner = runner_process.find(self._around.process_table, self._id, identity)
        if runner is None:
            await self._read_what_is_left(identity, known)
            return
        log.info("execution %s goes on: its runner %d still lives", self._id, runner.pid)
        await self._supervise(runner, known)

    async def _what_is_known(self) -> tuple[ProcessIdentity | None, Known]:
        """The runner's process, and the tool calls that the worker before this one has stored."""
        db, execution_id = self._around.db, self._execution.id
        identity = await state_machine.process_of(db, execution_id)
        stored = (await results.tool_calls_of(db, [execution_id])).get(execution_id, ())
        return identity, {call.ordinal: call.status for call in stored}

    async def _read_what_is_left(self, identity: ProcessIdentity | None, known: Known) -> None:
        """The end of a runner that ended while nobody watched: its result, and what it said until then."""
        self.has_exited = True
        left = await self._end_processes(identity, LEFTOVER_GRACE_S)
        found = await find_session(self._config.sessions_dir, self._expected, 0, 0)
        tail, output = self._listeners(known)
        over = asyncio.Event()
        over.set()
        await _settle([tail.follow(self._around.watch, over), output.follow(over)])
        await self._tell_rest(tail, output)
        # A worker before this one was told to stop it, and may have done so.
        was_stopped = self._execution.status is ExecutionStatus.STOPPING
        cause = Cause.STOP_REQUESTED if was_stopped else Cause.EXITED
        observed = Observed(cause, ProcessExit(), found, None, left)
        await self._finish(await asyncio.to_thread(self._ending, observed, tail.calls))

    async def _learn_environment(self) -> None:
        """The environment of this agent's runners as it is set now; raises LaunchError."""
        agent = self._execution.agent
        environment = await until_stored(
            lambda: secrets_of(self._around.db, self._config, agent), self._around.leaving
        )
        self._expected = replace(self._expected, environment=environment)

    def _listeners(self, known: Known) -> tuple[ToolLogTail, OutputTail]:
        """For what the runner says, in its tool log and in its output; `known` are tool calls stored already."""
        db, execution_id, owner = self._around.db, self._execution.id, self._around.owner
        environment = self._expected.environment
        steps = StepCounter(self._benchmark.id, self._execution.progress.total)
        tail = ToolLogTail(
            *(db, execution_id, Directory(self._config.sessions_dir), known, environment),
            owner=owner,
            steps=steps,
            adopts=own_directory(self._config.sessions_dir, self._id).is_dir(),
        )
        return tail, OutputTail(db, execution_id, self._output, environment, owner)

    async def _tell_rest(self, tail: ToolLogTail, output: OutputTail) -> None:
        """Stores what was said while the database was away."""
        flushes = (tail.flush, output.flush)
        await _settle([until_stored(flush, self._around.leaving) for flush in flushes])

    async def _supervise(self, runner: RunnerProcess, known: Known) -> None:
        ended = asyncio.Event()
        liveness = self._liveness(runner)
        has_begun = liveness.startup_time_ms is not None
        tail, output = self._listeners(known)
        record = LivenessRecord(
            self._around.db, self._execution.id, liveness, self._around.owner, has_begun=has_begun
        )
        aside = [
            asyncio.create_task(tail.follow(self._around.watch, ended), name="tool log tail"),
            asyncio.create_task(output.follow(ended), name="output tail"),
            asyncio.create_task(record.follow(ended), name="liveness record"),
        ]
        try:
            cause = await self._cause_of_end(runner, liveness)
            if cause is Cause.EXITED:
                observed = await self._after_exit(runner, ended)
            else:
                observed = await self._put_to_end(runner, cause)
            ended.set()
            await _settle(aside)
            await self._tell_rest(tail, output)
            await self._finish(await asyncio.to_thread(self._ending, observed, tail.calls))
            runner.release()
        finally:
            for task in aside:
                task.cancel()

    def _liveness(self, runner: RunnerProcess) -> Liveness:
        sessions = self._config.sessions_dir
        files = (
            self._output.path,
            sessions / tool_log_name(self._id),
            sessions / session_file_name(self._id),
        )
        return Liveness(runner, files, self._config.beginning, self._execution.startup_time_ms)

    async def _cause_of_end(self, runner: RunnerProcess, liveness: Liveness) -> Cause:
        limits = Limits(
            self._config.startup_timeout_ms,
            self._execution.timeout_ms or self._config.timeout_ms,
            self._config.idle_timeout_ms,
        )
        exited = asyncio.create_task(runner.wait(), name="runner exit")
        stop = asyncio.create_task(self._stop_requested(), name="stop request")
        limit = asyncio.create_task(until_reached(limits, liveness), name="time limits")
        shutdown = asyncio.create_task(self._shutdown.wait(), name="shutdown")
        try:
            await asyncio.wait({exited, stop, limit, shutdown}, return_when=asyncio.FIRST_COMPLETED)
            if exited.done():
                return Cause.EXITED
            if stop.done():
                return Cause.STOP_REQUESTED
            if limit.done():
                self._limit_reached = limit.result()
                return Cause.TIME_LIMIT
            return Cause.SHUTDOWN
        finally:
            for task in (exited, stop, limit, shutdown):
                task.cancel()

    async def _stop_requested(self) -> None:
        """Returns when the execution is to be stopped, or has been ended by somebody else."""
        if self._execution.status is ExecutionStatus.STOPPING:
            return
        while True:
            try:
                await self._around.hub.wait_for_status(
                    self._execution.id, {ExecutionStatus.STOPPING}, after=self._execution.revision
                )
                return
            except StoreError as error:
                log.warning("execution %s cannot hear of a stop just now: %s", self._id, error)
            await asyncio.sleep(HUB_RETRY_S)

    async def _after_exit(self, runner: RunnerProcess, ended: asyncio.Event) -> Observed:
        """Reads the result, and meanwhile ends whatever the runner left behind."""
        self.has_exited = True
        lasted = round(runner.age_s * 1000)
        # Our own runner renames its session file into place before it exits: there is nothing to wait for.
        attempts = 0 if self._config.is_local_runner else self._config.result_attempts
        ended.set()
        exit, found, left = await asyncio.gather(
            runner.wait(),
            find_session(
                self._config.sessions_dir,
                self._expected,
                attempts,
                self._config.result_interval_s,
            ),
            self._end_processes(runner.identity, LEFTOVER_GRACE_S),
        )
        return Observed(Cause.EXITED, exit, found, lasted, left)

    async def _put_to_end(self, runner: RunnerProcess, cause: Cause) -> Observed:
        """Ends the runner. At the time limit, a result that was there before still counts."""
        found, grace_s = Found(), self._config.term_grace_s
        if cause is Cause.TIME_LIMIT:
            self._around.counters.time_limits += 1
            log.warning("execution %s: %s", self._id, self._limit_reached)
            found = await find_session(self._config.sessions_dir, self._expected, 0, 0)
        announced = None
        if cause is Cause.SHUTDOWN:
            grace_s = min(grace_s, SHUTDOWN_GRACE_S)
            announced = asyncio.create_task(self._announce_shutdown(), name="announced stop")
        try:
            left = await self._end_processes(runner.identity, grace_s)
            still_lives = any(leaked.pid == runner.pid for leaked in left)
            exit = ProcessExit() if still_lives else await runner.wait()
            self.has_exited = True
            if announced is not None:
                await announced
        finally:
            if announced is not None:
                announced.cancel()
        lasted = round(runner.age_s * 1000)
        return Observed(cause, exit, found, lasted, left, still_lives)

    async def _announce_shutdown(self) -> None:
        """Like a stop that a client asks for; the reason is told beside it."""
        reason = "Its worker was shut down, and is set to leave no runner running"
        await until_stored(
            lambda: state_machine.request_stop(self._around.db, self._execution.id, reason),
            self._around.leaving,
        )

    async def _end_processes(
        self, identity: ProcessIdentity | None, grace_s: float
    ) -> tuple[LeakedProcess, ...]:
        """Ends whatever lives of the runner; what could not be ended is counted."""
        left = await end_runner(self._around.process_table, self._id, identity, grace_s)
        self._around.counters.leaked_processes += len(left)
        return left

    def _ending(self, observed: Observed, tool_calls: tuple[ToolCall, ...]) -> Ending:
        """May take a while for a big result: called in a thread."""
        ending = decide(
            self._expected,
            observed.found,
            observed.exit,
            stop_accepted=observed.cause in (Cause.STOP_REQUESTED, Cause.SHUTDOWN),
            limit_reached=self._limit_reached if observed.cause is Cause.TIME_LIMIT else "",
            still_lives=observed.still_lives,
            last_lines=self._output.last_lines(self._expected.environment),
            execution_time_ms=observed.execution_time_ms,
            tool_calls=tool_calls,
        )
        done = steps_done(ending, self._execution.progress.total)
        return replace(ending, steps_done=done, leaked_processes=observed.left)

    async def _finish(self, ending: Ending) -> None:
        await write_end(self._around, self._execution.id, ending)
        remove_definition(self._config, self._id)


async def write_end(around: Surroundings, execution_id: ExecutionId, ending: Ending) -> None:
    """Writes the end of an execution, once, however long the database is away."""

    async def write() -> Execution | None:
        return await state_machine.finish(around.db, execution_id, ending, around.owner)

    if await until_stored(write, around.leaving) is None:
        log.warning("execution %s had been ended or taken over by somebody else", execution_id)


async def _settle(work: Sequence[Awaitable[None]]) -> None:
    """Waits for what runs aside; a fault there is logged and costs the execution nothing. Raises GiveBack."""
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, GiveBack):
            raise outcome
        if isinstance(outcome, BaseException):
            log.error("watching a runner's files failed", exc_info=outcome)
