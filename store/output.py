"""What runners printed, kept in the database so that any server can show it while it is written.

It is text in UTF-8, cleaned and redacted by the worker; offsets count its bytes. Pieces follow each other
without a gap, so a reader that continues at `next_offset` misses nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from store import executions, sql
from store.database import Database
from store.hub import Hub
from store.model import ExecutionId

SQL = sql.load("output")

PIECES_AT_ONCE = 64
"""Pieces of one answer; a worker writes none larger than 64 KiB."""


@dataclass(frozen=True, slots=True)
class OutputPiece:
    """Output from byte `offset` on; `next_offset` is where the rest will follow."""

    offset: int
    content: bytes

    @property
    def next_offset(self) -> int:
        return self.offset + len(self.content)

    @property
    def text(self) -> str:
        """The bytes as text; a character cut by an offset of the reader's choice is shown as U+FFFD."""
        return self.content.decode("utf-8", "replace")


async def append(db: Database, execution_id: ExecutionId, offset: int, content: bytes) -> None:
    """Stores a piece and moves the last activity; the same piece again changes nothing."""
    await db.fetchval(SQL["append"], execution_id, offset, content)


async def size(db: Database, execution_id: ExecutionId) -> int:
    """How many bytes are stored."""
    return int(await db.fetchval(SQL["size"], execution_id))


async def read(db: Database, execution_id: ExecutionId, offset: int) -> OutputPiece:
    """What is stored from `offset` on, bounded; an empty piece when there is nothing (yet)."""
    found = await db.fetch(SQL["read"], execution_id, offset, PIECES_AT_ONCE)
    if not found:
        return OutputPiece(offset, b"")
    content = b"".join(row["content"] for row in found)[max(0, offset - found[0]["start_offset"]) :]
    return OutputPiece(offset, content)


async def follow(
    db: Database, hub: Hub, execution_id: ExecutionId, offset: int
) -> AsyncGenerator[OutputPiece, None]:
    """Every piece from `offset` on, in order, as it is written; ends with the execution, when all was sent."""
    while True:
        activity = hub.activity.next
        execution = await executions.get(db, execution_id)
        piece = await read(db, execution_id, offset)
        if piece.content:
            yield piece
            offset = piece.next_offset
        elif execution is None or execution.status.is_terminal:
            return
        else:
            await activity.wait()
