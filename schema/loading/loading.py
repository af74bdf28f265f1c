"""How keys asked for one by one become one call: what is asked for at the same moment is loaded together.

Nothing is remembered. Who asks alone does the loading itself; several share a task, which ends when nobody
waits for it any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Load = Callable[[list[K]], Awaitable[Mapping[K, V]]]
"""Answers what exists; keys of what does not are absent."""

TURNS = 2
"""Of the loop: whoever asks through `gather` does so one turn later than who asks directly."""


class Loader(Generic[K, V]):
    """Answers `missing` for what does not exist."""

    __slots__ = ("_batch", "_load", "_missing")

    def __init__(self, load: Load[K, V], missing: V) -> None:
        self._load, self._missing = load, missing
        self._batch: _Batch[K, V] | None = None

    async def load(self, key: K) -> V:
        """The value of `key`; raises what loading it raises."""
        if self._batch is not None:
            return await self._batch.add(key)
        batch = await self._open_for_a_moment()
        if batch.is_empty:
            return await self.load_now(key)
        value = batch.add(key)
        batch.start()
        return await value

    async def load_now(self, key: K) -> V:
        """As `load`, for who knows that nobody else asks: waiting for others costs two turns of the loop."""
        return (await self._load([key])).get(key, self._missing)

    async def load_many(self, keys: Iterable[K]) -> list[V]:
        """The values of `keys`, in their order."""
        if self._batch is not None:
            return await asyncio.gather(*map(self._batch.add, keys))
        batch = await self._open_for_a_moment()
        values = [batch.add(key) for key in keys]
        batch.start()
        return await asyncio.gather(*values)

    async def _open_for_a_moment(self) -> _Batch[K, V]:
        """A batch with the keys of those who asked meanwhile; without the key of the one who opened it."""
        batch = self._batch = _Batch(self._load, self._missing)
        try:
            for _ in range(TURNS):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            # The others do not go down with the one who came first.
            batch.start()
            raise
        finally:
            self._batch = None
        return batch


class _Batch(Generic[K, V]):
    """The keys of one moment, each with those who wait for its value."""

    __slots__ = ("_load", "_missing", "_task", "_waiting")

    def __init__(self, load: Load[K, V], missing: V) -> None:
        self._load, self._missing = load, missing
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def is_empty(self) -> bool:
        return not self._waiting

    def add(self, key: K) -> asyncio.Future[V]:
        value: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        value.add_done_callback(self._end_if_unwanted)
        self._waiting.append((key, value))
        return value

    def start(self) -> None:
        """Loads what is asked for, unless nobody is left to ask."""
        if any(not value.done() for _, value in self._waiting):
            self._task = asyncio.create_task(self._answer())

    async def _answer(self) -> None:
        try:
            found = await self._load(list(dict.fromkeys(key for key, _ in self._waiting)))
        except Exception as error:
            for _, value in self._waiting:
                if not value.done():
                    value.set_exception(error)
            return
        for key, value in self._waiting:
            if not value.done():
                value.set_result(found.get(key, self._missing))

    def _end_if_unwanted(self, value: asyncio.Future[V]) -> None:
        if value.cancelled() and self._task and all(other.cancelled() for _, other in self._waiting):
            self._task.cancel()
