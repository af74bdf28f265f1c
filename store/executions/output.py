"""The output of runners: stored while it is written, so that any server can show it.

It is UTF-8 text, cleaned and redacted by the worker; offsets count bytes. Pieces follow each other without a gap:
a reader that continues at `next_offset` misses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from store import sql
from store.model import ExecutionId, WorkerId
from store.postgres.database import Database, Row
from store.records import record

SQL = sql.load("output")

PIECES_AT_ONCE = 64
"""The most pieces of one read; a worker writes none larger than 64 KiB."""


@record
class OutputPiece:
    """Output from byte `offset` on; what follows begins at `next_offset`."""

    offset: int
    content: bytes

    @property
    def next_offset(self) -> int:
        return self.offset + len(self.content)

    @property
    def text(self) -> str:
        """The content as text; a character that `offset` cuts is U+FFFD."""
        return self.content.decode("utf-8", "replace")


NO_OUTPUT = OutputPiece(0, b"")


async def append(
    db: Database, execution_id: ExecutionId, offset: int, content: bytes, owner: WorkerId | None = None
) -> None:
    """Stores a piece; the same piece again changes nothing.

    With `owner` nothing is stored when the execution belongs to another worker.
    """
    await db.fetchval(SQL["append"], execution_id, offset, content, owner)


async def size(db: Database, execution_id: ExecutionId) -> int:
    """How many bytes are stored."""
    return int(await db.fetchval(SQL["size"], execution_id))


async def read(db: Database, execution_id: ExecutionId, offset: int) -> OutputPiece:
    """The output from `offset` on, at most PIECES_AT_ONCE pieces; empty when there is none (yet)."""
    return (await read_many(db, [(execution_id, offset)]))[execution_id, offset]


async def read_many(
    db: Database, keys: Sequence[tuple[ExecutionId, int]]
) -> dict[tuple[ExecutionId, int], OutputPiece]:
    """What `read` returns, for many executions and offsets in one statement."""
    ids, offsets = zip(*keys, strict=True)
    return pieces_by_key(keys, await db.fetch(SQL["read"], ids, offsets, PIECES_AT_ONCE))


def pieces_by_key(
    keys: Sequence[tuple[ExecutionId, int]], rows: Sequence[Row]
) -> dict[tuple[ExecutionId, int], OutputPiece]:
    """Joins the pieces of each key; `rows` has some pieces for each execution and offset."""
    found: dict[tuple[ExecutionId, int], tuple[int, list[bytes]]] = {}
    for row in rows:
        key = (ExecutionId(row["execution_id"]), row["start"])
        _, pieces = found.setdefault(key, (row["start_offset"], []))
        pieces.append(row["content"])
    return {key: _piece(key[1], *found.get(key, (key[1], []))) for key in keys}


def _piece(offset: int, begin: int, pieces: Sequence[bytes]) -> OutputPiece:
    return OutputPiece(offset, b"".join(pieces)[max(0, offset - begin) :])
