"""A data loader: keys that are requested at the same moment are loaded by one call.

Nothing is cached. A single caller loads its key itself; several callers share a task, which is cancelled when the
last of them has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Load = Callable[[list[K]], Awaitable[Mapping[K, V]]]
"""Returns the values that exist, by key."""

TURNS = 2
"""Turns of the event loop to wait: a call through `gather` comes one turn later than a direct one."""


class Loader(Generic[K, V]):
    """Returns `missing` for a key that does not exist."""

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
        """As `load`, but without waiting two turns of the event loop for other keys."""
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
        """A batch with the keys that others requested meanwhile; without the key of its opener."""
        batch = self._batch = _Batch(self._load, self._missing)
        try:
            for _ in range(TURNS):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            # Cancelling the opener does not cancel the others.
            batch.start()
            raise
        finally:
            self._batch = None
        return batch


class SharedLoader(Generic[K, V]):
    """For keys of many requests: those that are wanted in one turn of the event loop are loaded by one call.

    It begins after each of them was asked for, so that nobody gets what was so before. One that fails fails all.
    """

    __slots__ = ("_batch", "_load", "_missing")

    def __init__(self, load: Load[K, V], missing: V) -> None:
        self._load, self._missing = load, missing
        self._batch: _Batch[K, V] | None = None

    def load(self, key: K) -> Awaitable[V]:
        """The value of `key`; raises what loading it raises."""
        if self._batch is None:
            self._batch = _Batch(self._load, self._missing)
            asyncio.get_running_loop().call_soon(self._start)
        return self._batch.add(key)

    def _start(self) -> None:
        batch, self._batch = self._batch, None
        if batch is not None:
            batch.start()


class _Batch(Generic[K, V]):
    """Keys that are loaded together, each with the callers that wait for its value."""

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
        """Loads the keys that callers still wait for."""
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
