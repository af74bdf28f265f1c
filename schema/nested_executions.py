"""The executions of a benchmark, of a batch, and the reruns of an execution: one list, one loader.

Pages of the same shape for many parents are read in one statement.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from schema.context import Info
from schema.errors import RequestError
from schema.execution_filter import ExecutionFilter, decode_execution_cursor
from schema.executions import ExecutionConnection
from schema.page_loads import NestedPage
from schema.pagination import Window
from store import model
from store.listing import Parent
from store.model import BatchId, BenchmarkId, ExecutionId
from store.ordering import NEWEST_FIRST


async def executions_of(
    info: Info,
    parent: Parent,
    parent_id: str | UUID,
    window: Window,
    filter: ExecutionFilter | None = None,
) -> ExecutionConnection:
    """The page that `window` asks for of the executions that belong to `parent_id`, newest first."""
    conditions = filter.conditions() if filter is not None else model.ExecutionFilter()
    updates_cursor = str(info.context.hub.position)
    page = await info.context.loaders.executions_of.load(
        NestedPage(
            parent,
            parent_id,
            conditions,
            window.limit,
            decode_execution_cursor(NEWEST_FIRST, window.after),
            decode_execution_cursor(NEWEST_FIRST, window.before),
            window.backwards,
        )
    )
    belonging = _belonging(parent, parent_id, conditions)
    return ExecutionConnection.of(page, belonging, NEWEST_FIRST, updates_cursor)


def _belonging(
    parent: Parent, parent_id: str | UUID, conditions: model.ExecutionFilter
) -> model.ExecutionFilter:
    """The conditions as they are outside of the parent, for counting."""
    match parent, parent_id:
        case Parent.BENCHMARK, str():
            if conditions.benchmark_ids:
                raise RequestError("INVALID_FILTER", "These are one benchmark's: leave out `benchmarkIds`")
            return replace(conditions, benchmark_ids=(BenchmarkId(parent_id),))
        case Parent.BATCH, UUID():
            if conditions.batch_ids:
                raise RequestError("INVALID_FILTER", "These are one batch's: leave out `batchId`")
            return replace(conditions, batch_ids=(BatchId(parent_id),))
        case Parent.RERUN, UUID():
            return replace(conditions, reruns_of=(ExecutionId(parent_id),))
        case _:
            raise TypeError(f"{parent_id!r} is not an id of {parent.name}")
