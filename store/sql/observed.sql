-- name: lock_importers
-- One importer at a time: two that bring the same files could wait for each other's rows in a circle.
SELECT pg_advisory_xact_lock(8243110937284436530)

-- name: known
SELECT id, status, origin, session_file_hash FROM executions WHERE id = ANY($1::uuid[])

-- name: begin
-- A runner that somebody else started: what its session file will tell of it is not known yet.
WITH given AS (
    SELECT id, session_id, least(began_at, clock_timestamp()) AS began_at
    FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS g (id, session_id, began_at)
), inserted AS (
    INSERT INTO executions (id, session_id, benchmark_id, agent, worker_id, origin, status, event_seq,
                            queued_at, started_at, last_activity_at)
    SELECT id, session_id, $4, $5, $6, 'OBSERVED', 'RUNNING', 1, began_at, began_at, clock_timestamp()
    FROM given
    ON CONFLICT DO NOTHING
    RETURNING id, status
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status)
    SELECT id, 1, 'STATUS_CHANGED', status FROM inserted
), bell AS (
    SELECT pg_notify('reev_gql', '') FROM inserted LIMIT 1
)
SELECT inserted.id FROM inserted LEFT JOIN bell ON true

-- name: adopt_observed
UPDATE executions SET worker_id = $2
WHERE id = ANY($1::uuid[]) AND origin = 'OBSERVED' AND status = 'RUNNING'
RETURNING id

-- name: touch
UPDATE executions SET last_activity_at = clock_timestamp()
WHERE id = ANY($1::uuid[]) AND origin = 'OBSERVED' AND status = 'RUNNING'

-- name: unheard
SELECT id FROM executions
WHERE origin = 'OBSERVED' AND status = 'RUNNING' AND id <> ALL($2::uuid[])
  AND last_activity_at < clock_timestamp() - $1::double precision * interval '1 second'

-- name: write
-- The end of executions, of which those observed while they ran are here already, the others not.
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
    RETURNING id, event_seq, status, success, score, failure_kind, failure_message
), ended AS (
    UPDATE executions AS e
    SET benchmark_id = g.benchmark_id, benchmark_revision = g.benchmark_revision, agent = g.agent,
        status = g.status, event_seq = e.event_seq + 1, last_activity_at = g.imported_at,
        queued_at = coalesce(g.started_at, e.started_at), started_at = coalesce(g.started_at, e.started_at),
        ended_at = greatest(
            coalesce(g.started_at, e.started_at),
            coalesce(
                CASE WHEN g.ended_at >= coalesce(g.started_at, e.started_at) THEN g.ended_at END,
                g.started_at + g.execution_time_ms * interval '1 millisecond', g.imported_at
            )
        ),
        failure_kind = g.failure_kind, failure_message = g.failure_message, success = g.success, score = g.score,
        scoring = g.scoring::jsonb, assertions = g.assertions::jsonb, execution_time_ms = g.execution_time_ms,
        session_file_hash = g.session_file_hash
    FROM given AS g
    WHERE e.id = g.id AND e.origin = 'OBSERVED' AND e.status = 'RUNNING'
    RETURNING e.id, e.event_seq, e.status, e.success, e.score, e.failure_kind, e.failure_message
), written AS (
    SELECT * FROM inserted UNION ALL SELECT * FROM ended
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, data)
    SELECT written.id, event_seq, 'STATUS_CHANGED', written.status,
           jsonb_build_object('success', written.success, 'score', written.score,
                              'failureKind', written.failure_kind, 'failureMessage', written.failure_message,
                              'exitCode', NULL, 'exitSignal', NULL, 'file', given.file)
    FROM written JOIN given USING (id)
), bell AS (
    SELECT pg_notify('reev_gql', '') FROM written LIMIT 1
)
SELECT written.id FROM written LEFT JOIN bell ON true

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
ON CONFLICT (execution_id, ordinal) DO UPDATE SET
    name = excluded.name, raw_name = excluded.raw_name, status = excluded.status,
    started_at = excluded.started_at, ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,
    params = excluded.params, result = excluded.result, error_message = excluded.error_message
