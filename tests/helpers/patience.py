"""How tests wait for what must happen, and for how long.

One number for all: it only tells a hang from a busy machine. No test passes or fails by how long something takes,
except that nothing takes as long as this; `make perf` measures how fast things are.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 120.0
"""Less than pytest's own limit per test, so that a wait that hangs is reported by name."""

DATABASE_LIMITS = (
    "store.postgres.database.ACQUIRE_TIMEOUT_S",
    "store.postgres.database.CONNECT_TIMEOUT_S",
    "store.postgres.connector.CONNECT_TIMEOUT_S",
    "store.postgres.health_check.CHECK_TIMEOUT_S",
)
"""After so long a database is away. A busy machine is none; what is tried with one that is, sets its own times."""

PATIENT = "PYTEST_PATIENT"
"""Set in the environment of a forked `reev-gql` that waits for its database as long as the tests do."""

LOOK_S = 0.01
"""Between two looks at a condition that nothing announces."""


async def eventually(condition: Callable[[], Awaitable[T | None]], deadline_s: float = DEADLINE_S) -> T:
    """The first true answer of an asynchronous question; TimeoutError after the deadline."""
    async with asyncio.timeout(deadline_s):
        for _ in itertools.count():
            if answer := await condition():
                return answer
            await asyncio.sleep(LOOK_S)
    raise AssertionError("unreachable")


async def until(condition: Callable[[], object]) -> None:
    """Returns as soon as `condition`, called in a thread, is true; TimeoutError after the deadline."""
    await eventually(lambda: asyncio.to_thread(condition))


def wait_for(condition: Callable[[], object]) -> None:
    """The same for tests without an event loop: blocks the thread."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen before the deadline"
        time.sleep(LOOK_S)


def be_patient_with_the_database() -> None:
    """For the rest of this process."""
    for limit in DATABASE_LIMITS:
        module, _, name = limit.rpartition(".")
        setattr(importlib.import_module(module), name, DEADLINE_S)
