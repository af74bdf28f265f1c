"""A database that is hard to write as JSON: every state and null, odd times, numbers and texts."""

from __future__ import annotations

from typing import Any

from store.benchmarks import benchmarks
from store.postgres.database import Database
from tests.helpers.stored_rows import draft

AGENTS = ("plain", 'with "quotes" \\ and\n\ttabs', "naïve 🦀 \u2028", "\x01\x1f</script>")

AMOUNTS = {
    "ints": [0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1],
    "floats": [0.1, 1.0, -0.0, 1e16, 1e22, 1e23, 1.7976931348623157e308, 5e-324, 2.5e-7, 1 / 3],
    "deep": {"a": [{"b": [[], {}, [None, True, False, ""]]}]},
    'key "quoted"\n': "é 🦀 \\u0000",
}

EXECUTIONS = """
INSERT INTO executions (
    id, benchmark_id, benchmark_revision, agent, timeout_ms, event_seq, priority, origin, status, queued_at,
    started_at, ended_at, last_activity_at, stop_requested_at, failure_kind, failure_message, exit_code,
    exit_signal, success, score, scoring, execution_time_ms, startup_time_ms, stop_reason, session_id, steps_done,
    steps_total, leaked_processes, runner, usage, launcher, handle
)
SELECT md5(n::text)::uuid, 'b' || n % 3, CASE WHEN n % 7 > 0 THEN 1 + n % 2 END, text.agent, 1000, n, n - 30,
       CASE WHEN n % 5 = 0 THEN 'OBSERVED' ELSE 'REQUESTED' END::execution_origin, state.status, at.queued,
       CASE WHEN state.status <> 'QUEUED' THEN at.queued
            + CASE WHEN n = 17 THEN interval '720 h' ELSE n * interval '500 us' END END,
       CASE WHEN is_terminal(state.status) THEN at.queued + interval '1 h' + n * interval '100 ms' END,
       at.queued, CASE WHEN state.status IN ('STOPPING', 'STOPPED') THEN at.queued END,
       failure.kind, CASE WHEN failure.kind IS NOT NULL THEN 'why ' || text.agent END,
       CASE WHEN n % 3 > 0 THEN n - 5 END, CASE WHEN n % 3 = 0 THEN 'SIGKILL' END,
       CASE WHEN n % 4 < 2 THEN n % 2 = 0 END, ($3::double precision[])[1 + n % 8],
       CASE WHEN n % 3 > 0 THEN jsonb_build_object('score', n / 7.0::double precision) END,
       CASE WHEN n % 2 = 0 THEN 2147483647 - n END, CASE WHEN n % 3 = 0 THEN n END, ($2::text[])[n % 6],
       CASE WHEN n = 4 THEN '' WHEN n % 3 = 0 THEN text.agent || n END,
       CASE WHEN n % 4 > 0 THEN n % 9 END, CASE WHEN n % 3 > 0 THEN 1 + n % 7 END,
       CASE n % 5 WHEN 1 THEN '[]' WHEN 2 THEN $4::jsonb END, CASE WHEN n % 2 = 0 THEN 'LOCAL'::runner_kind END,
       CASE n % 4 WHEN 1 THEN '{}' WHEN 2 THEN '{"cost": 2, "input_tokens": 2147483647}'
       WHEN 3 THEN jsonb_build_object('turns', n, 'cost', n / 7.0::double precision, 'model', text.agent) END,
       CASE WHEN n % 5 > 0 THEN 'ray' END,
       CASE n % 5 WHEN 1 THEN '{"actor": "a"}' WHEN 3 THEN jsonb_build_object('host', text.agent, 'pid', n) END
FROM generate_series(0, $1::integer - 1) AS n
CROSS JOIN LATERAL (SELECT ($2::text[])[1 + n % 4] AS agent) AS text
CROSS JOIN LATERAL (SELECT (enum_range(NULL::execution_status))[1 + n % 8] AS status) AS state
CROSS JOIN LATERAL (
    SELECT CASE WHEN state.status IN ('FAILED', 'TIMED_OUT', 'LOST')
                THEN (enum_range(NULL::failure_kind))[1 + n % 10] END AS kind
) AS failure
CROSS JOIN LATERAL (
    SELECT '2026-03-29T00:59:59.999999Z'::timestamptz + (n / 4) * interval '1 h'
           + (ARRAY[interval '1 us', interval '0', interval '500001 us', interval '11 us'])[1 + n % 4] AS queued
) AS at
"""
TOOL_CALLS = """
INSERT INTO execution_tool_calls (execution_id, ordinal, name, raw_name, status, started_at, ended_at, duration_ms,
                                  params, result, error_message)
SELECT id, o, 'name ' || o, agent, (enum_range(NULL::tool_call_status))[o], CASE WHEN o > 1 THEN started_at END,
       ended_at, CASE WHEN o < 4 THEN o END,
       CASE o WHEN 1 THEN $1::jsonb WHEN 2 THEN 'null' WHEN 3 THEN '"text"' END,
       CASE WHEN o > 2 THEN $1::jsonb -> 'floats' END, CASE WHEN o = 2 THEN agent END
FROM executions, generate_series(1, 4) AS o WHERE event_seq % 3 > 0
"""
RESULTS = """
INSERT INTO execution_results (execution_id, content_hash, prompt, session)
SELECT id, md5(id::text), CASE WHEN event_seq % 4 > 0 THEN agent END, '{}' FROM executions WHERE event_seq % 2 = 0
"""
PRUNED = """
INSERT INTO pruned_executions (execution_id, pruned_at, events, steps, tool_calls, results, output_bytes)
SELECT id, ended_at, 1, 2, 3, 4, event_seq FROM executions WHERE is_terminal(status) AND event_seq % 3 = 0
"""
SCORES: list[float | None] = [None, 0.0, 1.0, 0.1 + 0.2, 1 / 3, 5e-324, 100.0, 0.7857142857]
LEAKED = [{"pid": 7, "name": 'x "y"'}, {"pid": 3, "name": ""}]
COUNT = 56


async def fill(db: Database) -> None:
    """COUNT executions of three benchmarks with two revisions each."""
    await benchmarks.sync(db, [draft(f"b{n}", path=f"b{n}.yml") for n in range(3)])
    definition: dict[str, Any] = {"amounts": AMOUNTS, "none": None}
    changes = {
        "definition": definition,
        "tags": ("t1", 'a "b" {c},'),
        "description": AGENTS[1],
        "prompt": AGENTS[2],
    }
    await benchmarks.sync(
        db, [draft(f"b{n}", source=AGENTS[n], path=f"b{n}.yml", **changes) for n in range(3)]
    )
    await db.execute(EXECUTIONS, COUNT, AGENTS, SCORES, LEAKED)
    await db.execute(TOOL_CALLS, AMOUNTS)
    await db.execute(RESULTS)
    await db.execute(PRUNED)
