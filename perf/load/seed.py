"""Fills a migrated database with any number of executions and events, fast, in PostgreSQL itself.

Executions are spread over BENCHMARKS, AGENTS and DAYS, newest last; scores, times and failures vary, some are
missing, a few executions are live. The summary of performance is kept by the triggers, as in life.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import asyncpg

BENCHMARKS = 20
AGENTS = ("deterministic", "glm-4.6", "local-7b", "rare")
"""The last is asked rarely: a fiftieth of what the others are."""

DAYS = 90
BATCH = 200_000
"""Rows per statement: bounded memory, and a word about progress would be possible in between."""

BENCHMARK_ROWS = """
INSERT INTO benchmarks (id, current_revision)
SELECT 'bench-' || to_char(n, 'FM9999000'), 1 FROM generate_series(0, $1::integer - 1) AS n
ON CONFLICT DO NOTHING
"""
REVISION_ROWS = """
INSERT INTO benchmark_revisions (benchmark_id, revision, content_hash, description, prompt, tags, source,
                                 definition, remarks)
SELECT 'bench-' || to_char(n, 'FM9999000'), 1, md5(n::text) || md5(n::text), 'Moves things, number ' || n,
       'Move it.', ARRAY['seeded', CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END], '', '{}', '[]'
FROM generate_series(0, $1::integer - 1) AS n
ON CONFLICT DO NOTHING
"""

# Hashes of n stand in for chance: the same size gives the same rows.
FOR_PERFORMANCE_ONLY = """
CREATE OR REPLACE FUNCTION add_up_noted_figures() RETURNS void LANGUAGE plpgsql AS
'BEGIN UPDATE performance_noted SET group_id = 0; END'
"""
EXECUTION_ROWS = """
INSERT INTO executions (id, benchmark_id, benchmark_revision, agent, origin, status, timeout_ms, queued_at,
                        started_at, ended_at, failure_kind, failure_message, success, score, scoring,
                        execution_time_ms, event_seq, batch_id)
SELECT md5('execution' || n)::uuid, 'bench-' || to_char(n % $3, 'FM9999000'), 1,
       ($4::text[])[CASE WHEN dice.agent < 0.006 THEN cardinality($4) ELSE 1 + n / $3 % (cardinality($4) - 1) END],
       'REQUESTED', state.status, 600000, at.queued,
       CASE WHEN state.status <> 'QUEUED' THEN at.queued END,
       CASE WHEN is_terminal(state.status) THEN at.queued + least(dice.ms, 3600000) * interval '1 ms' END,
       state.failure, 'seeded ' || state.failure::text, state.status = 'SUCCEEDED',
       CASE WHEN dice.score < 0.9 AND is_terminal(state.status) THEN floor(dice.score * 9) / 8 END,
       CASE WHEN dice.score < 0.8 AND is_terminal(state.status)
            THEN jsonb_build_object('score', round(dice.score::numeric, 2)) END,
       CASE WHEN dice.score < 0.95 AND is_terminal(state.status) THEN dice.ms END, 4,
       CASE WHEN n > $5::bigint - $7::integer THEN $8::uuid END
FROM generate_series($1::bigint, $2::bigint) AS n
CROSS JOIN LATERAL (
    SELECT (hashint8(n) & 65535) / 65536.0::double precision AS agent,
           (hashint8(n + 1000000007) & 65535) / 65536.0::double precision AS score,
           exp(4 + (hashint8(n + 2000000011) & 65535) / 65536.0::double precision * 7)::bigint AS ms,
           (hashint8(n + 3000000019) & 1023) AS state
) AS dice
CROSS JOIN LATERAL (
    SELECT CASE WHEN n > $5::bigint - 20 THEN 'RUNNING' WHEN dice.state < 700 THEN 'SUCCEEDED'
                WHEN dice.state < 960 THEN 'FAILED' WHEN dice.state < 1000 THEN 'TIMED_OUT'
                WHEN dice.state < 1020 THEN 'STOPPED'
                ELSE 'LOST' END::execution_status AS status
) AS kind
CROSS JOIN LATERAL (
    SELECT kind.status, CASE kind.status WHEN 'FAILED' THEN 'BENCHMARK' WHEN 'TIMED_OUT' THEN 'TIMEOUT'
                        WHEN 'LOST' THEN 'LOST' END::failure_kind AS failure
) AS state
CROSS JOIN LATERAL (
    SELECT '2026-01-01Z'::timestamptz + n * ($6 * interval '1 day' / $5::double precision) AS queued
) AS at
"""

EVENT_ROWS = """
INSERT INTO execution_events (execution_id, seq, kind, data)
SELECT md5('execution' || n)::uuid, seq,
       CASE WHEN seq % 2 = 0 THEN 'TOOL_CALL_ENDED' ELSE 'TOOL_CALL_STARTED' END::event_kind,
       jsonb_build_object('ordinal', (seq + 1) / 2, 'name', 'sol_transfer', 'raw_name', 'SolTransfer',
                          'status', 'SUCCESS',
                          'started_at', null, 'ended_at', null, 'duration_ms', 7, 'result', null,
                          'params', jsonb_build_object('amount', n), 'error_message', null)
FROM generate_series($1::bigint, $2::bigint) AS n, generate_series(1, $3::integer) AS seq
"""

POSITION_ROWS = """
INSERT INTO event_positions (position, execution_id, first_seq, last_seq)
SELECT nextval('log_position'), md5('execution' || n)::uuid, 1, $3::integer
FROM generate_series($1::bigint, $2::bigint) AS n
"""


BATCH_ID = uuid.UUID(int=1)
BATCH_ROW = "INSERT INTO batches (id, size, request) VALUES ($1, $2, '{}')"


async def seed(
    url: str,
    executions: int,
    events: int = 0,
    *,
    benchmarks: int = BENCHMARKS,
    agents: Sequence[str] = AGENTS,
    in_batch: int = 0,
    with_figures: bool = False,
) -> None:
    """`events` are spread evenly over the executions, the last of which belong to the batch BATCH_ID.

    Ends with the statistics a running server would have. The summary of figures takes longest: only on demand.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET synchronous_commit = off")
        # Foreign keys are right by construction; checking them row by row takes longer than the rows.
        for table in ("executions", "execution_events"):
            await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for trigger in ("performance_at_the_end", "performance_of_ended"):
            await connection.execute(f"ALTER TABLE executions ENABLE TRIGGER {trigger}")
        if not with_figures:
            adds_up = await connection.fetchval("SELECT pg_get_functiondef('add_up_noted_figures'::regproc)")
            await connection.execute(FOR_PERFORMANCE_ONLY)
        async with connection.transaction():
            await connection.execute(BENCHMARK_ROWS, benchmarks)
            await connection.execute(REVISION_ROWS, benchmarks)
            if in_batch:
                await connection.execute(BATCH_ROW, BATCH_ID, in_batch)
        for first in range(1, executions + 1, BATCH):
            last = min(first + BATCH - 1, executions)
            await connection.execute(
                EXECUTION_ROWS,
                *(first, last, benchmarks, list(agents), executions, DAYS, in_batch, BATCH_ID),
                timeout=None,
            )
            await connection.execute("SELECT add_up_figures()", timeout=None)
        each = events // executions
        step = max(1, BATCH // max(each, 1))
        for first in range(1, executions + 1 if each else 0, step):
            for rows in (EVENT_ROWS, POSITION_ROWS):
                await connection.execute(rows, first, min(first + step - 1, executions), each)
        for table in ("executions", "execution_events"):
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        if not with_figures:
            await connection.execute(adds_up)
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()
