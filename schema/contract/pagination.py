"""Relay connections with keyset cursors.

A cursor is opaque to clients: it names the list it belongs to and the key of its row, so a cursor of another
list is refused and rows inserted meanwhile shift nothing.
"""

import base64
import binascii
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Annotated, Protocol, Self

import strawberry

from schema.contract.errors import RequestError
from store.records import record

DEFAULT_PAGE = 50
LARGEST_PAGE = 200

First = Annotated[
    int | None, strawberry.argument(description="How many, from the start: 1 to 200; 50 when not given.")
]
After = Annotated[str | None, strawberry.argument(description="Only those after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many, from the end, instead of `first`.")]
Before = Annotated[str | None, strawberry.argument(description="Only those before this cursor.")]


class Edge(Protocol):
    """Anything in a list that has a cursor."""

    cursor: str


EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@strawberry.type(description="The position of a page in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more items follow the last one.")
    has_previous_page: bool = strawberry.field(description="Whether items precede the first one.")
    start_cursor: str | None = strawberry.field(
        description="Cursor of the first item; null on an empty page."
    )
    end_cursor: str | None = strawberry.field(description="Cursor of the last item; null on an empty page.")

    @classmethod
    def of(cls, edges: Sequence[Edge], has_next: bool, has_previous: bool) -> Self:
        return cls(
            has_next_page=has_next,
            has_previous_page=has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )


@record
class Window:
    """The checked page arguments of a list."""

    limit: int
    after: str | None
    before: str | None
    backwards: bool

    @classmethod
    def of(cls, first: int | None, after: str | None, last: int | None, before: str | None) -> Self:
        """Raises RequestError for a size out of bounds and for `first` together with `last`."""
        if first is not None and last is not None:
            raise RequestError("PAGE_SIZE", "Give either `first` or `last`, not both")
        size = last if last is not None else first
        size = DEFAULT_PAGE if size is None else size
        if not 1 <= size <= LARGEST_PAGE:
            name = "first" if last is None else "last"
            raise RequestError("PAGE_SIZE", f"`{name}` is {size}; a page has 1 to {LARGEST_PAGE} items")
        return cls(size, after, before, last is not None)


def encode_cursor(kind: str, *key: str) -> str:
    """The cursor of the row with `key` in the list `kind`."""
    return base64.urlsafe_b64encode("\n".join((kind, *key)).encode()).decode().rstrip("=")


def decode_cursor(kind: str, cursor: str, parts: int) -> list[str]:
    """The key inside `cursor`; raises RequestError when it is not one of list `kind`."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found, *key = base64.b64decode(padded.encode(), altchars=b"-_", validate=True).decode().split("\n")
    except (binascii.Error, UnicodeError):
        raise foreign_cursor(kind) from None
    if found != kind or len(key) != parts:
        raise foreign_cursor(kind)
    return key


def encode_time_cursor_parts(kind: str, values: Sequence[str], at: dt.datetime, row_id: uuid.UUID) -> str:
    """A cursor on `values`, then (time, id); the time in whole microseconds, as PostgreSQL keeps it."""
    return encode_cursor(kind, *values, str((at - EPOCH) // dt.timedelta(microseconds=1)), str(row_id))


def parse_time_cursor_parts(kind: str, parts: Sequence[str]) -> tuple[dt.datetime, uuid.UUID]:
    """Time and id as a cursor spells them; raises RequestError."""
    at, row_id = parts
    try:
        return EPOCH + dt.timedelta(microseconds=int(at)), uuid.UUID(row_id)
    except (ValueError, OverflowError):
        raise foreign_cursor(kind) from None


def foreign_cursor(kind: str) -> RequestError:
    return RequestError(
        "INVALID_CURSOR",
        f"This is not a cursor of the {kind} list; use `endCursor` or `startCursor` of one of its pages",
    )
