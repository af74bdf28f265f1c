"""What a launcher is: it starts the runner of an execution, finds it again from whichever worker, and ends it.

A runner writes files. Its launcher brings them to the directories of this worker, so that one code reads what
runners write, wherever they run. `local_launcher` has the processes of this machine.
"""

from __future__ import annotations

from typing import Protocol

from runner_bridge.launchers.output import RunnerOutput
from runner_bridge.launchers.runner_process import ProcessExit
from runner_bridge.launchers.start_runner import Order
from store.executions.state_machine import Handle, ProcessIdentity
from store.model import LeakedProcess
from store.records import record

UNWATCHED_S = 3600.0
"""How long the runner of an engine may go on that no worker asks for."""


@record
class Recorded:
    """What is stored of the runner: its process on the owner's machine, or the handle of an engine."""

    execution_id: str
    process: ProcessIdentity | None = None
    handle: Handle | None = None


@record
class Leftover:
    """What of a runner could not be ended; `has_runner` when the runner itself is among it."""

    processes: tuple[LeakedProcess, ...] = ()
    has_runner: bool = False


class Runner(Protocol):
    """A runner that lives, or whose end is not released yet."""

    @property
    def age_s(self) -> float:
        """Seconds since its start."""

    @property
    def recorded(self) -> Recorded:
        """What is stored of it, so that another worker finds it."""

    def describe(self) -> str:
        """Where it runs, for people."""

    async def wait(self) -> ProcessExit:
        """Waits until the runner itself has ended; what it started may live on."""

    async def end(self, grace_s: float) -> Leftover:
        """Ends it and everything that it started."""

    async def release(self) -> None:
        """Frees what is held for it: its end is stored."""

    def let_go(self) -> None:
        """Looks at it no more; it goes on, for the next worker."""


class Launcher(Protocol):
    """Starts, finds and ends runners in one way. `name` is stored with each execution."""

    @property
    def name(self) -> str: ...

    @property
    def why_not_found(self) -> str | None:
        """What it means when a runner is not found, where that is more than an end that nobody saw."""

    @property
    def may_wait(self) -> bool:
        """Whether a launch may wait for room; then it may be cancelled, and repeated."""

    def repeats(self, recorded: Recorded) -> bool:
        """Whether a launch that was stored and perhaps never made is made again."""

    def prepare(self) -> None:
        """Begins to make ready, in the background, what the first launch needs."""

    def handle(self, execution_id: str, agent: str) -> Handle | None:
        """What is stored before `launch`, so that a worker that dies in between leaves no unknown runner.

        A launch that is repeated is given the stored one. None where a runner is found without.
        """

    async def launch(self, order: Order, handle: Handle | None) -> Runner:
        """Starts a runner; raises LaunchError with the reason."""

    async def find(self, recorded: Recorded) -> Runner | None:
        """The runner if it still lives, or its end can still be seen."""

    async def end_left(self, recorded: Recorded, grace_s: float) -> Leftover:
        """Ends whatever lives of a runner that is not watched any more."""

    def output(self, execution_id: str) -> RunnerOutput:
        """The file with what a runner prints."""

    async def close(self) -> None:
        """Ends what it keeps running for itself; runners go on."""
