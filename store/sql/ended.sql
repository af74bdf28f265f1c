-- name: newest
SELECT coalesce(max(position), 0) AS position FROM event_positions

-- name: since
-- Executions that ended after the position $1 and at most $4 seconds ago: those of the worker $2, and those whose worker
-- was gone by then ($3: for how many seconds a worker may be silent) where it is the oldest that is present.
WITH newest AS MATERIALIZED (
    SELECT coalesce(max(position), 0) AS position FROM event_positions
), oldest AS MATERIALIZED (
    SELECT id FROM workers
    WHERE left_at IS NULL AND heartbeat_at > clock_timestamp() - make_interval(secs => $3)
    ORDER BY started_at, id LIMIT 1
)
SELECT newest.position, ended.id
FROM newest LEFT JOIN LATERAL (
    SELECT x.id, p.position AS ended_with
    FROM event_positions AS p
    JOIN executions AS x ON x.id = p.execution_id AND x.event_seq = p.last_seq
    LEFT JOIN workers AS w ON w.id = x.worker_id
    WHERE p.position > $1 AND is_terminal(x.status) AND x.started_at IS NOT NULL
      AND x.ended_at > clock_timestamp() - make_interval(secs => $4)
      AND $2 = CASE
          WHEN w.id IS NULL OR w.left_at < x.ended_at OR w.heartbeat_at < x.ended_at - make_interval(secs => $3)
          THEN (SELECT id FROM oldest) ELSE w.id
      END
) AS ended ON true
ORDER BY ended_with
