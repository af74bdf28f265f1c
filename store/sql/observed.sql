-- name: lock_importers
-- One importer at a time: two with the same files could deadlock on each other's rows.
SELECT pg_advisory_xact_lock(8243110937284436530)

-- name: known
SELECT e.id, e.status, e.origin, e.agent, e.session_file_hash, e.last_activity_at,
       EXISTS (SELECT FROM pruned_executions AS p WHERE p.execution_id = e.id) OR EXISTS (
           SELECT FROM execution_days AS d WHERE e.id >= d.first_id AND e.id < d.after_id AND d.dropped_at IS NOT NULL
       ) AS is_pruned,
       l.file, l.bytes, l.content_hash, l.is_finished, coalesce((
           SELECT end_offset FROM execution_messages AS m WHERE m.execution_id = e.id ORDER BY ordinal DESC LIMIT 1
       ), 0) AS transcript_bytes
FROM executions AS e LEFT JOIN execution_tool_logs AS l ON l.execution_id = e.id
WHERE e.id = ANY($1::uuid[])

-- name: begin
-- A runner that somebody else started; its session file is not there yet.
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
)
SELECT inserted.id FROM inserted

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

-- name: supersede
-- Ends again observed executions that were given up without a result, now that there is one.
UPDATE execution_events AS v SET data = v.data || '{"superseded": true}'
FROM executions AS e
WHERE e.id = ANY($1::uuid[]) AND e.origin = 'OBSERVED' AND is_terminal(e.status) AND e.session_file_hash IS NULL
  AND NOT EXISTS (SELECT FROM pruned_executions AS p WHERE p.execution_id = e.id)
  AND v.execution_id = e.id AND is_terminal(v.status)

-- name: write
-- Ends executions. Those that were observed while they ran, or were given up, have a row; the others are inserted.
-- Times in the future and ends before the start are ignored. Without a start in the session file, that of the tool log
-- is used, in whatever order the files came.
WITH told AS (
    SELECT g.*, clock_timestamp() AS imported_at, coalesce(g.log_start, l.first_at) AS logged,
           CASE WHEN g.told_start <= clock_timestamp() + interval '1 day' THEN g.told_start END AS start,
           CASE WHEN g.told_end <= clock_timestamp() + interval '1 day' THEN g.told_end END AS finish
    FROM unnest(
        $1::uuid[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::execution_status[],
        $7::failure_kind[], $8::text[], $9::boolean[], $10::double precision[], $11::text[], $12::text[],
        $13::bigint[], $14::text[], $15::text[], $16::timestamptz[], $17::timestamptz[], $18::timestamptz[],
        $19::text[]
    ) AS g (
        id, session_id, benchmark_id, benchmark_revision, agent, status, failure_kind, failure_message,
        success, score, scoring, assertions, execution_time_ms, session_file_hash, file, told_start, told_end,
        log_start, usage
    )
    LEFT JOIN execution_tool_logs AS l ON l.execution_id = g.id
), given AS (
    SELECT told.*, over.ended_at,
           coalesce(start, CASE WHEN logged IS NOT NULL THEN least(logged, over.ended_at) END) AS started_at
    FROM told
    CROSS JOIN LATERAL (
        SELECT coalesce(
            CASE WHEN finish >= start OR start IS NULL THEN finish END,
            start + execution_time_ms * interval '1 millisecond', start, imported_at
        ) AS ended_at
    ) AS over
), inserted AS (
    INSERT INTO executions (
        id, session_id, benchmark_id, benchmark_revision, agent, origin, status, event_seq,
        queued_at, started_at, ended_at, failure_kind, failure_message,
        success, score, scoring, assertions, execution_time_ms, session_file_hash, usage
    )
    SELECT id, session_id, benchmark_id, benchmark_revision, agent, 'OBSERVED', status, 1,
           coalesce(started_at, ended_at), started_at, ended_at,
           failure_kind, failure_message, success, score, scoring::jsonb, assertions::jsonb, execution_time_ms,
           session_file_hash, usage::jsonb
    FROM given
    ON CONFLICT DO NOTHING
    RETURNING id, event_seq, status, success, score, failure_kind, failure_message
), ended AS (
    UPDATE executions AS e
    SET benchmark_id = g.benchmark_id, benchmark_revision = g.benchmark_revision, agent = g.agent,
        status = g.status, event_seq = e.event_seq + 1, last_activity_at = g.imported_at,
        queued_at = coalesce(g.started_at, g.ended_at), started_at = g.started_at, ended_at = g.ended_at,
        failure_kind = g.failure_kind, failure_message = g.failure_message, success = g.success, score = g.score,
        scoring = g.scoring::jsonb, assertions = g.assertions::jsonb, execution_time_ms = g.execution_time_ms,
        session_file_hash = g.session_file_hash, usage = coalesce(g.usage::jsonb, e.usage)
    FROM given AS g
    WHERE e.id = g.id AND e.origin = 'OBSERVED' AND e.session_file_hash IS NULL
      AND NOT EXISTS (SELECT FROM pruned_executions AS p WHERE p.execution_id = e.id)
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
)
SELECT written.id FROM written

-- name: give_up
-- An observed execution without activity ended at its last activity, not when that was noticed.
WITH moved AS (
    UPDATE executions AS e
    SET status = $2, failure_kind = $3, failure_message = $4, event_seq = event_seq + 1,
        ended_at = greatest(started_at, queued_at, least(clock_timestamp(), coalesce(
            (SELECT last_at FROM execution_tool_logs WHERE execution_id = e.id), $5, last_activity_at
        )))
    WHERE id = $1 AND origin = 'OBSERVED' AND status = 'RUNNING'
    RETURNING *
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, data)
    SELECT id, event_seq, 'STATUS_CHANGED', status,
           jsonb_build_object('success', NULL, 'score', NULL, 'failureKind', failure_kind,
                              'failureMessage', failure_message, 'exitCode', NULL, 'exitSignal', NULL)
    FROM moved
)
SELECT pg_notify('reev_gql', '') FROM moved

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

-- name: store_session_calls
-- The calls in a session file, for executions without calls of a tool log.
INSERT INTO execution_tool_calls (execution_id, ordinal, name, raw_name, status, started_at, ended_at,
                                  duration_ms, params, result, error_message)
SELECT given.id, c.*
FROM unnest($1::uuid[], $2::text[]) AS given (id, calls)
CROSS JOIN LATERAL jsonb_to_recordset(calls::jsonb) AS c (
    ordinal integer, name text, raw_name text, status tool_call_status, started_at timestamptz,
    ended_at timestamptz, duration_ms bigint, params jsonb, result jsonb, error_message text
)
WHERE NOT EXISTS (SELECT FROM execution_tool_calls AS t WHERE t.execution_id = given.id)
