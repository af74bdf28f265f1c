"""What retention has deleted of an execution: a field, and an event in place of each gap."""

import datetime as dt
from collections.abc import Awaitable, Callable

import strawberry

from store.executions import retention
from store.live.events import HubEvent
from store.model import ExecutionId


@strawberry.type(
    description="What retention has deleted of an old execution. Its row, score, failure, scoring, "
    "assertions and changes of status are kept; what is counted here is deleted, so `steps`, `toolCalls`, "
    "`conversation`, `transactionLogs`, `trace`, `flow`, `log` and `remarks` are empty, and `prompt` and "
    "`toolLog` are null. What was deleted with everything of its day was not counted: then the counts are null, "
    "but for that of events."
)
class Pruned:
    pruned_at: dt.datetime = strawberry.field(description="When it was deleted.")
    events: int = strawberry.field(description="Deleted events: all but changes of status.")
    steps: int | None = strawberry.field(description="Deleted steps.")
    tool_calls: int | None = strawberry.field(description="Deleted tool calls.")
    output_bytes: int | None = strawberry.field(description="Deleted bytes of output.")
    tool_log_bytes: int | None = strawberry.field(description="Deleted bytes of the tool log.")
    messages: int | None = strawberry.field(description="Deleted entries of the conversation.")


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
