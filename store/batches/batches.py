"""Requests executions together, as a batch, all or none, repeats them, and stops them.

Each execution of a batch runs and ends by itself. They wait behind executions that were requested one by one, so a
large batch does not keep those waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from store import sql
from store.errors import BatchIdempotencyConflict, BenchmarkNotFound, NothingToRerun
from store.executions import rows
from store.executions import tags as tags_of_executions
from store.executions.state_machine import StopOutcome
from store.model import (
    Batch,
    BatchId,
    BatchLabel,
    BenchmarkId,
    JsonValue,
    RerunOnly,
)
from store.postgres.database import Connection, Database, columns
from store.postgres.retrying import retried
from store.postgres.text import storable_json, storable_text

SQL = sql.load("batches")

PRIORITY = -1
"""Below 0, the priority of an execution that is requested by itself."""

NO_LABEL = BatchLabel()


@retried
async def request_batch(
    db: Database,
    *,
    benchmark_ids: Sequence[BenchmarkId],
    agents: Sequence[str],
    timeout_ms: int,
    request: JsonValue,
    idempotency_key: str | None = None,
    priority: int = PRIORITY,
    repeats: int = 1,
    label: BatchLabel = NO_LABEL,
) -> tuple[Batch, bool]:
    """Inserts executions of every benchmark with every agent, and their first events, in one transaction.

    There are `repeats` of each, numbered by `trial`. All first trials are before all second ones in the queue.
    Each has the tags of the batch. Returns the batch and whether it is new: a repeated `idempotency_key` with an
    equal `request` gives the first one again. Raises BenchmarkNotFound, which names all that are missing, or
    BatchIdempotencyConflict.
    """
    async with db.transaction() as connection:
        revisions = await _current_revisions(connection, benchmark_ids)
        members = [
            (benchmark_id, revisions[benchmark_id], storable_text(agent), trial, timeout_ms, priority, None)
            for trial in range(1, repeats + 1)
            for benchmark_id in benchmark_ids
            for agent in agents
        ]
        return await _insert(connection, members, request, idempotency_key, label)


@retried
async def rerun(
    db: Database,
    original: Batch,
    only: RerunOnly,
    *,
    request: JsonValue,
    idempotency_key: str | None = None,
    label: BatchLabel = NO_LABEL,
    keeps_tags: bool = False,
) -> tuple[Batch, bool]:
    """Like `request_batch`, with a repetition of each execution of `original` that has ended and that `only` says.

    Each keeps its agent, trial, time limit and priority, and has the current revision of its benchmark. It has the
    tags of the label, or with `keeps_tags` those of the execution that it repeats. Raises NothingToRerun as well.
    """
    async with db.transaction() as connection:
        found = await connection.fetch(SQL["to_rerun"].format(only=_ONLY[only]), original.id)
        if not found:
            raise NothingToRerun(
                f"The batch has no execution that has ended and is {only}; wait, or ask for others"
            )
        revisions = await _current_revisions(
            connection, list(dict.fromkeys(BenchmarkId(row["benchmark_id"]) for row in found))
        )
        members = [(row["benchmark_id"], revisions[row["benchmark_id"]], *row[2:]) for row in found]
        return await _insert(
            connection, members, request, idempotency_key, label, rerun_of=original.id, keeps_tags=keeps_tags
        )


_ONLY = {
    RerunOnly.FAILED: "status IN ('FAILED', 'TIMED_OUT', 'LOST')",
    RerunOnly.NOT_SOLVED: "is_attempt AND solved IS NOT TRUE",
    RerunOnly.EXCLUDED: "NOT is_attempt",
    RerunOnly.ALL: "true",
}


async def agents_to_rerun(db: Database, batch_id: BatchId, only: RerunOnly) -> list[str]:
    """The agents of the executions that `rerun` would repeat."""
    found = await db.fetch(SQL["to_rerun"].format(only=_ONLY[only]), batch_id)
    return list(dict.fromkeys(row["agent"] for row in found))


async def _insert(
    connection: Connection,
    members: Sequence[tuple[Any, ...]],
    request: JsonValue,
    idempotency_key: str | None,
    label: BatchLabel,
    *,
    rerun_of: BatchId | None = None,
    keeps_tags: bool = False,
) -> tuple[Batch, bool]:
    key = None if idempotency_key is None else storable_text(idempotency_key)
    name, note, tags = storable_json((label.name, label.note, label.tags))
    row = await connection.fetchrow(
        SQL["insert"], len(members), storable_json(request), key, name, note, tags, rerun_of
    )
    if row is None:
        known = await connection.fetchrow(SQL["by_idempotency_key"], key)
        return _repeated(rows.batch(known), request), False
    given = None if keeps_tags else tags
    await connection.execute(SQL["insert_executions"], row["id"], given, *columns(members, 7))
    return rows.batch(row), True


async def stop(db: Database, batch_id: BatchId) -> Counter[StopOutcome]:
    """Requests the stop of each execution that has not ended; how many had which outcome."""
    # Those that wait are stopped first: otherwise workers would start them when the others stop.
    stopped = await db.fetchval(SQL["stop_queued"], batch_id)
    stopping = await db.fetchval(SQL["stop_running"], batch_id)
    return Counter({StopOutcome.STOPPED: stopped, StopOutcome.STOPPING: stopping})


@retried
async def relabel(
    db: Database,
    batch_id: BatchId,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    name: str | None = None,
    note: str | None = None,
) -> Batch | None:
    """Adds and removes tags, and gives another name or note unless that is None; an empty one is none.

    None when there is no such batch. Its executions keep their tags. Raises TooManyTags.
    """
    async with db.transaction() as connection:
        row = await connection.fetchrow(SQL["lock"], batch_id)
        if row is None:
            return None
        name = row["name"] if name is None else name or None
        note = row["note"] if note is None else note or None
        tags = tags_of_executions.changed(row["tags"], add, remove)
        return rows.batch(
            await connection.fetchrow(SQL["relabel"], batch_id, *storable_json((name, note)), tags)
        )


async def by_key(db: Database, idempotency_key: str, request: JsonValue) -> Batch | None:
    """The batch that this key has made; raises BatchIdempotencyConflict when it was for another request."""
    row = await db.fetchrow(SQL["by_idempotency_key"], storable_text(idempotency_key))
    return None if row is None else _repeated(rows.batch(row), request)


def _repeated(existing: Batch, request: JsonValue) -> Batch:
    if existing.request != storable_json(request):
        raise BatchIdempotencyConflict(
            "The idempotency key was used for another batch; use a new key for other input", existing
        )
    return existing


async def _current_revisions(
    connection: Connection, benchmark_ids: Sequence[BenchmarkId]
) -> dict[BenchmarkId, int]:
    found = await connection.fetch(SQL["benchmarks"], [storable_text(item) for item in benchmark_ids])
    revisions = {
        BenchmarkId(row["id"]): int(row["current_revision"]) for row in found if row["archived_at"] is None
    }
    missing = tuple(item for item in benchmark_ids if item not in revisions)
    if missing:
        named = ", ".join(repr(item) for item in missing)
        raise BenchmarkNotFound(f"There is no benchmark {named}, or it is archived", missing)
    return revisions


async def get_many(db: Database, ids: Sequence[BatchId]) -> dict[BatchId, Batch]:
    """Batches by id; ids that do not exist are absent."""
    return {BatchId(row["id"]): rows.batch(row) for row in await db.fetch(SQL["by_ids"], ids)}
