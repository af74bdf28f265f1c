-- name: end_silent
-- Nobody else ends the import of a server that is gone.
UPDATE reev_imports SET state = 'FAILED', ended_at = heartbeat_at, problem = $2
WHERE state = 'RUNNING' AND heartbeat_at < clock_timestamp() - $1::double precision * interval '1 second'

-- name: begin
INSERT INTO reev_imports (path, dry_run) VALUES ($1, $2)
ON CONFLICT ((true)) WHERE state = 'RUNNING' DO NOTHING
RETURNING *, interval '0' AS silence

-- name: running
SELECT id FROM reev_imports WHERE state = 'RUNNING'

-- name: forget
DELETE FROM reev_imports WHERE id IN (
    SELECT id FROM reev_imports WHERE state <> 'RUNNING' ORDER BY started_at DESC, id OFFSET $1
)

-- name: progress
UPDATE reev_imports SET heartbeat_at = clock_timestamp(), report = coalesce($2::text::jsonb, report)
WHERE id = $1 AND state = 'RUNNING'

-- name: end
-- An import that was given up has ended: its server, which was only slow, changes nothing any more.
UPDATE reev_imports SET state = $2, ended_at = clock_timestamp(), problem = $3, report = coalesce($4::text::jsonb, report)
WHERE id = $1 AND state = 'RUNNING'

-- name: by_id
SELECT *, clock_timestamp() - heartbeat_at AS silence FROM reev_imports WHERE id = $1

-- name: newest
SELECT *, clock_timestamp() - heartbeat_at AS silence FROM reev_imports ORDER BY started_at DESC, id LIMIT $1
