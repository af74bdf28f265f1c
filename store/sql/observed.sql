-- name: lock_importers
-- One importer at a time: two that bring the same files could wait for each other's rows in a circle.
SELECT pg_advisory_xact_lock(8243110937284436530)

-- name: known
SELECT id, status, session_file_hash FROM executions WHERE id = ANY($1::uuid[])

-- name: insert
-- A time that lies ahead was never the time of anything, and an end before its start was no end.
WITH given AS (
    SELECT id, session_id, benchmark_id, benchmark_revision, agent, status, failure_kind, failure_message,
           success, score, scoring, assertions, execution_time_ms, session_file_hash, file,
           CASE WHEN started_at <= clock_timestamp() + interval '1 day' THEN started_at END AS started_at,
           CASE WHEN ended_at <= clock_timestamp() + interval '1 day' THEN ended_at END AS ended_at,
           clock_timestamp() AS imported_at
    FROM unnest(
        $1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::execution_status[],
        $7::failure_kind[], $8::text[], $9::boolean[], $10::double precision[], $11::text[], $12::text[],
        $13::bigint[], $14::text[], $15::text[], $16::timestamptz[], $17::timestamptz[]
    ) AS g (
        id, session_id, benchmark_id, benchmark_revision, agent, status, failure_kind, failure_message,
        success, score, scoring, assertions, execution_time_ms, session_file_hash, file, started_at, ended_at
    )
), inserted AS (
    INSERT INTO executions (
        id, session_id, benchmark_id, benchmark_revision, agent, origin, status, event_seq,
        queued_at, started_at, ended_at, failure_kind, failure_message,
        success, score, scoring, assertions, execution_time_ms, session_file_hash
    )
    SELECT id, session_id, benchmark_id, benchmark_revision, agent, 'OBSERVED', status, 1,
           coalesce(started_at, ended_at, imported_at), started_at,
           coalesce(
               CASE WHEN ended_at >= started_at OR started_at IS NULL THEN ended_at END,
               started_at + execution_time_ms * interval '1 millisecond', started_at, imported_at
           ),
           failure_kind, failure_message, success, score, scoring::jsonb, assertions::jsonb, execution_time_ms,
           session_file_hash
    FROM given
    ON CONFLICT DO NOTHING
    RETURNING id, status, success, score, failure_kind, failure_message
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, data)
    SELECT inserted.id, 1, 'STATUS_CHANGED', inserted.status,
           jsonb_build_object('success', inserted.success, 'score', inserted.score,
                              'failureKind', inserted.failure_kind, 'failureMessage', inserted.failure_message,
                              'exitCode', NULL, 'exitSignal', NULL, 'file', given.file)
    FROM inserted JOIN given USING (id)
), bell AS (
    SELECT pg_notify('reev_gql', '') FROM inserted LIMIT 1
)
SELECT inserted.id FROM inserted LEFT JOIN bell ON true

-- name: store_results
INSERT INTO execution_results (execution_id, content_hash, prompt, session)
SELECT id, content_hash, prompt, session::jsonb
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS given (id, content_hash, prompt, session)

-- name: store_steps
INSERT INTO execution_steps (execution_id, ordinal, thought, action, observation, info)
SELECT given.id, s.*
FROM unnest($1::uuid[], $2::text[]) AS given (id, steps)
CROSS JOIN LATERAL jsonb_to_recordset(steps::jsonb) AS s (
    ordinal integer, thought text, action jsonb, observation jsonb, info jsonb
)

-- name: store_tool_calls
INSERT INTO execution_tool_calls (execution_id, ordinal, name, raw_name, status, started_at, ended_at,
                                  duration_ms, params, result, error_message)
SELECT given.id, c.*
FROM unnest($1::uuid[], $2::text[]) AS given (id, calls)
CROSS JOIN LATERAL jsonb_to_recordset(calls::jsonb) AS c (
    ordinal integer, name text, raw_name text, status tool_call_status, started_at timestamptz,
    ended_at timestamptz, duration_ms bigint, params jsonb, result jsonb, error_message text
)
