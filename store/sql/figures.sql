-- name: of_executions
SELECT agent, settings_hash, benchmark_id, benchmark_revision, max(usage ->> 'model') AS model,
       max(agent_revision) AS agent_revision, count(*) FILTER (WHERE is_attempt) AS attempts,
       count(*) FILTER (WHERE is_attempt AND solved) AS solved,
       count(computed_score) FILTER (WHERE is_attempt) AS scored,
       coalesce(sum(computed_score) FILTER (WHERE is_attempt), 0) AS score_sum,
       coalesce(sum(computed_score ^ 2) FILTER (WHERE is_attempt), 0) AS score_squares,
       count(execution_time_ms) FILTER (WHERE is_attempt) AS timed,
       coalesce(sum(execution_time_ms::double precision) FILTER (WHERE is_attempt), 0) AS time_sum_ms,
       sum((usage ->> 'input_tokens')::double precision) FILTER (WHERE is_attempt) AS input_tokens,
       sum((usage ->> 'output_tokens')::double precision) FILTER (WHERE is_attempt) AS output_tokens,
       sum((usage ->> 'cached_tokens')::double precision) FILTER (WHERE is_attempt) AS cached_tokens,
       sum((usage ->> 'reasoning_tokens')::double precision) FILTER (WHERE is_attempt) AS reasoning_tokens,
       count(usage ->> 'cost') FILTER (WHERE is_attempt) AS priced,
       count(usage ->> 'cost') FILTER (WHERE is_attempt AND solved) AS priced_solved,
       coalesce(sum((usage ->> 'cost')::double precision) FILTER (WHERE is_attempt), 0) AS cost
FROM executions WHERE {conditions}
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4

-- name: counts_of_executions
SELECT {keys}{value} AS value, count(*) AS executions
FROM executions WHERE {which} AND {conditions}
GROUP BY {keys}value ORDER BY {keys}{order}
