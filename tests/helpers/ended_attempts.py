"""Ended executions by the dozen, straight into the table: for tests of figures."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from store.benchmarks import benchmarks
from store.model import BenchmarkId
from store.postgres.database import Database
from tests.helpers.stored_rows import draft

NOON = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC)

INSERT = """
INSERT INTO executions (benchmark_id, benchmark_revision, agent, origin, status, failure_kind, failure_message,
                        queued_at, started_at, ended_at, execution_time_ms, scoring, usage, batch_id,
                        agent_revision, event_seq)
SELECT g.benchmark_id, g.revision, g.agent, 'OBSERVED', g.status::execution_status, g.failure::failure_kind,
       g.failure, g.at - interval '1 minute', g.at - interval '1 minute', g.at, g.time_ms, g.scoring, g.usage,
       g.batch_id, g.agent_revision, 1
FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[],
            $8::jsonb[], $9::jsonb[], $10::uuid[], $11::integer[])
    AS g (benchmark_id, revision, agent, status, failure, at, time_ms, scoring, usage, batch_id, agent_revision)
RETURNING *
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """An ended execution. `score` is the computed one, `failure` a kind for one that FAILED."""

    score: float | None = 1.0
    agent: str = "a"
    benchmark_id: str = "bench"
    revision: int | None = 1
    status: str = "SUCCEEDED"
    failure: str | None = None
    at: dt.datetime = NOON
    time_ms: int | None = 1000
    usage: dict[str, Any] | None = None
    batch_id: uuid.UUID | None = None
    agent_revision: int | None = None


async def insert_ended(db: Database, rows: Sequence[Ended]) -> list[Any]:
    """All of them in one statement; their benchmarks are created when they are not there."""
    for benchmark_id, revision in {(row.benchmark_id, row.revision or 1) for row in rows}:
        while (
            known := await benchmarks.get(db, BenchmarkId(benchmark_id))
        ) is None or known.revision < revision:
            await benchmarks.upsert(
                db, draft(benchmark_id, f"source {0 if known is None else known.revision}")
            )
    columns = [
        (
            *(row.benchmark_id, row.revision, row.agent, row.status, row.failure, row.at, row.time_ms),
            None if row.score is None else {"score": row.score},
            *(row.usage, row.batch_id, row.agent_revision),
        )
        for row in rows
    ]
    return await db.fetch(INSERT, *(list(column) for column in zip(*columns, strict=True)))


def tried(solved: int, attempts: int, **more: Any) -> list[Ended]:
    """So many attempts, of which so many were solved."""
    one = Ended(**more)
    return [replace(one, score=float(at < solved)) for at in range(attempts)]


async def new_batch(db: Database, name: str | None = None) -> uuid.UUID:
    """A batch of which nothing is known but its name."""
    statement = "INSERT INTO batches (size, request, name) VALUES (1, '{}', $1) RETURNING id"
    return uuid.UUID(str(await db.fetchval(statement, name)))
