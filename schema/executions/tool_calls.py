"""Tool calls: what an agent did, as its tool log has it."""

import datetime as dt

import strawberry
from strawberry.scalars import JSON

from schema.contract.enums import ToolCallStatus


@strawberry.type(description="One call of a tool by the agent, as the tool log has it.")
class ToolCall:
    ordinal: int = strawberry.field(description="Counted from 1, in the order of the tool log.")
    name: str = strawberry.field(description="The tool's name, its historical spellings made one.")
    raw_name: str = strawberry.field(description="The name as the tool log spells it.")
    status: ToolCallStatus = strawberry.field(description="How the call ended.")
    started_at: dt.datetime | None = strawberry.field(
        description="When it began; null when the log does not say."
    )
    ended_at: dt.datetime | None = strawberry.field(
        description="When it ended; null when the log does not say."
    )
    duration_ms: int | None = strawberry.field(
        description="Milliseconds it took, as logged; null when unknown."
    )
    params: JSON | None = strawberry.field(description="Its arguments.")
    result: JSON | None = strawberry.field(description="What it returned.")
    error_message: str | None = strawberry.field(description="Why it failed, in the tool's words.")
