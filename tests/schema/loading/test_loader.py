"""Keys asked for at the same moment become one call, and nobody pays for another's fault or leaving."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from schema.loading.loader import Loader, SharedLoader
from tests.helpers.patience import DEADLINE_S

MISSING = -1

Kind = type[Loader[int, int]] | type[SharedLoader[int, int]]

both = pytest.mark.parametrize("kind", [Loader, SharedLoader])


class Doubling:
    """Loads twice each key, all but 0; waits until it may."""

    def __init__(self, kind: Kind = Loader, *, held: bool = False) -> None:
        self.asked: list[list[int]] = []
        self.ended: list[str] = []
        self.called, self.may = asyncio.Event(), asyncio.Event()
        if not held:
            self.may.set()
        self.loader: Any = kind(self._load, MISSING)

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
        return [asyncio.create_task(self._asked_for(key)) for key in keys]

    async def _asked_for(self, key: int) -> int:
        return int(await self.loader.load(key))


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


async def test_keys_of_many_requests_in_one_turn_are_one_call_that_begins_after_all_of_them() -> None:
    doubling = Doubling(SharedLoader)
    tasks = doubling.asking(1, 0, 1, 3)
    await asyncio.sleep(0)
    assert doubling.asked == []
    assert await asyncio.gather(*tasks) == [2, MISSING, 2, 6] and doubling.asked == [[1, 0, 3]]


async def test_a_call_under_way_keeps_no_further_key_waiting_and_answers_none() -> None:
    doubling = Doubling(SharedLoader, held=True)
    first = doubling.asking(1)
    await doubling.called.wait()
    doubling.called.clear()
    second = doubling.asking(1)
    await doubling.called.wait()
    doubling.may.set()
    assert await asyncio.gather(*first, *second) == [2, 2] and doubling.asked == [[1], [1]]


@both
async def test_nothing_is_remembered(kind: Kind) -> None:
    doubling = Doubling(kind)
    assert [await doubling.loader.load(1), await doubling.loader.load(1)] == [2, 2]
    assert doubling.asked == [[1], [1]]


@both
async def test_who_asks_alone_and_leaves_ends_the_loading(kind: Kind) -> None:
    doubling = Doubling(kind, held=True)
    [alone] = doubling.asking(1)
    await doubling.called.wait()
    alone.cancel()
    await asyncio.wait({alone})
    assert doubling.ended == ["cancelled"]


@pytest.mark.parametrize("asked", [False, True], ids=["before the call", "during the call"])
@pytest.mark.parametrize("leaving", [0, 1], ids=["the first", "another"])
@both
async def test_one_who_leaves_takes_nothing_from_the_others(kind: Kind, asked: bool, leaving: int) -> None:
    doubling = Doubling(kind, held=True)
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


@both
async def test_when_all_have_left_the_loading_ends(kind: Kind) -> None:
    doubling = Doubling(kind, held=True)
    tasks = doubling.asking(1, 2, 3)
    await doubling.called.wait()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert doubling.ended == ["cancelled"]


@both
async def test_nothing_is_loaded_when_all_leave_before(kind: Kind) -> None:
    doubling = Doubling(kind)
    tasks = doubling.asking(1, 2)
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert doubling.asked == []


@both
async def test_a_fault_reaches_everybody_who_asked_and_nobody_later(kind: Kind) -> None:
    doubling = Doubling(kind)
    answers = await asyncio.gather(*doubling.asking(1, 13), return_exceptions=True)
    assert [type(answer) for answer in answers] == [KeyError, KeyError]
    with pytest.raises(KeyError):
        await doubling.loader.load(13)
    assert await doubling.loader.load(2) == 4
