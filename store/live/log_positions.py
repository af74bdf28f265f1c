"""Where a log stood when a list was read: what follows that is exactly what the list does not show yet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from store import sql

SQL = sql.load("listing")

Newest = str
"""The statement that reads the highest position in a log, as `position`: `Log.newest`."""


async def fetched(
    fetch: Callable[..., Awaitable[list[Any]]], statement: str, values: Sequence[Any], log: Newest | None
) -> tuple[list[Any], int | None]:
    """The rows of `statement`, and the highest position in `log` when they were read."""
    if log is None:
        return await fetch(statement, *values), None
    found = await fetch(SQL["with_position"].format(newest=log, rows=statement), *values)
    position = int(found[0]["log_position"])
    return found if found[0]["is_row"] else [], position
