"""A worker looks at the queue when it is its turn, and not when another one has taken everything before."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runner_bridge.worker.context import WorkerContext
from runner_bridge.worker.taking import Taking
from store.executions import queue
from store.executions.queue import Look, Outcome
from store.live.queue_hints import QueueHints
from store.workers.concurrency_limits import Limits
from tests.helpers.patience import DEADLINE_S, until


class Clock:
    """Stands still; counts how often it is read."""

    def __init__(self) -> None:
        self.now, self.reads = 50.0, 0

    def __call__(self) -> float:
        self.reads += 1
        return self.now


async def test_nothing_is_claimed_before_the_turn_nor_when_another_was_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, looks = Clock(), [0]
    hints = QueueHints("us", clock)
    leaving = asyncio.Event()

    async def learn() -> None:
        pass

    async def claim(*_: Any, **__: Any) -> Look:
        looks[0] += 1
        return Look((), "200:200:", Outcome.EMPTY)

    async def asks_again() -> None:
        """Returns when it has asked the clock some more times, or has looked."""
        enough = clock.reads + 5
        await until(lambda: clock.reads > enough or looks != [0])

    monkeypatch.setattr(queue, "claim", claim)
    context = SimpleNamespace(
        feed=SimpleNamespace(queue=hints),
        leaving=leaving,
        command=SimpleNamespace(learn=learn),
        config=SimpleNamespace(runner_kind=None),
        db=None,
        owner=None,
    )
    hints.note(Look((), "100:100:", Outcome.EMPTY))
    # Of seven workers with capacity it is the last in turn: 105 begins with the first of them.
    hints.note_waiting(False, free_others=6, turn=6)
    taking = Taking(cast(WorkerContext, context), Limits(4), lambda: 0, lambda _: None)
    async with asyncio.timeout(DEADLINE_S):
        running = asyncio.create_task(taking.run())
        try:
            hints.hear("+ 105 1")
            assert hints.is_worth_it and hints.delay_s > 0
            await asks_again()
            assert looks == [0], "it is not its turn"
            hints.hear("= us EMPTY 106:106:")
            hints.hear("+ 112 1")
            await asks_again()
            assert looks == [0], (
                "another one has taken the first, and of the second it is not its turn either"
            )
            clock.now += hints.delay_s
            await until(lambda: looks == [1])
            await until(lambda: not hints.is_worth_it)
        finally:
            leaving.set()
            await running
    assert looks == [1]
