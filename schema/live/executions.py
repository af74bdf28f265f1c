"""Subscriptions: each first says where it stands, then sends every event from there on, once, in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

import strawberry

from schema.contract.context import Info
from schema.contract.enums import ExecutionStatus
from schema.contract.errors import RequestError
from schema.contract.ids import execution_id_argument
from schema.executions.execution import Execution
from schema.executions.filter import ExecutionFilter
from schema.executions.progress import ExecutionProgress
from schema.executions.pruned import gap_before
from schema.executions.tool_calls import ToolCall
from schema.live.feeds import onward
from schema.live.updates_cursor import cursor_argument
from store import model
from store.executions import filters, lookup, retention, rows, state_machine
from store.live.events import Cursor, HubEvent
from store.live.hub import Hub
from store.live.stretches import Stretch
from store.model import ExecutionId
from store.postgres.database import Database


@strawberry.enum(description="What an event tells.")
class ExecutionEventKind(Enum):
    SNAPSHOT = strawberry.enum_value(
        "SNAPSHOT",
        description="Where the execution stands as the subscription begins; not part of its history.",
    )
    STATUS_CHANGED = strawberry.enum_value("STATUS_CHANGED", description="It moved to `status`.")
    TOOL_CALL_STARTED = strawberry.enum_value("TOOL_CALL_STARTED", description="`toolCall` began.")
    TOOL_CALL_ENDED = strawberry.enum_value("TOOL_CALL_ENDED", description="`toolCall` ended.")
    PRUNED = strawberry.enum_value(
        "PRUNED",
        description="Stands for all events up to `seq` that retention has deleted; not part of the history.",
    )
    PROGRESS = strawberry.enum_value(
        "PROGRESS",
        description="It has come as far as `progress` says, or its runner has begun after its start-up.",
    )


@strawberry.type(description="One fact of an execution's history.")
class ExecutionEvent:
    execution_id: strawberry.ID = strawberry.field(description="The execution it belongs to.")
    seq: int = strawberry.field(
        description="1..n; a hole is told by an event of kind PRUNED. To resume after this event, pass it as "
        "`after`."
    )
    at: dt.datetime = strawberry.field(
        description="When it happened, by the database clock; a snapshot's state began then, and what is PRUNED "
        "was deleted then."
    )
    kind: ExecutionEventKind = strawberry.field(description="What it tells.")
    status: ExecutionStatus | None = strawberry.field(
        description="The state it moved to, or the state of the snapshot; null for other kinds."
    )
    tool_call: ToolCall | None = strawberry.field(description="The tool call it is about, as of then.")
    progress: ExecutionProgress | None = strawberry.field(
        description="How far the execution had come then; null for kinds other than PROGRESS."
    )
    execution: Execution = strawberry.field(
        description="The execution as it stood when the event was read: `revision` may be above `seq`."
    )

    @classmethod
    def of(cls, item: HubEvent) -> ExecutionEvent:
        event = item.event
        tool_call, progress = None, None
        match event.kind:
            case model.EventKind.TOOL_CALL_STARTED | model.EventKind.TOOL_CALL_ENDED:
                tool_call = ToolCall.of(rows.tool_call_of_event(event.data))
            case model.EventKind.PROGRESS:
                progress = ExecutionProgress.of(rows.progress_of_event(event.data))
        return cls(
            execution_id=strawberry.ID(str(event.execution_id)),
            seq=event.seq,
            at=event.at,
            kind=ExecutionEventKind(event.kind.value),
            status=event.status,
            tool_call=tool_call,
            progress=progress,
            execution=Execution.of(item.execution),
        )

    @classmethod
    def pruned(cls, next_one: HubEvent, pruned_at: dt.datetime) -> ExecutionEvent:
        return cls(
            execution_id=strawberry.ID(str(next_one.event.execution_id)),
            seq=next_one.event.seq - 1,
            at=pruned_at,
            kind=ExecutionEventKind.PRUNED,
            status=None,
            tool_call=None,
            progress=None,
            execution=Execution.of(next_one.execution),
        )

    @classmethod
    def snapshot(cls, execution: model.Execution, after: int) -> ExecutionEvent:
        return cls(
            execution_id=strawberry.ID(str(execution.id)),
            seq=after,
            at=execution.ended_at
            or execution.stop_requested_at
            or execution.started_at
            or execution.queued_at,
            kind=ExecutionEventKind.SNAPSHOT,
            status=execution.status,
            tool_call=None,
            progress=None,
            execution=Execution.of(execution),
        )


@strawberry.type(description="A change somewhere in the list of executions.")
class ExecutionUpdate:
    cursor: str = strawberry.field(description="To resume after this update, pass it as `after`.")
    event: ExecutionEvent | None = strawberry.field(
        description="What happened; null in the first update, which only says where the stream stands."
    )
    execution: Execution | None = strawberry.field(
        description="The execution it happened to, as of then; null in the first update."
    )

    @classmethod
    def of(cls, item: HubEvent, cursor: str) -> ExecutionUpdate:
        event = ExecutionEvent.of(item)
        return cls(cursor=cursor, event=event, execution=event.execution)


@dataclass(frozen=True, slots=True)
class ExecutionFeed:
    """The events of one execution, by seq."""

    execution_id: ExecutionId
    db: Database = field(compare=False, repr=False)
    hub: Hub = field(compare=False, repr=False)

    async def after(self, position: int) -> AsyncGenerator[Stretch[int, tuple[int, ExecutionEvent]], None]:
        async with aclosing(self.hub.stretches_of_execution(self.execution_id, position)) as stretches:
            async for stretch in stretches:
                items = []
                for item in stretch.items:
                    if pruned_at := await gap_before(self._pruned, item, position):
                        gap = ExecutionEvent.pruned(item, pruned_at)
                        items.append((gap.seq, gap))
                    position = item.event.seq
                    items.append((position, ExecutionEvent.of(item)))
                yield Stretch(items, stretch.end, stretch.idle)

    async def _pruned(self, execution_id: ExecutionId) -> retention.Pruned | None:
        return (await retention.pruned_of(self.db, [execution_id])).get(execution_id)


@dataclass(frozen=True, slots=True)
class UpdatesFeed:
    """The events of all executions that the conditions let through."""

    conditions: filters.ExecutionFilter
    hub: Hub = field(compare=False, repr=False)

    async def after(
        self, position: Cursor
    ) -> AsyncGenerator[Stretch[Cursor, tuple[Cursor, ExecutionUpdate]], None]:
        updates = self.hub.updates
        async with aclosing(updates.stretches(position)) as stretches:
            async for stretch in stretches:
                items = [
                    (item.cursor, ExecutionUpdate.of(item, updates.text(item.cursor)))
                    for item in stretch.items
                    if self.conditions.lets_through(item.execution)
                ]
                yield Stretch(items, stretch.end, stretch.idle)


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
    async with aclosing(onward(info, feed, after)) as events:
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
    # Tags and text become sets of benchmarks now: a watcher asks the database nothing per event.
    conditions = await lookup.resolved(context.db, conditions)
    updates = context.hub.updates
    cursor = updates.position if after is None else await cursor_argument(updates, after)
    yield ExecutionUpdate(cursor=updates.text(cursor), event=None, execution=None)
    async with aclosing(onward(info, UpdatesFeed(conditions, context.hub), cursor)) as items:
        async for update in items:
            yield update
