-- name: save
-- What equals the newest revision is no new one.
WITH newest AS (
    SELECT * FROM agent_revisions WHERE agent = $1 ORDER BY number DESC LIMIT 1
), added AS (
    INSERT INTO agent_revisions (agent, number, api_url, model, settings, settings_hash)
    SELECT $1, coalesce((SELECT number FROM newest), 0) + 1, $2, $3, $4, $5
    WHERE NOT EXISTS (
        SELECT 1 FROM newest
        WHERE api_url IS NOT DISTINCT FROM $2::text AND model IS NOT DISTINCT FROM $3::text AND settings = $4::jsonb
    )
    RETURNING number
)
INSERT INTO agent_configs (agent, revision, encrypted_api_key)
SELECT $1, coalesce((SELECT number FROM added), (SELECT number FROM newest)), $6
ON CONFLICT (agent) DO UPDATE SET
    revision = excluded.revision, encrypted_api_key = excluded.encrypted_api_key, updated_at = clock_timestamp()

-- name: lock_writers
-- Two that save at the same time take turns, even if there is no row yet.
SELECT pg_advisory_xact_lock(8243110937284436531)

-- name: count
SELECT count(*) FROM agent_configs

-- name: delete
DELETE FROM agent_configs WHERE agent = $1 RETURNING agent

-- name: by_agents
-- All of them without names.
SELECT c.agent, c.encrypted_api_key, c.created_at, c.updated_at,
       r.number, r.created_at AS revised_at, r.api_url, r.model, r.settings, r.settings_hash
FROM agent_configs AS c JOIN agent_revisions AS r ON r.agent = c.agent AND r.number = c.revision
WHERE $1::text[] IS NULL OR c.agent = ANY($1)
ORDER BY c.agent COLLATE "C"

-- name: names
SELECT agent FROM agent_configs ORDER BY agent COLLATE "C"

-- name: revisions
SELECT agent, number, created_at AS revised_at, api_url, model, settings, settings_hash
FROM unnest($1::text[], $2::integer[]) AS wanted (agent, number) JOIN agent_revisions USING (agent, number)
