-- name: heartbeat
INSERT INTO workers (id, host, machine_id, boot_id, sessions_dir, process_id, process_started_at, capacity, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET heartbeat_at = clock_timestamp(), left_at = NULL

-- name: deregister
UPDATE workers SET left_at = clock_timestamp() WHERE id = $1 AND left_at IS NULL

-- name: present
SELECT w.*, extract(epoch FROM clock_timestamp() - w.heartbeat_at)::double precision AS silent_s,
       (SELECT count(*) FROM executions AS e
        WHERE e.worker_id = w.id AND e.status IN ('RUNNING', 'STOPPING')) AS live_executions
FROM workers AS w WHERE w.left_at IS NULL ORDER BY w.started_at, w.id

-- name: live
SELECT e.id, e.origin, e.worker_id, w.host, w.machine_id, w.boot_id, w.sessions_dir, w.process_id AS worker_pid,
       w.process_started_at AS worker_started, w.left_at IS NOT NULL AS has_left,
       extract(epoch FROM clock_timestamp() - w.heartbeat_at)::double precision AS silent_s
FROM executions AS e LEFT JOIN workers AS w ON w.id = e.worker_id
WHERE e.status IN ('RUNNING', 'STOPPING') ORDER BY e.queued_at, e.id

-- name: mark_gone
UPDATE workers AS w SET left_at = clock_timestamp()
WHERE left_at IS NULL AND heartbeat_at < clock_timestamp() - make_interval(secs => $1) AND NOT EXISTS (
    SELECT FROM executions AS e WHERE e.worker_id = w.id AND e.status IN ('RUNNING', 'STOPPING')
)

-- name: delete_gone
-- Some at a time: the foreign key looks for each among all executions again.
DELETE FROM workers WHERE id IN (
    SELECT id FROM workers AS w
    WHERE left_at < clock_timestamp() - make_interval(secs => $1)
      AND NOT EXISTS (SELECT FROM executions AS e WHERE e.worker_id = w.id)
    LIMIT $2
)
