"""Runners that are processes of this machine, beside their worker."""

from __future__ import annotations

from runner_bridge.launchers import runner_process
from runner_bridge.launchers.end_runner import end_runner
from runner_bridge.launchers.launcher import Leftover, Recorded
from runner_bridge.launchers.output import RunnerOutput
from runner_bridge.launchers.runner_config import RunnerConfig
from runner_bridge.launchers.runner_process import ProcessExit, RunnerProcess
from runner_bridge.launchers.start_runner import Order, output_path, start_runner
from runner_bridge.processes.process_table import ProcessTable
from store.executions.state_machine import Handle
from store.records import record

LOCAL = "local"


@record
class LocalRunner:
    """A process of this machine."""

    process: RunnerProcess
    table: ProcessTable

    @property
    def age_s(self) -> float:
        return self.process.age_s

    @property
    def recorded(self) -> Recorded:
        return Recorded(self.process.execution_id, self.process.identity)

    def describe(self) -> str:
        return f"process {self.process.pid}"

    async def wait(self) -> ProcessExit:
        return await self.process.wait()

    async def end(self, grace_s: float) -> Leftover:
        return await _end(self.table, self.recorded, grace_s)

    async def release(self) -> None:
        self.process.release()

    def let_go(self) -> None:
        """A process needs nobody."""


@record
class LocalLauncher:
    """Starts runners beside the worker, which find and end each other's runners by their processes."""

    config: RunnerConfig
    table: ProcessTable

    @property
    def name(self) -> str:
        return LOCAL

    @property
    def why_not_found(self) -> None:
        return None

    @property
    def may_wait(self) -> bool:
        return False

    def repeats(self, recorded: Recorded) -> bool:
        """Nobody knows whether it was started."""
        return False

    def prepare(self) -> None:
        """A process needs nothing."""

    def handle(self, execution_id: str, agent: str) -> None:
        """A runner is found by its marker, stored or not."""
        return None

    async def launch(self, order: Order, handle: Handle | None = None) -> LocalRunner:
        return LocalRunner(await start_runner(self.config, order), self.table)

    async def find(self, recorded: Recorded) -> LocalRunner | None:
        process = runner_process.find(self.table, recorded.execution_id, recorded.process)
        return None if process is None else LocalRunner(process, self.table)

    async def end_left(self, recorded: Recorded, grace_s: float) -> Leftover:
        return await _end(self.table, recorded, grace_s)

    def output(self, execution_id: str) -> RunnerOutput:
        return RunnerOutput(output_path(self.config, execution_id), self.config.output_cap_bytes)

    async def close(self) -> None:
        """It keeps nothing running."""


async def _end(table: ProcessTable, recorded: Recorded, grace_s: float) -> Leftover:
    left = await end_runner(table, recorded.execution_id, recorded.process, grace_s)
    pid = None if recorded.process is None else recorded.process.pid
    return Leftover(left, any(leaked.pid == pid for leaked in left))
