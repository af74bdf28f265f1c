"""The output of an execution as it is written."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from store.executions import output, state_machine
from store.executions.output import OutputPiece
from store.live.hub import Hub
from store.live.stretches import Stretch
from store.model import ExecutionId
from store.postgres.database import Database


async def stretches(
    db: Database, hub: Hub, execution_id: ExecutionId, offset: int
) -> AsyncGenerator[Stretch[int, OutputPiece], None]:
    """Every piece from `offset` on, in order, as it is written; ends with the execution, when all was sent."""
    while True:
        activity = hub.activity.next
        execution = await state_machine.get(db, execution_id)
        piece = await output.read(db, execution_id, offset)
        if piece.content:
            offset = piece.next_offset
            yield Stretch((piece,), offset, idle=False)
        elif execution is None or execution.status.is_terminal:
            return
        else:
            yield Stretch((), offset, idle=True)
            await activity.wait()
