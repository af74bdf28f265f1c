-- name: by_idempotency_key
SELECT * FROM batches WHERE idempotency_key = $1

-- name: by_ids
SELECT * FROM batches WHERE id = ANY($1::uuid[])

-- name: insert
INSERT INTO batches (size, request, idempotency_key, name, note, tags) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (idempotency_key) DO NOTHING
RETURNING *

-- name: benchmarks
SELECT id, current_revision, archived_at FROM benchmarks WHERE id = ANY($1::text[])

-- name: insert_executions
WITH made AS (
    INSERT INTO executions (batch_id, timeout_ms, priority, event_seq, benchmark_id, benchmark_revision, agent, trial,
                            steps_done, steps_total)
    SELECT $1, $2, $3, 1, given.id, given.revision, given.agent, given.trial, 0,
           (SELECT step_count FROM benchmark_revisions AS r WHERE r.benchmark_id = given.id AND r.revision = given.revision)
    FROM unnest($4::text[], $5::integer[], $6::text[], $7::integer[])
        WITH ORDINALITY AS given (id, revision, agent, trial, ordinal)
    ORDER BY ordinal
    RETURNING id, queued_at
)
INSERT INTO execution_events (execution_id, seq, kind, status, at)
SELECT id, 1, 'STATUS_CHANGED', 'QUEUED', queued_at FROM made

-- name: progress
SELECT batch_id, status, count(*) AS executions FROM executions WHERE batch_id = ANY($1::uuid[]) GROUP BY 1, 2

-- name: states
-- The end of an execution is its last event.
SELECT log.position AS log_position, x.id, x.status, x.event_seq, CASE WHEN is_terminal(x.status) THEN (
    SELECT position FROM event_positions AS p WHERE p.execution_id = x.id ORDER BY last_seq DESC LIMIT 1
) END AS end_position
FROM executions AS x
CROSS JOIN (SELECT coalesce(max(position), 0) AS position FROM event_positions) AS log
WHERE x.batch_id = $1

-- name: live
-- Those that wait are stopped first: otherwise workers would start them when the others stop.
SELECT id FROM executions WHERE batch_id = $1 AND NOT is_terminal(status) ORDER BY status <> 'QUEUED', queue_number

-- name: list
SELECT * FROM batches WHERE {conditions} ORDER BY requested_at {direction}, id {direction} LIMIT {limit}

-- name: count
SELECT count(*) FROM batches WHERE {conditions}

-- name: figures
SELECT batch_id, count(*) FILTER (WHERE is_attempt) AS attempts,
       count(*) FILTER (WHERE is_attempt AND solved) AS solved,
       avg(computed_score) FILTER (WHERE is_attempt) AS mean_computed_score
FROM executions WHERE batch_id = ANY($1::uuid[]) GROUP BY 1
