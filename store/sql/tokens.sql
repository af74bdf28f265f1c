-- name: create
INSERT INTO api_tokens (name, sha256, scope) VALUES ($1, $2, $3::text::token_scope)
ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
RETURNING *

-- name: use
UPDATE api_tokens SET last_used_at = clock_timestamp() WHERE sha256 = $1 AND revoked_at IS NULL RETURNING *

-- name: find
SELECT * FROM api_tokens WHERE sha256 = $1 AND revoked_at IS NULL

-- name: revoke
UPDATE api_tokens SET revoked_at = clock_timestamp() WHERE name = $1 AND revoked_at IS NULL RETURNING *

-- name: list
SELECT * FROM api_tokens ORDER BY revoked_at IS NOT NULL, name, created_at

-- name: valid
SELECT id FROM api_tokens WHERE id = ANY($1::uuid[]) AND revoked_at IS NULL
