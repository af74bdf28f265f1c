"""The output of runners: by offset, and live."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import field
from typing import Annotated, Self

import strawberry

from schema.contract.context import Info
from schema.contract.errors import RequestError
from schema.contract.feeds import continue_with
from schema.contract.ids import execution_id_argument
from store.executions import output as stored_output
from store.executions import state_machine
from store.executions.output import OutputPiece
from store.live import output_feed
from store.live.chunks import Chunk
from store.live.hub import Hub
from store.model import ExecutionId
from store.postgres.database import Database
from store.records import record

Offset = Annotated[
    int, strawberry.argument(description="Byte to start from; `nextOffset` of the previous chunk.")
]


@strawberry.type(description="A chunk of a runner's output, without control characters and secrets.")
class LogChunk:
    offset: int = strawberry.field(description="Where the chunk begins, in bytes of UTF-8.")
    text: str = strawberry.field(description="The text; it comes from a program, so show it as text.")
    next_offset: int = strawberry.field(description="Where the rest begins.")
    ended: bool = strawberry.field(
        description="Whether the execution has ended: then nothing follows an empty chunk."
    )

    @classmethod
    def of(cls, piece: OutputPiece, *, ended: bool) -> Self:
        return cls(offset=piece.offset, text=piece.text, next_offset=piece.next_offset, ended=ended)


LogPosition = tuple[int, bool]
"""The byte up to which all was sent, and whether the end was sent."""


@record
class LogFeed:
    """The output of one execution's runner."""

    execution_id: ExecutionId
    db: Database = field(compare=False, repr=False)
    hub: Hub = field(compare=False, repr=False)

    async def after(
        self, position: LogPosition
    ) -> AsyncGenerator[Chunk[LogPosition, tuple[LogPosition, LogChunk]], None]:
        offset, ended = position
        if ended:
            return
        async with aclosing(output_feed.chunks(self.db, self.hub, self.execution_id, offset)) as chunks:
            async for chunk in chunks:
                offset = chunk.end
                items = [((p.next_offset, False), LogChunk.of(p, ended=False)) for p in chunk.items]
                yield Chunk(items, (offset, False), chunk.idle)
        # `ended` tells the end of the output from a broken connection.
        end = LogChunk(offset=offset, text="", next_offset=offset, ended=True)
        yield Chunk([((offset, True), end)], (offset, True), idle=False)


async def execution_log(
    info: Info,
    execution_id: Annotated[strawberry.ID, strawberry.argument(description="The execution's UUID.")],
    offset: Offset = 0,
) -> AsyncGenerator[LogChunk, None]:
    context = info.context
    found = await state_machine.get(context.db, execution_id_argument(execution_id))
    if found is None:
        raise RequestError("EXECUTION_NOT_FOUND", f"There is no execution {execution_id}")
    pruned = await context.loaders.pruned.load(found.id) if found.status.is_terminal else None
    size = await stored_output.size(context.db, found.id) if pruned is None else pruned.output_bytes
    if offset < 0 or (size is not None and offset > size):
        raise RequestError("INVALID_CURSOR", f"`offset` is {offset}; there are {size} bytes of output")
    over = found.status.is_terminal and (offset == size or pruned is not None)
    yield LogChunk(offset=offset, text="", next_offset=offset, ended=over)
    if over:
        return
    feed = LogFeed(found.id, context.db, context.hub)
    async with aclosing(continue_with(info, feed, (offset, False))) as chunks:
        async for chunk in chunks:
            yield chunk
