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

-- name: tool_calls
SELECT * FROM execution_tool_calls WHERE execution_id = ANY($1::uuid[]) ORDER BY execution_id, ordinal

-- name: prompts
SELECT execution_id, prompt FROM execution_results WHERE execution_id = ANY($1::uuid[])
