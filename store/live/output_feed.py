"""Follows the output of an execution while it is written."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from store.executions import output, state_machine
from store.executions.output import OutputPiece
from store.live.chunks import Chunk
from store.live.hub import Hub
from store.model import ExecutionId
from store.postgres.database import Database


async def chunks(
    db: Database, hub: Hub, execution_id: ExecutionId, offset: int
) -> AsyncGenerator[Chunk[int, OutputPiece], None]:
    """Every piece from byte `offset` on, in order; ends when the execution has ended and everything was sent."""
    while True:
        activity = hub.activity.next
        execution = await state_machine.get(db, execution_id)
        piece = await output.read(db, execution_id, offset)
        if piece.content:
            offset = piece.next_offset
            yield Chunk((piece,), offset, idle=False)
        elif execution is None or execution.status.is_terminal:
            return
        else:
            yield Chunk((), offset, idle=True)
            await activity.wait()
