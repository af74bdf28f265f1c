"""Subscriptions to executions: each begins with the current state, then sends every later event once, in order."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import field
from typing import Annotated, Self

import strawberry

from schema.contract.context import Info
from schema.contract.errors import RequestError
from schema.contract.feeds import continue_with
from schema.contract.ids import execution_id_argument
from schema.contract.references import EXECUTION, nullable
from schema.contract.updates_cursor import cursor_argument
from schema.executions.events import ExecutionEvent
from schema.executions.filter import ExecutionFilter
from schema.executions.pruned import gap_before
from store import model
from store.executions import filters, lookup, retention, state_machine
from store.live.chunks import Chunk
from store.live.events import Cursor, HubEvent
from store.live.hub import Hub
from store.model import ExecutionId
from store.postgres.database import Database
from store.records import record


@strawberry.type(description="A change somewhere in the list of executions.")
class ExecutionUpdate:
    cursor: str = strawberry.field(description="To resume after this update, pass it as `after`.")
    event: ExecutionEvent | None = strawberry.field(
        description="The event; null in the first update, which only gives the stream's position."
    )
    execution: model.Execution | None = strawberry.field(
        graphql_type=nullable(EXECUTION),
        description="The execution it happened to, as of then; null in the first update.",
    )

    @classmethod
    def of(cls, item: HubEvent, cursor: str) -> Self:
        event = ExecutionEvent.of(item)
        return cls(cursor=cursor, event=event, execution=event.execution)


@record
class ExecutionFeed:
    """The events of one execution, by seq."""

    execution_id: ExecutionId
    db: Database = field(compare=False, repr=False)
    hub: Hub = field(compare=False, repr=False)

    async def after(self, position: int) -> AsyncGenerator[Chunk[int, tuple[int, ExecutionEvent]], None]:
        async with aclosing(self.hub.chunks_of_execution(self.execution_id, position)) as chunks:
            async for chunk in chunks:
                items = []
                for item in chunk.items:
                    if pruned_at := await gap_before(self._pruned, item, position):
                        gap = ExecutionEvent.pruned(item, pruned_at)
                        items.append((gap.seq, gap))
                    position = item.event.seq
                    items.append((position, ExecutionEvent.of(item)))
                yield Chunk(items, chunk.end, chunk.idle)

    async def _pruned(self, execution_id: ExecutionId) -> retention.Pruned | None:
        return (await retention.pruned_of(self.db, [execution_id])).get(execution_id)


@record
class UpdatesFeed:
    """The events of all executions that match the conditions."""

    conditions: filters.ExecutionFilter
    hub: Hub = field(compare=False, repr=False)

    async def after(
        self, position: Cursor
    ) -> AsyncGenerator[Chunk[Cursor, tuple[Cursor, ExecutionUpdate]], None]:
        updates = self.hub.updates
        async with aclosing(updates.chunks(position)) as chunks:
            async for chunk in chunks:
                items = [
                    (item.cursor, ExecutionUpdate.of(item, updates.text(item.cursor)))
                    for item in chunk.items
                    if self.conditions.matches(item.execution)
                ]
                yield Chunk(items, chunk.end, chunk.idle)


async def execution_events(
    info: Info,
    execution_id: Annotated[strawberry.ID, strawberry.argument(description="The execution's UUID.")],
    after: Annotated[
        int, strawberry.argument(description="Only events with a higher seq; 0 sends the whole history.")
    ] = 0,
) -> AsyncGenerator[ExecutionEvent, None]:
    context = info.context
    found = await state_machine.get(context.db, execution_id_argument(execution_id))
    if found is None:
        raise RequestError("EXECUTION_NOT_FOUND", f"There is no execution {execution_id}")
    if not 0 <= after <= found.revision:
        raise RequestError(
            "INVALID_CURSOR", f"`after` is {after}; this execution has events 1 to {found.revision}"
        )
    yield ExecutionEvent.snapshot(found, after)
    if found.status.is_terminal and after == found.revision:
        return
    feed = ExecutionFeed(found.id, context.db, context.hub)
    async with aclosing(continue_with(info, feed, after)) as events:
        async for event in events:
            yield event


async def execution_updates(
    info: Info,
    filter: Annotated[
        ExecutionFilter | None, strawberry.argument(description="Which executions; all when not given.")
    ] = None,
    after: Annotated[
        str | None,
        strawberry.argument(
            description="Continue after this cursor, of an update or of `executions{updatesCursor}`; "
            "from now on when not given."
        ),
    ] = None,
) -> AsyncGenerator[ExecutionUpdate, None]:
    context = info.context
    conditions = filter.conditions() if filter is not None else filters.ExecutionFilter()
    if conditions.search:
        raise RequestError(
            "INVALID_FILTER",
            "A subscription cannot search texts, which are found after the end: leave out `search`",
        )
    # Tags and text become sets of benchmarks now, so that no event needs a statement.
    conditions = await lookup.resolve(context.db, conditions)
    updates = context.hub.updates
    cursor = updates.position if after is None else await cursor_argument(updates, after)
    yield ExecutionUpdate(cursor=updates.text(cursor), event=None, execution=None)
    async with aclosing(continue_with(info, UpdatesFeed(conditions, context.hub), cursor)) as items:
        async for update in items:
            yield update
