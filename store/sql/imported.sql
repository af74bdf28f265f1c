-- name: clock
SELECT clock_timestamp()

-- name: known
SELECT e.id, e.origin, e.status, r.content_hash
FROM executions AS e LEFT JOIN execution_results AS r ON r.execution_id = e.id
WHERE e.id = ANY($1::uuid[])

-- name: write
WITH given AS (
    SELECT g.*, clock_timestamp() AS imported_at
    FROM unnest(
        $1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::execution_status[],
        $7::failure_kind[], $8::text[], $9::boolean[], $10::double precision[], $11::text[], $12::text[],
        $13::bigint[], $14::text[], $15::text[], $16::timestamptz[], $17::timestamptz[], $18::timestamptz[],
        $19::text[]
    ) AS g (
        id, session_id, benchmark_id, benchmark_revision, agent, status, failure_kind, failure_message,
        success, score, scoring, assertions, execution_time_ms, session_file_hash, file, queued_at, started_at,
        ended_at, usage
    )
), inserted AS (
    INSERT INTO executions (
        id, session_id, benchmark_id, benchmark_revision, agent, origin, status, event_seq,
        queued_at, started_at, ended_at, failure_kind, failure_message,
        success, score, scoring, assertions, execution_time_ms, session_file_hash, usage
    )
    SELECT id, session_id, benchmark_id, benchmark_revision, agent, 'IMPORTED', status, 1,
           coalesce(queued_at, started_at, ended_at, imported_at), started_at, coalesce(ended_at, imported_at),
           failure_kind, failure_message, success, score, scoring::jsonb, assertions::jsonb, execution_time_ms,
           session_file_hash, usage::jsonb
    FROM given
    ON CONFLICT DO NOTHING
    RETURNING id, event_seq, status, success, score, failure_kind, failure_message
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, data)
    SELECT inserted.id, event_seq, 'STATUS_CHANGED', inserted.status,
           jsonb_build_object('success', inserted.success, 'score', inserted.score,
                              'failureKind', inserted.failure_kind, 'failureMessage', inserted.failure_message,
                              'exitCode', NULL, 'exitSignal', NULL, 'file', given.file)
    FROM inserted JOIN given USING (id)
)
SELECT inserted.id FROM inserted
