"""The part of `make perf` with many workers runs, in its small size."""

from __future__ import annotations

from perf.parts import workers


async def test_a_few_workers_are_measured_idle_loaded_and_full() -> None:
    found = {line.key: line.value for line in await workers.measure(["quick"])}
    assert found.keys() == {
        f"workers.{name}" for name in ("idle", "claimed", "watched", "of_nothing", "full")
    }
    assert found["workers.full"] > 0
