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

ExecutionKey: TypeAlias = tuple[dt.datetime, uuid.UUID] | tuple[float | int | None, dt.datetime, uuid.UUID]
"""The key of an execution in a list: (queued_at, id), with the value that is sorted by before them if any."""

NEWEST_FIRST = ExecutionOrder()

_SORTED_BY: dict[ExecutionOrder, tuple[str, str, float | int]] = {
    ExecutionOrder(OrderField.SCORE, True): ("coalesce(score, -1)", "double precision", -1.0),
    ExecutionOrder(OrderField.SCORE, False): (
        "coalesce(score, 'Infinity')",
        "double precision",
        float("inf"),
    ),
    ExecutionOrder(OrderField.COMPUTED_SCORE, True): (
        "coalesce(computed_score, -1)",
        "double precision",
        -1.0,
    ),
    ExecutionOrder(OrderField.COMPUTED_SCORE, False): (
        "coalesce(computed_score, 'Infinity')",
        "double precision",
        float("inf"),
    ),
    ExecutionOrder(OrderField.EXECUTION_TIME, True): ("coalesce(execution_time_ms, -1)", "bigint", -1),
    ExecutionOrder(OrderField.EXECUTION_TIME, False): (
        "coalesce(execution_time_ms, 9223372036854775807)",
        "bigint",
        2**63 - 1,
    ),
}
"""The indexed expression, its type, and its value where the column is null."""


def order_by(order: ExecutionOrder, backwards: bool) -> str:
    """The ORDER BY list; backwards reads the same list from its end."""
    direction = "DESC" if order.descending != backwards else "ASC"
    columns = ["queued_at", "id"]
    if order in _SORTED_BY:
        columns.insert(0, _SORTED_BY[order][0])
    return ", ".join(f"{column} {direction}" for column in columns)


def beyond(order: ExecutionOrder, key: ExecutionKey, *, following: bool) -> tuple[str, tuple[object, ...]]:
    """The condition, with a {} per value, for rows after `key` in the list; before it unless `following`."""
    sign = "<" if order.descending == following else ">"
    if order not in _SORTED_BY:
        return f"(queued_at, id) {sign} ({{}}, {{}})", key
    expression, kind, unknown = _SORTED_BY[order]
    value, *place = key
    condition = f"({expression}, queued_at, id) {sign} ({{}}::{kind}, {{}}, {{}})"
    return condition, (unknown if value is None else value, *place)


def columns(order: ExecutionOrder) -> tuple[str, ...]:
    """The columns of an ExecutionKey of `order`."""
    return (*_SORTED_COLUMNS[order.field], "queued_at", "id")


def key_of_values(values: Sequence[Any]) -> ExecutionKey:
    """The key of the execution whose `columns` have these values."""
    *value, queued_at, id_ = values
    return (value[0], queued_at, id_) if value else (queued_at, id_)


_SORTED_COLUMNS: dict[OrderField, tuple[str, ...]] = {
    OrderField.QUEUED_AT: (),
    OrderField.SCORE: ("score",),
    OrderField.COMPUTED_SCORE: ("computed_score",),
    OrderField.EXECUTION_TIME: ("execution_time_ms",),
}


def key_of(execution: Execution, order: ExecutionOrder) -> ExecutionKey:
    """The key of `execution` in a list of this order."""
    match order.field:
        case OrderField.QUEUED_AT:
            return execution.queued_at, execution.id
        case OrderField.SCORE:
            return execution.score, execution.queued_at, execution.id
        case OrderField.COMPUTED_SCORE:
            return execution.computed_score, execution.queued_at, execution.id
        case OrderField.EXECUTION_TIME:
            return execution.execution_time_ms, execution.queued_at, execution.id
