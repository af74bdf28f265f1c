"""What statements that read a list page by page share.

A page starts after a key, not after a number of rows, so inserts never shift it. A page can be read together with
the highest position in a log: what follows that position is exactly what the page does not show yet.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from store import sql
from store.model import Page
from store.postgres.text import storable_json
from store.records import record

SQL = sql.load("keyset")

K = TypeVar("K")
T = TypeVar("T")

LogQuery: TypeAlias = str
"""The statement that reads the highest position in a log, as `position`."""


@dataclass
class Conditions:
    """Conditions joined by AND, and the values of their parameters."""

    fragments: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, fragment: str, *values: object) -> None:
        """`fragment` has one {} for each of `values`, whose strings may be anything a client can send."""
        numbers = [f"${len(self.values) + n}" for n in range(1, len(values) + 1)]
        self.fragments.append(fragment.format(*numbers))
        self.values.extend(
            storable_json(value) if isinstance(value, (str, tuple)) else value for value in values
        )

    def add_any(self, column: str, kind: str, values: tuple[object, ...]) -> None:
        """`column` is one of `values`, where there are any; of a single one an index gives the order too."""
        if len(values) == 1:
            self.add(f"{column} = {{}}::{kind}", values[0])
        elif values:
            self.add(f"{column} = ANY({{}}::{kind}[])", values)

    def __str__(self) -> str:
        return " AND ".join(self.fragments) or "true"


@record
class PageBounds(Generic[K]):
    """Which items of a list: the first `limit` after one key and before another; the last ones if `backwards`."""

    limit: int
    after: K | None = None
    before: K | None = None
    backwards: bool = False

    def page(self, found: Sequence[T], position: int | None = None) -> Page[T]:
        """Of `found`, in the order it was read, which is one more than `limit` where there are more."""
        more = len(found) > self.limit
        items = tuple(found[: self.limit])
        if self.backwards:
            return Page(items[::-1], self.before is not None, more, position)
        return Page(items, more, self.after is not None, position)


async def fetch_with_position(
    fetch: Callable[..., Awaitable[list[Any]]], statement: str, values: Sequence[Any], log: LogQuery | None
) -> tuple[list[Any], int | None]:
    """The rows of `statement`, and the highest position in `log` when they were read; None without `log`."""
    if log is None:
        return await fetch(statement, *values), None
    found = await fetch(SQL["with_position"].format(newest=log, rows=statement), *values)
    position = int(found[0]["log_position"])
    return found if found[0]["is_row"] else [], position
