"""Counts the statements that a block of a test sends, and none that other tasks send meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from store.postgres.database import Database

_noted: ContextVar[list[str] | None] = ContextVar("statements noted", default=None)


@contextmanager
def statements_sent() -> Iterator[list[str]]:
    """The statements sent by the block and by the tasks it starts; a transaction counts as one, BEGIN.

    The hub's tasks began before, so what they read now and then is not counted.
    """
    sent: list[str] = []
    with pytest.MonkeyPatch.context() as patched:
        for name in ("fetch", "fetchrow", "fetchval", "execute"):
            patched.setattr(Database, name, _noting(getattr(Database, name)))
        patched.setattr(Database, "transaction", _noting_transactions(Database.transaction))
        token = _noted.set(sent)
        try:
            yield sent
        finally:
            _noted.reset(token)


def _noting(method: Any) -> Any:
    async def noting(self: Database, statement: str, *arguments: object, **limits: float) -> Any:
        if (sent := _noted.get()) is not None:
            sent.append(statement)
        return await method(self, statement, *arguments, **limits)

    return noting


def _noting_transactions(method: Any) -> Any:
    def noting(self: Database, *arguments: object, **options: object) -> Any:
        if (sent := _noted.get()) is not None:
            sent.append("BEGIN")
        return method(self, *arguments, **options)

    return noting
