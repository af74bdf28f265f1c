-- name: by_idempotency_key
SELECT * FROM batches WHERE idempotency_key = $1

-- name: by_ids
SELECT * FROM batches WHERE id = ANY($1::uuid[])

-- name: insert
INSERT INTO batches (size, request, idempotency_key) VALUES ($1, $2, $3)
ON CONFLICT (idempotency_key) DO NOTHING
RETURNING *

-- name: benchmarks
SELECT id, current_revision, archived_at FROM benchmarks WHERE id = ANY($1::text[])

-- name: insert_executions
WITH made AS (
    INSERT INTO executions (batch_id, timeout_ms, priority, event_seq, benchmark_id, benchmark_revision, agent,
                            steps_done, steps_total)
    SELECT $1, $2, $6, 1, given.id, given.revision, given.agent, 0,
           (SELECT step_count FROM benchmark_revisions AS r WHERE r.benchmark_id = given.id AND r.revision = given.revision)
    FROM unnest($3::text[], $4::integer[], $5::text[]) WITH ORDINALITY AS given (id, revision, agent, ordinal)
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
