-- name: latest
SELECT * FROM executions WHERE {condition} ORDER BY queued_at DESC, id DESC LIMIT 1

-- name: of_benchmarks
SELECT e.* FROM unnest($1::text[]) AS wanted (benchmark_id)
CROSS JOIN LATERAL ({latest}) AS e

-- name: of_pairs
SELECT e.* FROM unnest($1::text[], $2::text[]) AS wanted (benchmark_id, agent)
CROSS JOIN LATERAL ({latest}) AS e

-- name: of_agents
SELECT latest.* FROM unnest({agents}) WITH ORDINALITY AS asked (agent, place)
CROSS JOIN LATERAL ({latest}) AS latest
ORDER BY asked.place
