"""A bound that many share: each is cancelled when its own time is up, and nobody else with it."""

from __future__ import annotations

import asyncio

import pytest

from gql_server.operations.time_limit import TimeLimit
from tests.helpers.patience import DEADLINE_S

LONG_S, SHORT_S = 3600.0, 0.02


async def held(limit: TimeLimit, seconds: float, stages: list[str]) -> str:
    try:
        with limit.holding():
            stages.append("begun")
            await asyncio.sleep(seconds)
            return "in time"
    except TimeoutError:
        return "late"


async def test_what_takes_too_long_is_cancelled_and_what_does_not_is_left_alone() -> None:
    limit, stages = TimeLimit(SHORT_S), list[str]()
    async with asyncio.timeout(DEADLINE_S):
        outcomes = await asyncio.gather(*(held(limit, seconds, stages) for seconds in (0, LONG_S, 0, LONG_S)))
        # Those who begin when the timer is running, and when it has just run out, are bounded too.
        outcomes += [await held(limit, LONG_S, stages), await held(limit, 0, stages)]
    assert outcomes == ["in time", "late", "in time", "late", "late", "in time"]


async def test_each_has_its_own_time() -> None:
    loop, limit, stages = asyncio.get_running_loop(), TimeLimit(SHORT_S), list[str]()
    ends: list[float] = []

    async def one() -> float:
        began = loop.time()
        assert await held(limit, LONG_S, stages) == "late"
        ends.append(loop.time())
        return ends[-1] - began

    async with asyncio.timeout(DEADLINE_S):
        first = asyncio.create_task(one())
        await asyncio.sleep(SHORT_S / 2)
        second = asyncio.create_task(one())
        assert min(await asyncio.gather(first, second)) >= SHORT_S
    assert ends == sorted(ends)


async def test_a_task_that_catches_the_end_goes_on() -> None:
    limit = TimeLimit(SHORT_S)
    async with asyncio.timeout(DEADLINE_S):
        assert await held(limit, LONG_S, []) == "late"
        await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0


@pytest.mark.parametrize("seconds", [SHORT_S, LONG_S], ids=["in the same moment", "long before its time"])
async def test_who_cancels_from_outside_has_the_last_word(seconds: float) -> None:
    stages: list[str] = []
    limit = TimeLimit(seconds)
    task = asyncio.create_task(held(limit, LONG_S, stages))
    await asyncio.sleep(0)
    assert stages == ["begun"]
    asyncio.get_running_loop().call_later(SHORT_S, task.cancel)
    if seconds == SHORT_S:
        # Both are due by now, and run in one turn of the loop.
        until = asyncio.get_running_loop().time() + 3 * SHORT_S
        while asyncio.get_running_loop().time() < until:
            pass
    await asyncio.wait({task})
    assert task.cancelled()


async def test_what_has_ended_is_forgotten_and_a_fault_stays_what_it_is() -> None:
    limit = TimeLimit(LONG_S)
    for _ in range(100):
        with pytest.raises(KeyError), limit.holding():
            raise KeyError("ours")
    assert not limit._begun
    assert limit._timer is not None
    limit._timer.cancel()
