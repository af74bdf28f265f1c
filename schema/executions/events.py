"""Events of executions, as subscriptions and `Execution.events` give them."""

import datetime as dt
from enum import Enum
from typing import Self

import strawberry

from schema.contract.enums import ExecutionStatus
from schema.contract.references import EXECUTION
from schema.executions.conversation import ConversationEntry
from schema.executions.progress import ExecutionProgress
from schema.executions.tool_calls import ToolCall
from store import model
from store.executions import rows
from store.live.events import HubEvent


@strawberry.enum(description="The kind of an event.")
class ExecutionEventKind(Enum):
    SNAPSHOT = strawberry.enum_value(
        "SNAPSHOT",
        description="The state of the execution as the subscription begins; not part of its history.",
    )
    STATUS_CHANGED = strawberry.enum_value("STATUS_CHANGED", description="It moved to `status`.")
    TOOL_CALL_STARTED = strawberry.enum_value("TOOL_CALL_STARTED", description="`toolCall` began.")
    TOOL_CALL_ENDED = strawberry.enum_value("TOOL_CALL_ENDED", description="`toolCall` ended.")
    PRUNED = strawberry.enum_value(
        "PRUNED",
        description="Replaces all events up to `seq` that retention has deleted; not part of the history.",
    )
    PROGRESS = strawberry.enum_value(
        "PROGRESS",
        description="`progress` has changed, or the runner has finished its start-up.",
    )
    MESSAGE = strawberry.enum_value("MESSAGE", description="`entry` was added to the conversation.")


@strawberry.type(description="One fact of an execution's history.")
class ExecutionEvent:
    execution_id: strawberry.ID = strawberry.field(description="The execution it belongs to.")
    seq: int = strawberry.field(
        description="1..n; an event of kind PRUNED stands for a gap. To resume after this event, pass it "
        "as `after`."
    )
    at: dt.datetime = strawberry.field(
        description="When it happened, by the database clock; a snapshot's state began then, and what is PRUNED "
        "was deleted then."
    )
    kind: ExecutionEventKind = strawberry.field(description="Which kind of event it is.")
    status: ExecutionStatus | None = strawberry.field(
        description="The state it moved to, or the state of the snapshot; null for other kinds."
    )
    tool_call: model.ToolCall | None = strawberry.field(
        graphql_type=ToolCall | None, description="The tool call it is about, as of then."
    )
    progress: model.Progress | None = strawberry.field(
        graphql_type=ExecutionProgress | None,
        description="The execution's progress at that time; null for kinds other than PROGRESS.",
    )
    entry: ConversationEntry | None = strawberry.field(
        description="The entry of the conversation; null for kinds other than MESSAGE."
    )
    execution: model.Execution = strawberry.field(
        graphql_type=EXECUTION,
        description="The execution as it stood when the event was read: `revision` may be above `seq`.",
    )

    @classmethod
    def of(cls, item: HubEvent) -> Self:
        event = item.event
        tool_call, progress, message = None, None, None
        match event.kind:
            case model.EventKind.TOOL_CALL_STARTED | model.EventKind.TOOL_CALL_ENDED:
                tool_call = rows.tool_call_of_event(event.data)
            case model.EventKind.PROGRESS:
                progress = rows.progress_of_event(event.data)
            case model.EventKind.MESSAGE:
                message = rows.message_of_event(event.data)
        return cls(
            execution_id=strawberry.ID(str(event.execution_id)),
            seq=event.seq,
            at=event.at,
            kind=ExecutionEventKind(event.kind.value),
            status=event.status,
            tool_call=tool_call,
            progress=progress,
            entry=None if message is None else ConversationEntry.of(message),
            execution=item.execution,
        )

    @classmethod
    def pruned(cls, next_one: HubEvent, pruned_at: dt.datetime) -> Self:
        return cls(
            execution_id=strawberry.ID(str(next_one.event.execution_id)),
            seq=next_one.event.seq - 1,
            at=pruned_at,
            kind=ExecutionEventKind.PRUNED,
            status=None,
            tool_call=None,
            progress=None,
            entry=None,
            execution=next_one.execution,
        )

    @classmethod
    def snapshot(cls, execution: model.Execution, after: int) -> Self:
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
            entry=None,
            execution=execution,
        )
