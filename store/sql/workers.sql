-- name: heartbeat
-- Answers what a worker has to know. The oldest of those that are heard of looks after all live executions ($10: for
-- how many seconds a worker may be silent), the oldest of those that see the same files after those of their machine,
-- and everyone after its own. Of an engine ($11) everyone that finds its runners looks after those that nobody is heard
-- of for: the oldest of all may not be one of them. Nobody is asked who that is, and nobody holds a lock that a frozen
-- process would keep. A worker that finishes, which has no capacity, counts as the youngest: it takes nothing over.
-- `turn` is its place among those with capacity left: see store.live.queue_hints.
WITH beat AS (
    INSERT INTO workers (id, host, machine_id, boot_id, sessions_dir, process_id, process_started_at, capacity, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = clock_timestamp(), left_at = NULL, capacity = excluded.capacity
    RETURNING id, started_at, capacity
), busy AS MATERIALIZED (
    SELECT worker_id, count(*) AS live FROM executions
    WHERE status IN ('RUNNING', 'STOPPING') AND origin = 'REQUESTED' GROUP BY worker_id
), others AS MATERIALIZED (
    SELECT w.*, w.capacity > coalesce((SELECT live FROM busy WHERE worker_id = w.id), 0) AS is_free,
           (w.capacity = 0, w.started_at, w.id) < (beat.capacity = 0, beat.started_at, beat.id) AS is_older,
           w.machine_id = $3 AND w.sessions_dir = $5 AS sees_the_same
    FROM workers AS w CROSS JOIN beat
    WHERE w.left_at IS NULL AND w.heartbeat_at > clock_timestamp() - make_interval(secs => $10) AND w.id <> $1
), duty AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE is_free) AS free_others, count(*) FILTER (WHERE is_free AND id < $1) AS turn, NOT coalesce(bool_or(is_older), false) AS leads,
           NOT coalesce(bool_or(is_older AND sees_the_same), false) AS leads_home
    FROM others
), elder AS (
    SELECT id AS elder, process_id AS elder_pid, process_started_at AS elder_started
    FROM others WHERE is_older AND sees_the_same AND boot_id = $4 ORDER BY started_at, id LIMIT 1
)
SELECT duty.*, elder.*, first.waits IS NOT NULL AS waits, live.*
FROM duty LEFT JOIN elder ON true LEFT JOIN LATERAL (
    {live} AND (e.worker_id = $1 OR duty.leads OR duty.leads_home AND w.machine_id = $3
                OR e.launcher = ANY($11::text[])
                   AND (w.left_at IS NOT NULL OR w.heartbeat_at < clock_timestamp() - make_interval(secs => $10)))
) AS live ON true
LEFT JOIN (
    SELECT true AS waits FROM executions WHERE status = 'QUEUED' ORDER BY priority DESC, queue_number LIMIT 1
) AS first ON true
ORDER BY live.queued_at, live.id

-- name: deregister
UPDATE workers SET left_at = clock_timestamp() WHERE id = $1 AND left_at IS NULL

-- name: present
SELECT w.*, extract(epoch FROM clock_timestamp() - w.heartbeat_at)::double precision AS silent_s,
       (SELECT count(*) FROM executions AS e
        WHERE e.worker_id = w.id AND e.status IN ('RUNNING', 'STOPPING')) AS live_executions
FROM workers AS w WHERE w.left_at IS NULL ORDER BY w.started_at, w.id

-- name: live
SELECT e.id, e.origin, e.launcher, e.status, e.queued_at, e.worker_id, w.host, w.machine_id, w.boot_id,
       w.sessions_dir, w.process_id AS worker_pid,
       w.process_started_at AS worker_started, w.left_at IS NOT NULL AS has_left,
       extract(epoch FROM clock_timestamp() - w.heartbeat_at)::double precision AS silent_s
FROM executions AS e LEFT JOIN workers AS w ON w.id = e.worker_id
WHERE e.status IN ('RUNNING', 'STOPPING')

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
