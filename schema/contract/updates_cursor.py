"""`updatesCursor` of a page: a subscription that starts there sends the changes since the page was read."""

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
        """To be read together with the page; None where the position is not selected."""

    def of(self, position: int | None) -> str:
        """The cursor of a page that was read when the log was at `position`."""
        return self._reader.text(self._before) if position is None else self._reader.text_at(position)


async def cursor_argument(reader: LogReader[C, T], after: str) -> C:
    """The position from which a subscription continues. Raises RequestError."""
    try:
        return await reader.cursor(after)
    except InvalidCursor as error:
        raise RequestError("INVALID_CURSOR", str(error)) from None
