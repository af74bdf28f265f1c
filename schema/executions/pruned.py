"""What retention has deleted of an execution, said where it is missed: a field, and an event for each gap."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable

import strawberry

from store.executions import retention
from store.live.events import HubEvent
from store.model import ExecutionId


@strawberry.type(
    description="What retention has deleted of an old execution. Its row, score, failure, scoring, assertions and "
    "changes of status are kept; what is counted here is gone, so `steps`, `toolCalls`, `transactionLogs`, "
    "`trace`, `flow`, `log` and `remarks` are empty, and `prompt` and `toolLog` are null."
)
class Pruned:
    pruned_at: dt.datetime = strawberry.field(description="When it was deleted.")
    events: int = strawberry.field(description="Events that are gone, of tool calls and of progress.")
    steps: int = strawberry.field(description="Steps that are gone.")
    tool_calls: int = strawberry.field(description="Tool calls that are gone.")
    output_bytes: int = strawberry.field(description="Bytes of output that are gone.")
    tool_log_bytes: int = strawberry.field(description="Bytes of the tool log that are gone.")

    @classmethod
    def of(cls, row: retention.Pruned) -> Pruned:
        return cls(
            pruned_at=row.pruned_at,
            events=row.events,
            steps=row.steps,
            tool_calls=row.tool_calls,
            output_bytes=row.output_bytes,
            tool_log_bytes=row.tool_log_bytes,
        )


async def gap_before(
    pruned: Callable[[ExecutionId], Awaitable[retention.Pruned | None]], item: HubEvent, after: int
) -> dt.datetime | None:
    """When the events between `after` and `item` were deleted; None when there are none between.

    `pruned` looks up what was deleted of an execution.
    """
    if item.event.seq <= after + 1:
        return None
    row = await pruned(item.event.execution_id)
    return item.event.at if row is None else row.pruned_at
