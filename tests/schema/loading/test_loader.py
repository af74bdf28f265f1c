"""Keys asked for at the same moment become one call, and nobody pays for another's fault or leaving."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from schema.loading.loader import Loader
from tests.helpers.patience import DEADLINE_S

MISSING = -1


class Doubling:
    """Loads twice each key, all but 0; waits until it may."""

    def __init__(self, *, held: bool = False) -> None:
        self.asked: list[list[int]] = []
        self.ended: list[str] = []
        self.called, self.may = asyncio.Event(), asyncio.Event()
        if not held:
            self.may.set()
        self.loader: Loader[int, int] = Loader(self._load, MISSING)

    async def _load(self, keys: list[int]) -> Mapping[int, int]:
        self.asked.append(keys)
        self.called.set()
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        if 13 in keys:
            raise KeyError("unlucky")
        return {key: 2 * key for key in keys if key}

    def asking(self, *keys: int) -> list[asyncio.Task[int]]:
        return [asyncio.create_task(self.loader.load(key)) for key in keys]


async def test_what_is_asked_for_at_once_is_one_call_and_each_gets_its_own() -> None:
    doubling = Doubling()
    load = doubling.loader.load
    many = doubling.loader.load_many([3, 1])
    assert list(await asyncio.gather(load(1), load(0), load(1), many, _later(load))) == [
        2,
        MISSING,
        2,
        [6, 2],
        8,
    ]
    [keys] = doubling.asked
    assert sorted(keys) == [0, 1, 3, 4]


async def _later(load: Any) -> int:
    """Asks through one more task, as a resolver that gathers does."""
    [value] = await asyncio.gather(load(4))
    return int(value)


async def test_who_knows_that_nobody_else_asks_is_not_kept_waiting() -> None:
    doubling = Doubling()
    asked = doubling.loader.load_now(1)
    with pytest.raises(StopIteration) as answered:
        asked.send(None)
    assert answered.value.value == 2


async def test_nothing_is_remembered() -> None:
    doubling = Doubling()
    assert [await doubling.loader.load(1), await doubling.loader.load(1)] == [2, 2]
    assert doubling.asked == [[1], [1]]


async def test_who_asks_alone_and_leaves_ends_the_loading() -> None:
    doubling = Doubling(held=True)
    [alone] = doubling.asking(1)
    await doubling.called.wait()
    alone.cancel()
    await asyncio.wait({alone})
    assert doubling.ended == ["cancelled"]


@pytest.mark.parametrize("asked", [False, True], ids=["before the call", "during the call"])
@pytest.mark.parametrize("leaving", [0, 1], ids=["the first", "another"])
async def test_one_who_leaves_takes_nothing_from_the_others(asked: bool, leaving: int) -> None:
    doubling = Doubling(held=True)
    tasks = doubling.asking(1, 2, 3)
    await asyncio.sleep(0)
    if asked:
        await doubling.called.wait()
    tasks[leaving].cancel()
    doubling.may.set()
    async with asyncio.timeout(DEADLINE_S):
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers.pop(leaving), asyncio.CancelledError)
    assert answers == [value for n, value in enumerate((2, 4, 6)) if n != leaving]
    assert doubling.ended == []


async def test_when_all_have_left_the_loading_ends() -> None:
    doubling = Doubling(held=True)
    tasks = doubling.asking(1, 2, 3)
    await doubling.called.wait()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert doubling.ended == ["cancelled"]


async def test_nothing_is_loaded_when_all_leave_before() -> None:
    doubling = Doubling()
    tasks = doubling.asking(1, 2)
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert doubling.asked == []


async def test_a_fault_reaches_everybody_who_asked_and_nobody_later() -> None:
    doubling = Doubling()
    answers = await asyncio.gather(*doubling.asking(1, 13), return_exceptions=True)
    assert [type(answer) for answer in answers] == [KeyError, KeyError]
    with pytest.raises(KeyError):
        await doubling.loader.load(13)
    assert await doubling.loader.load(2) == 4
