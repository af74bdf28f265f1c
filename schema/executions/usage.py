"""What a model used in an execution."""

from dataclasses import fields
from typing import Self

import strawberry

from store import model
from store.model import JsonValue


@strawberry.type(
    description="What a model used: by the session file, else by the transcript so far. Unknown is null."
)
class ModelUsage:
    turns: int | None = strawberry.field(description="Answers of the model, over all steps.")
    requests: int | None = strawberry.field(description="Requests that were sent, repeated ones included.")
    retries: int | None = strawberry.field(description="Requests that repeated one that had failed.")
    tool_calls: int | None = strawberry.field(description="Tool calls that were carried out or refused.")
    invalid_tool_calls: int | None = strawberry.field(
        description="Tool calls that could not be carried out as the model made them."
    )
    input_tokens: int | None = strawberry.field(description="Tokens it read, cached ones included.")
    output_tokens: int | None = strawberry.field(description="Tokens it wrote, those of reasoning included.")
    cached_tokens: int | None = strawberry.field(description="Input tokens that the endpoint had cached.")
    reasoning_tokens: int | None = strawberry.field(description="Output tokens spent on reasoning.")
    waited_ms: int | None = strawberry.field(
        description="Milliseconds spent waiting before repeated requests: not the model's time."
    )
    cost: float | None = strawberry.field(
        description="What the tokens cost by the prices in the agent's settings; null without prices."
    )
    stop_reason: str | None = strawberry.field(
        description="Why the last step ended: `stop`, a limit such as `max_turns`, or a kind of failure."
    )
    model: str | None = strawberry.field(description="The model that was asked for.")
    response_model: str | None = strawberry.field(description="The model that the endpoint says answered.")
    settings_hash: str | None = strawberry.field(
        description="SHA-256 of the agent's settings: figures of two hashes are not comparable."
    )
    prompt_hash: str | None = strawberry.field(description="SHA-256 of the first prompt.")
    tool_set: str | None = strawberry.field(description="The tools that it was offered.")
    final_text: str | None = strawberry.field(
        description="The beginning of its last answer's text; null without a session file."
    )

    @classmethod
    def of(cls, usage: JsonValue | None) -> Self | None:
        """Of the column `usage`."""
        if usage is None:
            return None
        return cls(**{field.name: usage.get(field.name) for field in fields(model.ModelUsage)})
