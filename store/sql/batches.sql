-- name: by_idempotency_key
SELECT * FROM batches WHERE idempotency_key = $1

-- name: by_ids
SELECT * FROM batches WHERE id = ANY($1::uuid[])

-- name: insert
INSERT INTO batches (size, request, idempotency_key, name, note, tags, rerun_of) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (idempotency_key) DO NOTHING
RETURNING *

-- name: benchmarks
SELECT id, current_revision, archived_at FROM benchmarks WHERE id = ANY($1::text[])

-- name: insert_executions
-- With the given tags, or where there are none those of the execution that is repeated.
WITH made AS (
    INSERT INTO executions (batch_id, tags, benchmark_id, benchmark_revision, agent, trial, timeout_ms, priority,
                            rerun_of, event_seq, steps_done, steps_total)
    SELECT $1, coalesce($2::text[], (SELECT tags FROM executions AS original WHERE original.id = given.rerun_of), '{}'),
           given.benchmark_id, given.revision, given.agent, given.trial, given.timeout_ms, given.priority,
           given.rerun_of, 1, 0,
           (SELECT step_count FROM benchmark_revisions AS r
            WHERE r.benchmark_id = given.benchmark_id AND r.revision = given.revision)
    FROM unnest($3::text[], $4::integer[], $5::text[], $6::integer[], $7::integer[], $8::integer[], $9::uuid[])
        WITH ORDINALITY AS given (benchmark_id, revision, agent, trial, timeout_ms, priority, rerun_of, ordinal)
    ORDER BY ordinal
    RETURNING id, queued_at
)
INSERT INTO execution_events (execution_id, seq, kind, status, at)
SELECT id, 1, 'STATUS_CHANGED', 'QUEUED', queued_at FROM made

-- name: to_rerun
-- Without the lost ones that the batch has repeated already.
SELECT benchmark_id, benchmark_revision, agent, trial, timeout_ms, priority, id FROM executions AS e
WHERE batch_id = $1 AND is_terminal(status) AND {only}
  AND NOT EXISTS (SELECT FROM executions AS again WHERE again.rerun_of = e.id AND again.batch_id = $1)
ORDER BY trial, queued_at, id

-- name: reruns
SELECT rerun.* FROM unnest($1::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT * FROM batches WHERE rerun_of = wanted.id ORDER BY requested_at DESC, id DESC LIMIT $2
) AS rerun

-- name: progress
SELECT batch_id, status, count(*) AS executions, count(execution_time_ms) AS timed,
       coalesce(sum(execution_time_ms), 0)::bigint AS time_sum_ms
FROM executions WHERE batch_id = ANY($1::uuid[]) GROUP BY 1, 2

-- name: states
-- The end of an execution is its last event.
SELECT log.position AS log_position, x.id, x.status, x.event_seq, x.execution_time_ms, x.is_attempt, x.solved,
       x.computed_score, (x.usage ->> 'input_tokens')::bigint AS input_tokens,
       (x.usage ->> 'output_tokens')::bigint AS output_tokens, x.cost, CASE WHEN is_terminal(x.status) THEN (
    SELECT position FROM event_positions AS p WHERE p.execution_id = x.id ORDER BY last_seq DESC LIMIT 1
) END AS end_position
FROM executions AS x
CROSS JOIN (SELECT coalesce(max(position), 0) AS position FROM event_positions) AS log
WHERE x.batch_id = $1

-- name: stop_queued
WITH moved AS (
    UPDATE executions
    SET status = 'STOPPED', event_seq = event_seq + 1, stop_requested_at = clock_timestamp(),
        ended_at = greatest(queued_at, clock_timestamp())
    WHERE batch_id = $1 AND status = 'QUEUED' AND NOT is_terminal(status)
    RETURNING id, event_seq, status, ended_at
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, at)
    SELECT id, event_seq, 'STATUS_CHANGED', status, ended_at FROM moved
)
SELECT count(*) FROM moved

-- name: stop_running
-- Those that are being stopped already are counted as well.
WITH moved AS (
    UPDATE executions
    SET status = 'STOPPING', event_seq = event_seq + 1, stop_requested_at = clock_timestamp()
    WHERE batch_id = $1 AND status = 'RUNNING' AND NOT is_terminal(status)
    RETURNING id, event_seq, status, stop_requested_at
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, at)
    SELECT id, event_seq, 'STATUS_CHANGED', status, stop_requested_at FROM moved
)
SELECT (SELECT count(*) FROM moved)
     + (SELECT count(*) FROM executions WHERE batch_id = $1 AND status = 'STOPPING' AND NOT is_terminal(status))

-- name: list
SELECT * FROM batches WHERE {conditions} ORDER BY requested_at {direction}, id {direction} LIMIT {limit}

-- name: count
SELECT count(*) FROM batches WHERE {conditions}

-- name: figures
SELECT batch_id, count(*) AS attempts, count(*) FILTER (WHERE solved) AS solved,
       avg(computed_score) AS mean_computed_score, sum((usage ->> 'input_tokens')::bigint)::bigint AS input_tokens,
       sum((usage ->> 'output_tokens')::bigint)::bigint AS output_tokens, sum(cost) AS cost
FROM executions WHERE batch_id = ANY($1::uuid[]) AND is_attempt GROUP BY 1

-- name: failures
SELECT batch_id, status, failure_kind, count(*)::integer AS executions FROM executions
WHERE batch_id = ANY($1::uuid[]) AND is_terminal(status) AND status <> 'SUCCEEDED'
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 2, 3

-- name: lock
SELECT * FROM batches WHERE id = $1 FOR UPDATE

-- name: relabel
UPDATE batches SET name = $2, note = $3, tags = $4 WHERE id = $1 RETURNING *
