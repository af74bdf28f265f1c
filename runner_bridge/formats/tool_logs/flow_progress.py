"""How far a flow has come, from the StepComplete lines of its tool log.

Upstream names a step `{benchmark}-step-{n}`, and in practice writes one line for the whole flow, named like the
benchmark. A line of another name changes nothing.
"""

from __future__ import annotations

from runner_bridge.formats.ids import normalise_benchmark_id


class StepCounter:
    """Counts the steps of one execution's flow; `total` None when its length is unknown."""

    def __init__(self, benchmark_id: str, total: int | None) -> None:
        self._benchmark, _ = normalise_benchmark_id(benchmark_id)
        self._total = total
        self._done: set[int] = set()

    def take(self, step_name: str | None) -> int | None:
        """How many steps are done by now, when the line says something about that."""
        name, number = normalise_benchmark_id(step_name or "")
        if name != self._benchmark:
            return None
        if number is None:
            return self._total
        if number < 1 or (self._total is not None and number > self._total):
            return None
        self._done.add(number)
        return len(self._done)
