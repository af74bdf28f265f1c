"""`updatesCursor` of a page: a subscription goes on from it with what the page does not show, and nothing else."""

from __future__ import annotations

from typing import Any, TypeVar

from schema.contract.context import Info
from schema.contract.errors import RequestError
from schema.contract.selection import selected_names
from store.errors import InvalidCursor
from store.live.log_reader import LogCursor, Logged, LogReader

C = TypeVar("C", bound=LogCursor)
T = TypeVar("T", bound=Logged)

ROWS = frozenset({"nodes", "edges", "pageInfo"})


class UpdatesCursor:
    """Made before the page is read; `of` tells the cursor when it was.

    A page that shows nothing stands where the log was known to stand when its field was asked for, before anything
    was read for the same document: its cursor is good for all the other lists of that document.
    """

    def __init__(self, info: Info, reader: LogReader[Any, Any]) -> None:
        names = selected_names(info)
        self._reader, self._before = reader, reader.position
        self.log = reader.newest if "updatesCursor" in names and names & ROWS else None
        """What the page must be read with; None where nobody asks where it stands."""

    def of(self, position: int | None) -> str:
        """Of a page that was read when the log stood there."""
        return self._reader.text(self._before) if position is None else self._reader.text_at(position)


async def cursor_argument(reader: LogReader[C, T], after: str) -> C:
    """Where a subscription is to go on. Raises RequestError."""
    try:
        return await reader.cursor(after)
    except InvalidCursor as error:
        raise RequestError("INVALID_CURSOR", str(error)) from None
