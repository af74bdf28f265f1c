"""Lists of executions: the connection, the list of all, and those of a benchmark, a batch or an execution."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated, Any, Self
from uuid import UUID

import strawberry

from schema.contract.context import Info
from schema.contract.errors import RequestError
from schema.contract.json_selection import JsonConnection, execution_connection, loaded, ready
from schema.contract.pagination import After, Before, First, Last, PageInfo, Window
from schema.contract.references import EXECUTION, list_of
from schema.contract.updates_cursor import UpdatesCursor
from schema.executions.filter import (
    ExecutionFilter,
    ExecutionOrder,
    decode_execution_cursor,
    encode_execution_cursor,
)
from schema.loading.json_loads import FirstExecutions
from schema.loading.page_loads import NestedCount, NestedPage
from store import model
from store.executions import filters, listing
from store.executions.listing import ExecutionBounds, Parent
from store.executions.ordering import NEWEST_FIRST, key_of
from store.json import lists
from store.json.lists import JsonItem
from store.json.rows import NeedsRows

Counted = filters.ExecutionFilter | NestedCount


@strawberry.type(description="An execution in a list.")
class ExecutionEdge:
    cursor: str = strawberry.field(description="Its position in the list; for `after` and `before`.")
    node: model.Execution = strawberry.field(graphql_type=EXECUTION, description="The execution.")


@strawberry.type(description="A page of executions.")
class ExecutionConnection:
    counted: strawberry.Private[Counted]
    edges: list[ExecutionEdge] = strawberry.field(description="The executions with their cursors.")
    page_info: PageInfo = strawberry.field(description="The position of the page in the list.")
    updates_cursor: str = strawberry.field(
        description="For `executionUpdates(after:)`: the position in the log when this page was read. "
        "Without nodes, edges and pageInfo it is a position before this list and the lists beside it were "
        "read."
    )
    json_nodes: strawberry.Private[Any] = None
    """The nodes as JSON, where no edges are selected; `edges` is empty then."""

    @classmethod
    def of(
        cls,
        page: model.Page[model.Execution],
        counted: Counted,
        order: filters.ExecutionOrder,
        updates_cursor: str,
    ) -> Self:
        edges = [
            ExecutionEdge(cursor=encode_execution_cursor(order, key_of(row, order)), node=row)
            for row in page.items
        ]
        return cls(
            counted=counted,
            edges=edges,
            page_info=PageInfo.of(edges, page.has_next, page.has_previous),
            updates_cursor=updates_cursor,
        )

    @classmethod
    def of_nodes(cls, nodes: Any, counted: Counted, updates_cursor: str) -> Self:
        """Of nodes that are one JSON text, where no cursor and no pageInfo is selected."""
        return cls(
            counted=counted,
            edges=[],
            page_info=PageInfo.of([], has_next=False, has_previous=False),
            updates_cursor=updates_cursor,
            json_nodes=nodes,
        )

    @classmethod
    def of_texts(
        cls,
        page: model.Page[JsonItem],
        shape: JsonConnection,
        counted: Counted,
        order: filters.ExecutionOrder,
        updates_cursor: str,
    ) -> Self:
        """Of one JSON text for each node."""
        edges: Any = []
        items, nodes = page.items, None
        if shape.edge:
            edges = ready(_list(_edge(shape, item, order) for item in items))
        else:
            nodes = ready(_list(item.text for item in items))
        return cls(
            counted=counted,
            edges=edges,
            page_info=PageInfo(
                has_next_page=page.has_next,
                has_previous_page=page.has_previous,
                start_cursor=encode_execution_cursor(order, items[0].key) if items else None,
                end_cursor=encode_execution_cursor(order, items[-1].key) if items else None,
            ),
            updates_cursor=updates_cursor,
            json_nodes=nodes,
        )

    @strawberry.field(graphql_type=list_of(EXECUTION), description="The executions without their cursors.")
    def nodes(self) -> list[model.Execution]:
        return self.json_nodes or [edge.node for edge in self.edges]

    @strawberry.field(description="How many executions match the filter; counted only when selected.")
    async def total_count(self, info: Info) -> int:
        if isinstance(self.counted, NestedCount):
            return await info.context.loaders.execution_count_of.load(self.counted)
        return await listing.count_executions(info.context.db, self.counted)


def _list(texts: Iterable[str]) -> str:
    return f"[{','.join(texts)}]"


def _edge(shape: JsonConnection, item: JsonItem, order: filters.ExecutionOrder) -> str:
    members = (
        f'"{key}":{item.text}' if name == "node" else f'"{key}":"{encode_execution_cursor(order, item.key)}"'
        for key, name in shape.edge
    )
    return f"{{{','.join(members)}}}"


async def executions(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        ExecutionFilter | None, strawberry.argument(description="Which executions; all when not given.")
    ] = None,
    order_by: Annotated[
        ExecutionOrder | None, strawberry.argument(description="In which order; newest first when not given.")
    ] = None,
) -> ExecutionConnection:
    window = Window.of(first, after, last, before)
    conditions = filter.conditions() if filter is not None else filters.ExecutionFilter()
    order = NEWEST_FIRST if order_by is None else order_by.order()
    bounds = ExecutionBounds(
        limit=window.limit,
        order=order,
        after=decode_execution_cursor(order, window.after),
        before=decode_execution_cursor(order, window.before),
        backwards=window.backwards,
    )
    cursor = UpdatesCursor(info, info.context.hub.updates)
    if (shape := execution_connection(info)) is not None:
        with suppress(NeedsRows):
            return await _as_json(info, shape, conditions, bounds, cursor)
    page = await listing.executions(info.context.db, conditions, bounds, cursor.log)
    return ExecutionConnection.of(page, conditions, order, cursor.of(page.log_position))


async def _as_json(
    info: Info,
    shape: JsonConnection,
    conditions: filters.ExecutionFilter,
    bounds: ExecutionBounds,
    cursor: UpdatesCursor,
) -> ExecutionConnection:
    db = info.context.db
    if shape.by_place or bounds.backwards:
        page = await lists.page(db, shape.node, conditions, bounds, cursor.log)
        updates_cursor = cursor.of(page.log_position)
        return ExecutionConnection.of_texts(page, shape, conditions, bounds.order, updates_cursor)
    nodes, position = await lists.first(db, shape.node, conditions, bounds, cursor.log)
    return ExecutionConnection.of_nodes(ready(nodes), conditions, cursor.of(position))


async def executions_of(
    info: Info,
    parent: Parent,
    parent_id: str | UUID,
    window: Window,
    filter: ExecutionFilter | None = None,
) -> ExecutionConnection:
    """The page that `window` asks for of the executions of a benchmark or a batch, or the reruns of an execution.

    Newest first. Pages of the same shape for many parents are read in one statement.
    """
    conditions = filter.conditions() if filter is not None else filters.ExecutionFilter()
    _refuse_another_parent(parent, conditions)
    counted = NestedCount(parent, parent_id, conditions)
    after = decode_execution_cursor(NEWEST_FIRST, window.after)
    before = decode_execution_cursor(NEWEST_FIRST, window.before)
    cursor = UpdatesCursor(info, info.context.hub.updates)
    shape = execution_connection(info)
    if shape is not None and not shape.by_place and not window.backwards and cursor.log is None:
        question = FirstExecutions(parent, conditions, ExecutionBounds(window.limit, after, before))
        with suppress(NeedsRows):
            nodes = await loaded(info, question, shape.node, parent_id)
            return ExecutionConnection.of_nodes(nodes, counted, cursor.of(None))
    page = await info.context.loaders.executions_of.load(
        NestedPage(parent, parent_id, conditions, window.limit, after, before, window.backwards, cursor.log)
    )
    return ExecutionConnection.of(page, counted, NEWEST_FIRST, cursor.of(page.log_position))


def _refuse_another_parent(parent: Parent, conditions: filters.ExecutionFilter) -> None:
    """Raises RequestError for a filter that names other parents."""
    if parent is Parent.BENCHMARK and conditions.benchmark_ids:
        raise RequestError("INVALID_FILTER", "These are one benchmark's: leave out `benchmarkIds`")
    if parent is Parent.BATCH and conditions.batch_ids:
        raise RequestError("INVALID_FILTER", "These are one batch's: leave out `batchId`")
