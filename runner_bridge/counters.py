"""What a worker counts since its start, for the metrics. One event loop changes the numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Counters never decrease."""

    leaked_processes: int = 0
    """Processes of runners that outlived SIGKILL, or could not be signalled."""

    time_limits: int = 0
    """Runners ended at a limit of time: start-up, run or silence."""

    recovered: int = 0
    """Executions taken over from workers that were gone."""

    webhook_deliveries: int = 0
    """Deliveries that receivers have accepted."""

    webhook_failures: int = 0
    """Attempts at deliveries that failed."""

    traces_sent: int = 0
    """Traces that their receiver has accepted."""

    traces_dropped: int = 0
    """Traces that were not sent, because their receiver failed or too many waited."""
