-- name: current_revision
SELECT current_revision, archived_at, archive_reason FROM benchmarks WHERE id = $1

-- name: insert
INSERT INTO executions (benchmark_id, benchmark_revision, agent, timeout_ms, idempotency_key, rerun_of, priority,
                        tags, event_seq, steps_done, steps_total)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, 0,
        (SELECT step_count FROM benchmark_revisions WHERE benchmark_id = $1 AND revision = $2))
ON CONFLICT (idempotency_key) DO NOTHING
RETURNING *

-- name: revision_exists
SELECT EXISTS (SELECT 1 FROM benchmark_revisions WHERE benchmark_id = $1 AND revision = $2)

-- name: by_idempotency_key
SELECT * FROM executions WHERE idempotency_key = $1

-- name: insert_first_event
INSERT INTO execution_events (execution_id, seq, kind, status, at) VALUES ($1, 1, 'STATUS_CHANGED', 'QUEUED', $2)

-- name: adopt
-- Only from the worker that it still belongs to, so that one of two gets it. A pid of another boot means nothing.
UPDATE executions
SET worker_id = $2, process_id = CASE WHEN $4::boolean THEN process_id END,
    process_started_at = CASE WHEN $4 THEN process_started_at END
WHERE id = $1 AND worker_id IS NOT DISTINCT FROM $3::uuid AND status IN ('RUNNING', 'STOPPING')
  AND origin = 'REQUESTED'
RETURNING *

-- name: worker_of
SELECT worker_id FROM executions WHERE id = $1

-- name: record_launch
UPDATE executions SET launcher = $2, handle = $3
WHERE id = $1 AND status IN ('RUNNING', 'STOPPING') AND worker_id = $4
RETURNING true

-- name: record_process
UPDATE executions
SET process_id = $2, process_started_at = $3, startup_time_ms = $5, agent_revision = $6, launcher = $7, handle = $8
WHERE id = $1 AND status IN ('RUNNING', 'STOPPING') AND ($4::uuid IS NULL OR worker_id = $4)
RETURNING true

-- name: process_of
SELECT process_id, process_started_at FROM executions WHERE id = $1 AND process_id IS NOT NULL

-- name: stop_queued
WITH moved AS (
    UPDATE executions
    SET status = 'STOPPED', event_seq = event_seq + 1, stop_requested_at = clock_timestamp(),
        ended_at = greatest(queued_at, clock_timestamp())
    WHERE id = $1 AND status = 'QUEUED'
    RETURNING *
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, at)
    SELECT id, event_seq, 'STATUS_CHANGED', status, ended_at FROM moved
)
SELECT moved.* FROM moved

-- name: stop_running
-- An observed execution's runner cannot be stopped from here.
WITH moved AS (
    UPDATE executions
    SET status = 'STOPPING', event_seq = event_seq + 1, stop_requested_at = clock_timestamp(), stop_reason = $2
    WHERE id = $1 AND status = 'RUNNING' AND origin = 'REQUESTED'
    RETURNING *
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, at)
    SELECT id, event_seq, 'STATUS_CHANGED', status, stop_requested_at FROM moved
)
SELECT moved.* FROM moved

-- name: lock_tags
SELECT id, tags FROM executions WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE

-- name: set_tags
-- The arrays travel as one array of JSON: rows may have different numbers of tags.
UPDATE executions AS e SET tags = ARRAY(SELECT jsonb_array_elements_text(given.tags::jsonb))
FROM unnest($1::uuid[], $2::text[]) AS given (id, tags) WHERE e.id = given.id

-- name: touch
UPDATE executions SET last_activity_at = clock_timestamp()
WHERE id = $1 AND status IN ('RUNNING', 'STOPPING') AND ($2::uuid IS NULL OR worker_id = $2)

-- name: record_beginning
WITH moved AS (
    UPDATE executions
    SET startup_time_ms = $2, event_seq = event_seq + 1, last_activity_at = clock_timestamp()
    WHERE id = $1 AND status IN ('RUNNING', 'STOPPING') AND startup_time_ms IS NULL
      AND ($3::uuid IS NULL OR worker_id = $3)
    RETURNING *
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, data)
    SELECT id, event_seq, 'PROGRESS',
           jsonb_build_object('steps_done', steps_done, 'steps_total', steps_total) FROM moved
)
SELECT true FROM moved

-- name: record_progress
-- Only forwards: reading a tool log again from its beginning appends no event twice.
WITH moved AS (
    UPDATE executions
    SET steps_done = $2, event_seq = event_seq + 1, last_activity_at = clock_timestamp()
    WHERE id = $1 AND status IN ('RUNNING', 'STOPPING') AND coalesce(steps_done, 0) < $2
      AND ($3::uuid IS NULL OR worker_id = $3)
    RETURNING *
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, data)
    SELECT id, event_seq, 'PROGRESS',
           jsonb_build_object('steps_done', steps_done, 'steps_total', steps_total) FROM moved
)
SELECT true FROM moved

-- name: append_tool_calls
-- One statement for any number of events, because a busy runner writes hundreds a second.
-- The execution's row is locked first, as in every statement that writes to it, and seq is taken under that lock.
-- What an earlier try stored has no event again. That may have committed after this statement's snapshot was taken,
-- so the conflict decides: what was not inserted existed.
WITH living AS (
    SELECT id FROM executions
    WHERE id = $1 AND status IN ('RUNNING', 'STOPPING') AND ($3::uuid IS NULL OR worker_id = $3)
    FOR NO KEY UPDATE
), given AS (
    SELECT kind, call, ordinality
    FROM ROWS FROM (jsonb_to_recordset($2) AS (kind event_kind, call jsonb)) WITH ORDINALITY
), latest AS (
    SELECT DISTINCT ON (c.ordinal) c.*
    FROM given, jsonb_to_record(call) AS c (
        ordinal integer, name text, raw_name text, status tool_call_status, started_at timestamptz,
        ended_at timestamptz, duration_ms bigint, params jsonb, result jsonb, error_message text
    )
    ORDER BY c.ordinal, ordinality DESC
), inserted AS (
    INSERT INTO execution_tool_calls (execution_id, ordinal, name, raw_name, status, started_at, ended_at,
                                      duration_ms, params, result, error_message)
    SELECT living.id, latest.* FROM living CROSS JOIN latest
    ON CONFLICT DO NOTHING
    RETURNING ordinal
), ended AS (
    INSERT INTO execution_tool_calls AS t (execution_id, ordinal, name, raw_name, status, started_at, ended_at,
                                           duration_ms, params, result, error_message)
    SELECT living.id, latest.* FROM living CROSS JOIN latest
    WHERE latest.status <> 'UNFINISHED' AND latest.ordinal NOT IN (SELECT ordinal FROM inserted)
    ON CONFLICT (execution_id, ordinal) DO UPDATE SET
        name = excluded.name, raw_name = excluded.raw_name, status = excluded.status,
        started_at = excluded.started_at, ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,
        params = excluded.params, result = excluded.result, error_message = excluded.error_message
    WHERE t.status = 'UNFINISHED'
    RETURNING t.ordinal
), stored AS (
    SELECT ordinal, true AS is_new FROM inserted UNION ALL SELECT ordinal, false FROM ended
), fresh AS (
    SELECT kind, call, row_number() OVER (ORDER BY ordinality) AS number
    FROM given JOIN stored ON stored.ordinal = (call ->> 'ordinal')::integer
    WHERE is_new OR kind = 'TOOL_CALL_ENDED'
), moved AS (
    UPDATE executions AS e
    SET last_activity_at = clock_timestamp(), event_seq = event_seq + (SELECT count(*) FROM fresh),
        -- An observed execution began no later than its calls, whichever line was read first.
        started_at = CASE origin WHEN 'OBSERVED' THEN least(e.started_at, began.at) ELSE e.started_at END,
        queued_at = CASE origin WHEN 'OBSERVED' THEN least(e.queued_at, began.at) ELSE e.queued_at END
    FROM living CROSS JOIN (SELECT min(least(started_at, ended_at)) AS at FROM latest) AS began
    WHERE e.id = living.id
    RETURNING e.id, event_seq - (SELECT count(*) FROM fresh) AS before
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, data)
    SELECT moved.id, before + number, kind, call FROM fresh CROSS JOIN moved
)
SELECT true FROM moved

-- name: rerun_lost
-- Before the end of the execution that it repeats: who follows the batch knows of it first. That one is locked, so
-- what is decided here holds at its end. What repeats a lost one is not repeated.
WITH original AS (
    SELECT * FROM executions AS e
    WHERE id = $1 AND status = 'RUNNING' AND origin = 'REQUESTED' AND ($2::uuid IS NULL OR worker_id = $2)
      AND NOT EXISTS (SELECT FROM executions AS first WHERE first.id = e.rerun_of AND first.status = 'LOST')
    FOR NO KEY UPDATE
), batch AS (
    UPDATE batches SET size = size + 1 WHERE id = (SELECT batch_id FROM original)
), made AS (
    INSERT INTO executions (batch_id, tags, benchmark_id, benchmark_revision, agent, trial, timeout_ms, priority,
                            rerun_of, event_seq, steps_done, steps_total)
    SELECT batch_id, tags, benchmark_id, benchmark_revision, agent, trial, timeout_ms, priority, id, 1, 0, steps_total
    FROM original
    RETURNING id, queued_at
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, at)
    SELECT id, 1, 'STATUS_CHANGED', 'QUEUED', queued_at FROM made
)
SELECT id FROM made

-- name: finish
-- Only by the worker that it belongs to: after a takeover the former worker writes nothing.
-- An accepted stop ends as STOPPED, whatever the runner did meanwhile ($20: nobody could see the runner end, which the
-- failure then says).
-- One statement, because followers wait for it: each statement more is a round trip.
WITH moved AS (
    UPDATE executions
    SET status = CASE WHEN status = 'RUNNING' THEN $2::execution_status ELSE 'STOPPED' END,
        failure_kind = CASE WHEN status = 'RUNNING' OR $20 THEN $3::failure_kind END,
        failure_message = CASE WHEN status = 'RUNNING' OR $20 THEN $4 END,
        success = CASE WHEN status = 'RUNNING' THEN $8::boolean END,
        score = CASE WHEN status = 'RUNNING' THEN $9::double precision END,
        event_seq = event_seq + 1, ended_at = greatest(started_at, queued_at, least(clock_timestamp(), CASE origin
            -- An observed execution ended at its last activity: its files may be years old.
            WHEN 'OBSERVED' THEN coalesce(
                (SELECT max(greatest(c.started_at, c.ended_at)) FROM execution_tool_calls AS c
                 WHERE c.execution_id = $1), started_at
            )
        END)),
        exit_code = $5, exit_signal = $6, execution_time_ms = $7,
        scoring = $10, assertions = $11, session_file_hash = $12,
        steps_done = coalesce($13, steps_done), leaked_processes = $14, usage = coalesce($21::jsonb, usage)
    WHERE id = $1 AND status IN ('RUNNING', 'STOPPING') AND ($15::uuid IS NULL OR worker_id = $15)
    RETURNING *
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, at, data)
    SELECT id, event_seq, 'STATUS_CHANGED', status, ended_at,
           jsonb_build_object('success', success, 'score', score, 'failureKind', failure_kind,
                              'failureMessage', failure_message, 'exitCode', exit_code, 'exitSignal', exit_signal)
    FROM moved
), result AS (
    INSERT INTO execution_results (execution_id, content_hash, prompt, session)
    SELECT id, session_file_hash, $16, $17::jsonb FROM moved WHERE session_file_hash IS NOT NULL
), steps AS (
    INSERT INTO execution_steps (execution_id, ordinal, thought, action, observation, info)
    SELECT moved.id, s.* FROM moved, jsonb_to_recordset($18::jsonb) AS s (
        ordinal integer, thought text, action jsonb, observation jsonb, info jsonb
    )
), tool_calls AS (
    INSERT INTO execution_tool_calls (execution_id, ordinal, name, raw_name, status, started_at, ended_at,
                                      duration_ms, params, result, error_message)
    SELECT moved.id, c.* FROM moved, jsonb_to_recordset($19::jsonb) AS c (
        ordinal integer, name text, raw_name text, status tool_call_status, started_at timestamptz,
        ended_at timestamptz, duration_ms bigint, params jsonb, result jsonb, error_message text
    )
    ON CONFLICT (execution_id, ordinal) DO UPDATE SET
        name = excluded.name, raw_name = excluded.raw_name, status = excluded.status,
        started_at = excluded.started_at, ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,
        params = excluded.params, result = excluded.result, error_message = excluded.error_message
)
SELECT moved.* FROM moved

-- name: store_steps
INSERT INTO execution_steps (execution_id, ordinal, thought, action, observation, info)
SELECT $1, s.* FROM jsonb_to_recordset($2) AS s (
    ordinal integer, thought text, action jsonb, observation jsonb, info jsonb
)

-- name: by_id
-- One id is looked up quicker than an array of one.
SELECT * FROM executions WHERE id = $1

-- name: by_ids
-- One plan for any number of ids, because no plan can depend on what a subquery gives.
SELECT * FROM executions WHERE id = ANY((SELECT $1::uuid[])::uuid[])

-- name: live
SELECT * FROM executions WHERE status IN ('QUEUED', 'RUNNING', 'STOPPING') ORDER BY queued_at, id

-- name: live_counts
SELECT count(*) FILTER (WHERE status = 'QUEUED') AS queued, count(*) FILTER (WHERE status <> 'QUEUED') AS live
FROM executions WHERE status IN ('QUEUED', 'RUNNING', 'STOPPING')
