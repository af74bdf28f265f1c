"""Batches of the largest size: accepted in one transaction, repeated, and stopped while all of it waits."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from perf.report.figures import median, show
from perf.report.lines import Line
from runner_bridge.batch_requests import MAX_BATCH
from store.batches import batches
from store.benchmarks import benchmarks
from store.executions import state_machine
from store.model import Batch, BenchmarkId, RerunOnly
from store.postgres.database import Database
from tests.helpers.samples import draft

BENCHMARKS, AGENTS, REPEATS = 50, 2, 10
ROUNDS = 7

T = TypeVar("T")


async def measure(new_database: Callable[[], Awaitable[Database]]) -> list[Line]:
    """Prints medians over ROUNDS, each with batches that are there already."""
    db = await new_database()
    names = [f"b{number:03}" for number in range(BENCHMARKS)]
    await benchmarks.sync(db, [draft(name) for name in names])
    took: dict[str, list[float]] = {"accepted": [], "stopped": [], "repeated": []}
    for _ in range(ROUNDS):
        batch = await _timed(took["accepted"], _request(db, [BenchmarkId(name) for name in names]))
        await _timed(took["stopped"], batches.stop(db, batch.id))
        repeated, _ = await _timed(took["repeated"], batches.rerun(db, batch, RerunOnly.ALL, request={}))
        await batches.stop(db, repeated.id)
    assert not await state_machine.live(db)
    await db.close()
    size = f"{MAX_BATCH:,}"
    titles = {
        "accepted": f"a batch of {size} is accepted",
        "stopped": f"a batch of {size} that wait is stopped",
        "repeated": f"a batch of {size} is repeated",
    }
    show(
        f"Batches of {size} (medians of {ROUNDS})",
        [
            (title, f"{median(took[key]):.0f} ms · most {max(took[key]):.0f} ms")
            for key, title in titles.items()
        ],
    )
    return [Line(f"batches.{key}", title, median(took[key]), "ms") for key, title in titles.items()]


async def _request(db: Database, ids: list[BenchmarkId]) -> Batch:
    agents = [f"agent-{number}" for number in range(AGENTS)]
    batch, _ = await batches.request_batch(
        db,
        benchmark_ids=ids,
        agents=agents,
        timeout_ms=60_000,
        request={},
        repeats=REPEATS,
    )
    return batch


async def _timed(times: list[float], work: Awaitable[T]) -> T:
    began = time.perf_counter()
    result = await work
    times.append((time.perf_counter() - began) * 1000)
    return result
