"""Stores tool logs: prompts, remarks, lines, and the calls of logs that are read whole.

While an execution runs, `note` stores how far its log was read. The log of an execution that has ended may still
arrive or grow: `add` replaces its calls, prompt and lines. The execution's row and events do not change then,
except for the start of an observed execution that only its log has. Nothing is added to an execution that was
pruned.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from store import sql
from store.executions import rows
from store.executions.output import OutputPiece, pieces_by_key
from store.model import ExecutionId, JsonValue, ToolCall, WorkerId
from store.postgres.database import Connection, Database, columns
from store.postgres.retrying import retried
from store.postgres.text import encode_json, storable_text
from store.records import record

SQL = sql.load("tool_logs")

PIECE_BYTES = 64 * 1024
"""The most text of a log in one row."""

PIECES_AT_ONCE = 16
"""The most pieces of one read: 1 MiB."""


class RemarkKind(StrEnum):
    """The kind of a remark about a file of an execution."""

    UNUSABLE_LINE = "UNUSABLE_LINE"
    CHANGED_LINE = "CHANGED_LINE"
    CHANGED_VALUE = "CHANGED_VALUE"
    OTHER_SESSION = "OTHER_SESSION"
    CUT_OFF = "CUT_OFF"


@record
class Remark:
    """Why something was not used, or was changed. `line` counts from 1; None for the whole file."""

    kind: RemarkKind
    file: str
    line: int | None
    message: str


@record
class Prompt:
    """A prompt in a log; `original_bytes` is the size of a `final_prompt` that its writer cut."""

    at: dt.datetime | None
    user_prompt: str | None
    final_prompt: str | None
    original_bytes: int | None
    tool_names: tuple[str, ...]


@record
class ToolLog:
    """The log that was read for an execution: `bytes` of `file`, whose sha256 in hex is `content_hash`."""

    file: str
    bytes: int
    content_hash: str
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    prompts: tuple[Prompt, ...]


@record
class LogRow:
    """A log on its way into the store, its JSON text already. Made by `log_row`."""

    columns: tuple[Any, ...]


@record
class StoredLog:
    """A log read to its end, with its calls. `calls` None leaves what is stored: the log has none."""

    id: ExecutionId
    row: LogRow
    calls: str | None
    call_count: int
    pieces: tuple[bytes, ...]


@record
class KnownLog:
    """How far the log of an execution was read.

    `is_finished` is whether the last line was taken, also without an end of line.
    """

    file: str
    bytes: int
    content_hash: str
    is_finished: bool


def log_row(
    *,
    file: str,
    bytes: int,
    content_hash: str,
    is_finished: bool,
    first_at: dt.datetime | None,
    last_at: dt.datetime | None,
    prompt: str | None,
    prompt_is_truncated: bool,
    prompts: Sequence[JsonValue],
    remarks: Sequence[JsonValue],
) -> LogRow:
    """A log ready to be stored. Encodes JSON of any size: call it in a thread."""
    return LogRow(
        (
            storable_text(file),
            bytes,
            content_hash,
            is_finished,
            first_at,
            last_at,
            None if prompt is None else storable_text(prompt),
            prompt_is_truncated,
            encode_json(list(prompts)),
            encode_json(list(remarks)),
        )
    )


def stored_log(
    execution_id: ExecutionId, row: LogRow, calls: Sequence[ToolCall], text: Sequence[bytes]
) -> StoredLog:
    """The same of a whole log."""
    encoded = encode_json(rows.records(calls)) if calls else None
    return StoredLog(execution_id, row, encoded, len(calls), tuple(text))


@retried
async def note(
    db: Database,
    execution_id: ExecutionId,
    row: LogRow,
    offset: int,
    text: bytes,
    owner: WorkerId | None = None,
) -> bool:
    """Stores how far the log of a running execution was read, and `text`, its lines from byte `offset` on.

    `text` is at most PIECE_BYTES. Safe to repeat. False when the execution has ended meanwhile, or belongs to
    another worker than `owner`.
    """
    return bool(await db.fetchval(SQL["note"], execution_id, owner, *row.columns, offset, text))


@retried
async def add(db: Database, logs: Sequence[StoredLog]) -> set[ExecutionId]:
    """Replaces what is stored of the logs of ended executions; returns the ids that were not pruned.

    The ids must differ.
    """
    if not logs:
        return set()
    async with db.transaction() as connection:
        open_ids = await lock_ended(connection, [log.id for log in logs])
        await store(connection, [log for log in logs if log.id in open_ids])
        await connection.execute(SQL["fill_in_start"], list(open_ids))
    return open_ids


async def lock_ended(connection: Connection, ids: Sequence[ExecutionId]) -> set[ExecutionId]:
    """Locks the rows of those that have ended and were not pruned: files may be added to them."""
    return {ExecutionId(row["id"]) for row in await connection.fetch(SQL["lock"], ids)}


async def store(connection: Connection, logs: Sequence[StoredLog]) -> None:
    """The same inside a transaction that has locked, or just written, the rows of these executions."""
    if not logs:
        return
    await connection.execute(SQL["store"], *columns([(log.id, *log.row.columns) for log in logs]))
    await connection.execute(SQL["drop_text"], [log.id for log in logs])
    pieces = [
        (log.id, offset, piece)
        for log in logs
        for offset, piece in zip(_offsets(log.pieces), log.pieces, strict=True)
    ]
    await connection.execute(SQL["store_text"], *columns(pieces, 3))
    with_calls = [log for log in logs if log.calls is not None]
    await connection.execute(SQL["drop_calls"], *columns([(log.id, log.call_count) for log in with_calls], 2))
    await connection.execute(SQL["store_calls"], *columns([(log.id, log.calls) for log in with_calls], 2))


async def add_remarks(db: Database, remarks: Mapping[ExecutionId, str]) -> None:
    """Says of logs that were read before why they are read no further now, once each."""
    if remarks:
        given = [[{"kind": RemarkKind.CUT_OFF, "line": None, "message": text}] for text in remarks.values()]
        await db.execute(SQL["add_remarks"], list(remarks), given)


async def logs_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, ToolLog]:
    """The log of each execution; executions without one are absent."""
    return {
        ExecutionId(row["execution_id"]): ToolLog(
            file=row["file"],
            bytes=row["bytes"],
            content_hash=row["content_hash"],
            first_at=row["first_at"],
            last_at=row["last_at"],
            prompts=tuple(_prompt(one) for one in row["prompts"]),
        )
        for row in await db.fetch(SQL["of_executions"], ids)
    }


async def remarks_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, tuple[Remark, ...]]:
    """What there is to say about the log of each execution; executions without any remark are absent."""
    return {
        ExecutionId(row["execution_id"]): tuple(
            Remark(RemarkKind(one["kind"]), row["file"], one["line"], one["message"])
            for one in row["remarks"]
        )
        for row in await db.fetch(SQL["remarks"], ids)
    }


async def read_text(
    db: Database, keys: Sequence[tuple[ExecutionId, int]]
) -> dict[tuple[ExecutionId, int], OutputPiece]:
    """The lines of logs from byte offsets on, bounded; an empty piece where there is nothing (yet)."""
    ids, offsets = zip(*keys, strict=True)
    return pieces_by_key(keys, await db.fetch(SQL["read_text"], ids, offsets, PIECES_AT_ONCE))


def split_text(text: bytes) -> list[bytes]:
    """`text` in pieces of at most PIECE_BYTES, none of which begins within a character."""
    pieces = []
    while len(text) > PIECE_BYTES:
        at = PIECE_BYTES
        while at > PIECE_BYTES - 4 and text[at] & 0xC0 == 0x80:
            at -= 1
        pieces.append(text[:at])
        text = text[at:]
    return [*pieces, text] if text else pieces


def _prompt(stored: JsonValue) -> Prompt:
    at = stored["at"]
    return Prompt(
        at=None if at is None else dt.datetime.fromisoformat(at),
        user_prompt=stored["user_prompt"],
        final_prompt=stored["final_prompt"],
        original_bytes=stored["original_bytes"],
        tool_names=tuple(stored["tool_names"]),
    )


def _offsets(pieces: Sequence[bytes]) -> list[int]:
    offsets, at = [], 0
    for piece in pieces:
        offsets.append(at)
        at += len(piece)
    return offsets
