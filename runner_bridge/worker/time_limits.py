"""The time limits of a runner: for its start-up, for its run, and for writing nothing (idle).

The run limit counts from the moment at which the runner itself began, so compiling does not use it up; the
start-up limit is for what comes before. All count from the start of the process, whichever worker watches.
"""

from __future__ import annotations

import asyncio

from runner_bridge.worker.liveness import LOOK_S, Liveness
from store.records import record


@record
class TimeLimits:
    """In milliseconds; `idle_ms` None: no limit."""

    startup_ms: int
    run_ms: int
    idle_ms: int | None = None

    def reached(self, liveness: Liveness) -> str | None:
        """Which limit is reached, as a sentence; None while none is."""
        running_s, silent_s = liveness.running_s, liveness.silent_s
        if running_s is None:
            if liveness.age_s * 1000 >= self.startup_ms:
                return f"The runner had not begun after its start-up limit of {self.startup_ms} ms"
            return None
        if running_s * 1000 >= self.run_ms:
            return f"The runner was still running after its limit of {self.run_ms} ms"
        if self.idle_ms is not None and silent_s is not None and silent_s * 1000 >= self.idle_ms:
            return f"The runner was silent for its idle limit of {self.idle_ms} ms: no output, no tool call"
        return None

    def next_s(self, liveness: Liveness) -> float:
        """Seconds until a limit can be reached at the earliest."""
        running_s, silent_s = liveness.running_s, liveness.silent_s
        if running_s is None or silent_s is None:
            return max(0.0, self.startup_ms / 1000 - liveness.age_s)
        left = self.run_ms / 1000 - running_s
        if self.idle_ms is not None:
            left = min(left, self.idle_ms / 1000 - silent_s)
        return max(0.0, left)


async def until_reached(limits: TimeLimits, liveness: Liveness) -> str:
    """Waits until a limit is reached; returns which, as a sentence."""
    while True:
        await asyncio.to_thread(liveness.look)
        if message := limits.reached(liveness):
            return message
        await asyncio.sleep(min(LOOK_S, limits.next_s(liveness)))
