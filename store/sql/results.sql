-- name: steps
SELECT * FROM execution_steps WHERE execution_id = ANY($1::uuid[]) ORDER BY execution_id, ordinal

-- name: key_maps
SELECT wanted.id AS execution_id, last.key_map
FROM unnest($1::uuid[]) AS wanted (id)
JOIN LATERAL (
    SELECT observation -> 'key_map' AS key_map FROM execution_steps
    WHERE execution_id = wanted.id AND jsonb_typeof(observation -> 'key_map') = 'object'
    ORDER BY ordinal DESC LIMIT 1
) AS last ON true

-- name: rounded_scores
SELECT r.execution_id, r.session ->> 'session_id' AS session_id, e.score,
       (r.session #>> '{final_result,score}')::double precision AS raw
FROM execution_results AS r JOIN executions AS e ON e.id = r.execution_id
WHERE r.execution_id = ANY($1::uuid[]) AND e.score IN (0, 1)
  AND jsonb_typeof(r.session #> '{final_result,score}') = 'number'
  AND r.session #> '{final_result,score}' NOT IN ('0', '1', '100')

-- name: tool_calls
SELECT * FROM execution_tool_calls WHERE execution_id = ANY($1::uuid[]) ORDER BY execution_id, ordinal

-- name: prompts
SELECT wanted.id AS execution_id, r.prompt AS of_result, e.origin = 'IMPORTED' AS is_imported,
       l.prompt AS of_log, l.prompt_is_truncated
FROM unnest($1::uuid[]) AS wanted (id)
LEFT JOIN executions AS e ON e.id = wanted.id
LEFT JOIN execution_results AS r ON r.execution_id = wanted.id
LEFT JOIN execution_tool_logs AS l ON l.execution_id = wanted.id
WHERE r.prompt IS NOT NULL OR l.prompt IS NOT NULL

-- name: imported
SELECT execution_id, session -> 'imported' AS about, session -> 'rows' AS rows
FROM execution_results WHERE execution_id = ANY($1::uuid[]) AND session ? 'imported'
