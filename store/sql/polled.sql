-- name: polled
-- What an execution is shown with again and again, in one statement: its steps at the end, its tool calls before it.
SELECT e.*,
       (SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.ordinal), '[]') FROM execution_steps AS s
        WHERE s.execution_id = e.id) AS steps,
       CASE WHEN NOT is_terminal(e.status) THEN (
           SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.ordinal), '[]') FROM (
               SELECT ordinal, name, status, duration_ms FROM execution_tool_calls WHERE execution_id = e.id
           ) AS c
       ) END AS live_calls
FROM ({rows}) AS e

-- name: by_id
SELECT * FROM executions WHERE id = $1

-- name: newest
SELECT * FROM executions WHERE benchmark_id = $1 ORDER BY queued_at DESC, id DESC LIMIT 1

-- name: newest_of_agent
SELECT * FROM executions WHERE benchmark_id = $1 AND agent = $2 ORDER BY queued_at DESC, id DESC LIMIT 1

-- name: recent
SELECT * FROM executions WHERE benchmark_id = $1 ORDER BY queued_at DESC, id DESC LIMIT $2

-- name: newest_ended
SELECT id, session_id, agent, benchmark_id, status, score, computed_score, solved, ended_at FROM executions
WHERE is_terminal(status) AND agent <> $1 ORDER BY queued_at DESC, id DESC LIMIT $2

-- name: listed
SELECT b.id, r.description, r.tags, r.prompt FROM benchmarks AS b
JOIN benchmark_revisions AS r ON r.benchmark_id = b.id AND r.revision = b.current_revision
WHERE b.archived_at IS NULL ORDER BY b.id COLLATE "C"

-- name: now
SELECT clock_timestamp()

-- name: figures
SELECT agent, count(*) AS benchmarks, sum(executions)::bigint AS executions, sum(succeeded)::bigint AS succeeded,
       sum(scored)::bigint AS scored, sum(score_sum) AS score_sum,
       coalesce((array_agg(benchmark_id ORDER BY score_latest DESC, benchmark_id)
           FILTER (WHERE score_latest IS NOT NULL))[1:$2], '{}') AS best,
       coalesce((array_agg(benchmark_id ORDER BY score_latest, benchmark_id)
           FILTER (WHERE score_latest IS NOT NULL))[1:$2], '{}') AS worst
FROM performance
WHERE period = 'ALL' AND start = '-infinity' AND benchmark_id <> '' AND agent <> $1
GROUP BY agent ORDER BY agent COLLATE "C"
