"""The tool log of an execution: its lines, its prompts, and remarks on it."""

import datetime as dt
from typing import Self

import strawberry

from schema.contract.context import Info
from schema.contract.enums import ExecutionRemarkKind
from schema.contract.errors import RequestError
from schema.executions.output import LogChunk, Offset
from store.executions import tool_logs
from store.model import ExecutionId


@strawberry.type(
    description="A part of an execution's files that was ignored or changed. Everything else was used."
)
class ExecutionRemark:
    kind: ExecutionRemarkKind = strawberry.field(description="What it is about, for programs.")
    file: str = strawberry.field(description="The name of the file.")
    line: int | None = strawberry.field(description="The line, counted from 1; null for the whole file.")
    message: str = strawberry.field(description="What there is to say, for a person.")


@strawberry.type(description="A prompt that the agent was given, as the tool log has it.")
class LoggedPrompt:
    at: dt.datetime | None = strawberry.field(description="When; null when the log does not say.")
    user_prompt: str | None = strawberry.field(description="What the agent was asked to do.")
    final_prompt: str | None = strawberry.field(
        description="The whole text that the model was given, as far as the writer of the log kept it."
    )
    truncated: bool = strawberry.field(description="Whether the writer of the log cut `finalPrompt`.")
    original_bytes: int | None = strawberry.field(
        description="The size of `finalPrompt` in bytes before it was cut; null when it is whole."
    )
    tool_names: list[str] = strawberry.field(description="The tools that the agent was offered.")

    @classmethod
    def of(cls, prompt: tool_logs.Prompt) -> Self:
        return cls(
            at=prompt.at,
            user_prompt=prompt.user_prompt,
            final_prompt=prompt.final_prompt,
            truncated=prompt.original_bytes is not None,
            original_bytes=prompt.original_bytes,
            tool_names=list(prompt.tool_names),
        )


@strawberry.type(description="The tool log of an execution, as far as it was read.")
class ToolLog:
    of_execution: strawberry.Private[ExecutionId]
    ended: strawberry.Private[bool]
    file: str = strawberry.field(description="The name of the file.")
    bytes: int = strawberry.field(description="How many bytes of the file were read.")
    content_hash: str = strawberry.field(description="The sha256 of these bytes, in hex.")
    first_at: dt.datetime | None = strawberry.field(description="The earliest time in a line.")
    last_at: dt.datetime | None = strawberry.field(description="The latest time in a line.")
    prompts: list[LoggedPrompt] = strawberry.field(description="The prompts in it, in order.")

    @classmethod
    def of(cls, log: tool_logs.ToolLog, execution_id: ExecutionId, *, ended: bool) -> Self:
        return cls(
            of_execution=execution_id,
            ended=ended,
            file=log.file,
            bytes=log.bytes,
            content_hash=log.content_hash,
            first_at=log.first_at,
            last_at=log.last_at,
            prompts=[LoggedPrompt.of(prompt) for prompt in log.prompts],
        )

    @strawberry.field(
        description="Its lines unchanged but for secrets, which are removed, from `offset` on; also the "
        "lines that are no call or could not be used."
    )
    async def text(self, info: Info, offset: Offset = 0) -> LogChunk:
        if offset < 0:
            raise RequestError("INVALID_CURSOR", f"`offset` is {offset}; it counts bytes from 0")
        piece = await info.context.loaders.tool_log_text.load((self.of_execution, offset))
        return LogChunk.of(piece, ended=self.ended)
