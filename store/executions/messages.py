"""Stores and reads conversations: the lines of transcripts, in their order.

A line that is stored stays as it is; storing it again changes nothing. While an execution runs, each new line is
an event too. `add` stores transcripts that are read whole, after the end; nothing is added to a pruned execution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from store import sql
from store.executions import rows, search
from store.executions.tool_logs import lock_ended
from store.model import ExecutionId, JsonValue, Message, Page, WorkerId
from store.postgres.database import Database, columns
from store.postgres.retrying import retried
from store.postgres.text import encode_json
from store.records import record

SQL = sql.load("messages")

PAGE_BYTES = 4 * 1024 * 1024
"""A page has no more bytes of the transcript than that, and one line at least."""

MessagesPage = tuple[ExecutionId, int, int]
"""The execution, the ordinal after which to read, and how many messages at most."""


@record
class StoredTranscript:
    """A transcript read to its end, as rows. `usage` is what it tells of the model."""

    id: ExecutionId
    rows: tuple[tuple[Any, ...], ...]
    usage: JsonValue | None


def stored_transcript(
    execution_id: ExecutionId, messages: Sequence[Message], usage: JsonValue | None
) -> StoredTranscript:
    """A transcript ready to be stored. Encodes JSON of any size: call it in a thread."""
    found = tuple(
        (execution_id, one.ordinal, one.at, one.kind, encode_json(one.data), one.end_offset)
        for one in messages
    )
    return StoredTranscript(execution_id, found, usage)


async def append(
    db: Database,
    execution_id: ExecutionId,
    messages: Sequence[Message],
    usage: JsonValue | None,
    owner: WorkerId | None = None,
) -> bool:
    """Stores lines of a running execution and appends an event for each that is new; `usage` is the sum so far.

    Safe to repeat. False when the execution has ended meanwhile, or belongs to another worker than `owner`: then
    nothing is written.
    """
    return bool(await db.fetchval(SQL["append"], execution_id, rows.records(messages), usage, owner))


async def stored_up_to(db: Database, execution_id: ExecutionId) -> int:
    """The ordinal of the last line that is stored; 0 when there is none."""
    return int(await db.fetchval(SQL["stored_up_to"], execution_id))


@retried
async def add(db: Database, transcripts: Sequence[StoredTranscript]) -> set[ExecutionId]:
    """Adds transcripts of ended executions; returns the ids that were not pruned. The ids must differ."""
    if not transcripts:
        return set()
    async with db.transaction() as connection:
        open_ids = await lock_ended(connection, [one.id for one in transcripts])
        kept = [one for one in transcripts if one.id in open_ids]
        given = [row for one in kept for row in one.rows]
        await connection.execute(SQL["store"], *columns(given, 6))
        await connection.execute(search.SQL["due"], [one.id for one in kept if one.rows])
        told = [(one.id, encode_json(one.usage)) for one in kept if one.usage is not None]
        await connection.execute(SQL["tell_usage"], *columns(told, 2))
    return open_ids


async def pages_of(db: Database, keys: Sequence[MessagesPage]) -> dict[MessagesPage, Page[Message]]:
    """The page of each key, for many in one statement; keys without messages are absent."""
    found: dict[MessagesPage, list[Message]] = {}
    more: set[MessagesPage] = set()
    ids, afters, limits = zip(*keys, strict=True)
    for row in await db.fetch(SQL["pages"], ids, afters, limits, PAGE_BYTES):
        key = (ExecutionId(row["execution_id"]), row["after"], row["first"])
        items = found.setdefault(key, [])
        if row["fits"] and len(items) < row["first"]:
            items.append(rows.message(row))
        else:
            more.add(key)
    return {key: Page(tuple(items), has_next=key in more) for key, items in found.items()}


async def counts_of(db: Database, ids: Sequence[ExecutionId]) -> dict[ExecutionId, int]:
    """How many messages each execution has; those without any are absent."""
    return {ExecutionId(row["execution_id"]): row["messages"] for row in await db.fetch(SQL["counts"], ids)}
