"""The executions of a benchmark, of a batch, and the reruns of an execution: one list, one loader.

Pages of the same shape for many parents are read in one statement.
"""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from schema.contract.context import Info
from schema.contract.errors import RequestError
from schema.contract.pagination import Window
from schema.executions.filter import ExecutionFilter, decode_execution_cursor
from schema.executions.lists import ExecutionConnection
from schema.live.updates_cursor import UpdatesCursor
from schema.loading.json_loads import FirstExecutions
from schema.loading.json_selection import execution_connection, loaded
from schema.loading.page_loads import NestedCount, NestedPage
from store.executions import filters
from store.executions.listing import ExecutionBounds, Parent
from store.executions.ordering import NEWEST_FIRST
from store.json.rows import NotWritable


async def executions_of(
    info: Info,
    parent: Parent,
    parent_id: str | UUID,
    window: Window,
    filter: ExecutionFilter | None = None,
) -> ExecutionConnection:
    """The page that `window` asks for of the executions that belong to `parent_id`, newest first."""
    conditions = filter.conditions() if filter is not None else filters.ExecutionFilter()
    _refuse_another_parent(parent, conditions)
    counted = NestedCount(parent, parent_id, conditions)
    after = decode_execution_cursor(NEWEST_FIRST, window.after)
    before = decode_execution_cursor(NEWEST_FIRST, window.before)
    cursor = UpdatesCursor(info, info.context.hub.updates)
    written = execution_connection(info)
    if written is not None and not written.by_place and not window.backwards and cursor.log is None:
        question = FirstExecutions(parent, conditions, ExecutionBounds(window.limit, after, before))
        with suppress(NotWritable):
            nodes = await loaded(info, question, written.node, parent_id)
            return ExecutionConnection.of_nodes(nodes, counted, cursor.of(None))
    page = await info.context.loaders.executions_of.load(
        NestedPage(parent, parent_id, conditions, window.limit, after, before, window.backwards, cursor.log)
    )
    return ExecutionConnection.of(page, counted, NEWEST_FIRST, cursor.of(page.log_position))


def _refuse_another_parent(parent: Parent, conditions: filters.ExecutionFilter) -> None:
    """A filter that names parents of its own contradicts the place it stands in."""
    if parent is Parent.BENCHMARK and conditions.benchmark_ids:
        raise RequestError("INVALID_FILTER", "These are one benchmark's: leave out `benchmarkIds`")
    if parent is Parent.BATCH and conditions.batch_ids:
        raise RequestError("INVALID_FILTER", "These are one batch's: leave out `batchId`")
