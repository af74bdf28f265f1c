"""The orders of lists of executions: ORDER BY, keys of rows, and the condition for rows after a key.

Unknown values come last in both directions: each direction has its own index, in which unknown is the smallest or
the largest value (store/migrations: executions_by_…).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, TypeAlias

from store.executions.filters import ExecutionOrder, OrderField
from store.model import Execution
from store.records import record

ExecutionKey: TypeAlias = tuple[dt.datetime, uuid.UUID] | tuple[float | int | None, dt.datetime, uuid.UUID]
"""The key of an execution in a list: (queued_at, id), with the value that is sorted by before them if any."""

NEWEST_FIRST = ExecutionOrder()


@record
class _Sortable:
    """A column that is never below 0, and its type."""

    column: str
    kind: str

    @property
    def is_float(self) -> bool:
        return self.kind == "double precision"

    @property
    def highest(self) -> str:
        """In SQL: no value is as high."""
        return "'Infinity'" if self.is_float else str(2**63 - 1)

    def unknown(self, *, descending: bool) -> float | int:
        """What comes last in this direction."""
        if descending:
            return -1.0 if self.is_float else -1
        return float("inf") if self.is_float else 2**63 - 1

    def expression(self, *, descending: bool) -> str:
        """As it is indexed."""
        if descending:
            return f"coalesce({self.column}, -1)"
        return f"coalesce({self.column}, {self.highest})"


_SORTED_BY = {
    OrderField.SCORE: _Sortable("score", "double precision"),
    OrderField.COMPUTED_SCORE: _Sortable("computed_score", "double precision"),
    OrderField.EXECUTION_TIME: _Sortable("execution_time_ms", "bigint"),
    OrderField.COST: _Sortable("cost", "double precision"),
    OrderField.TOKENS: _Sortable("tokens", "bigint"),
}


def at_least(field: OrderField) -> str:
    """The condition, with a {}, for rows whose value is known and that high; an index of an order finds them."""
    by = _SORTED_BY[field]
    expression = by.expression(descending=True)
    return f"({expression} >= {{}}::{by.kind} AND {expression} >= 0)"


def at_most(field: OrderField) -> str:
    """The same for rows whose value is known and that low."""
    by = _SORTED_BY[field]
    expression = by.expression(descending=False)
    return f"({expression} <= {{}}::{by.kind} AND {expression} < {by.highest})"


def order_by(order: ExecutionOrder, backwards: bool) -> str:
    """The ORDER BY list; backwards reads the same list from its end."""
    direction = "DESC" if order.descending != backwards else "ASC"
    columns = ["queued_at", "id"]
    if (by := _SORTED_BY.get(order.field)) is not None:
        columns.insert(0, by.expression(descending=order.descending))
    return ", ".join(f"{column} {direction}" for column in columns)


def beyond(order: ExecutionOrder, key: ExecutionKey, *, following: bool) -> tuple[str, tuple[object, ...]]:
    """The condition, with a {} per value, for rows after `key` in the list; before it unless `following`."""
    sign = "<" if order.descending == following else ">"
    by = _SORTED_BY.get(order.field)
    if by is None:
        return f"(queued_at, id) {sign} ({{}}, {{}})", key
    value, *place = key
    expression = by.expression(descending=order.descending)
    condition = f"({expression}, queued_at, id) {sign} ({{}}::{by.kind}, {{}}, {{}})"
    return condition, (by.unknown(descending=order.descending) if value is None else value, *place)


def columns(order: ExecutionOrder) -> tuple[str, ...]:
    """The columns of an ExecutionKey of `order`."""
    by = _SORTED_BY.get(order.field)
    return ("queued_at", "id") if by is None else (by.column, "queued_at", "id")


def key_of_values(values: Sequence[Any]) -> ExecutionKey:
    """The key of the execution whose `columns` have these values."""
    *value, queued_at, id_ = values
    return (value[0], queued_at, id_) if value else (queued_at, id_)


def key_of(execution: Execution, order: ExecutionOrder) -> ExecutionKey:
    """The key of `execution` in a list of this order."""
    return key_of_values([getattr(execution, column) for column in columns(order)])


def is_float(field: OrderField) -> bool:
    """Whether its values are floats; those of the others are ints."""
    return (by := _SORTED_BY.get(field)) is not None and by.is_float
