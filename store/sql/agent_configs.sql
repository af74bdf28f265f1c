-- name: save
INSERT INTO agent_configs (agent, api_url, model, encrypted_api_key) VALUES ($1, $2, $3, $4)
ON CONFLICT (agent) DO UPDATE SET
    api_url = excluded.api_url, model = excluded.model, encrypted_api_key = excluded.encrypted_api_key,
    updated_at = clock_timestamp()
RETURNING *

-- name: lock_writers
-- Two that save at the same time take turns, even if there is no row yet.
SELECT pg_advisory_xact_lock(8243110937284436531)

-- name: delete
DELETE FROM agent_configs WHERE agent = $1 RETURNING agent

-- name: with_key
SELECT * FROM agent_configs WHERE encrypted_api_key IS NOT NULL ORDER BY agent

-- name: by_agents
SELECT * FROM agent_configs WHERE agent = ANY($1::text[])
