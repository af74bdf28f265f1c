-- name: lock_writers
-- Two that add at the same time take turns: else each counts without the other, and there may be too many.
SELECT pg_advisory_xact_lock(8243110937284436534)

-- name: add
INSERT INTO webhooks (id, url, events, encrypted_secret)
SELECT $1, $2, $3::text[]::webhook_event[], $4 WHERE (SELECT count(*) FROM webhooks) < $5
RETURNING id

-- name: change
UPDATE webhooks
SET url = coalesce($2, url), events = coalesce($3::text[]::webhook_event[], events), disabled_at = NULL,
    failing_since = NULL, last_error = NULL
WHERE id = $1

-- name: delete
DELETE FROM webhooks WHERE id = $1 RETURNING id

-- name: list
SELECT w.*,
       (SELECT count(*) FROM webhook_deliveries WHERE webhook_id = w.id AND due_at IS NOT NULL) AS pending
FROM webhooks AS w WHERE $1::uuid IS NULL OR id = $1 ORDER BY created_at, id

-- name: due
SELECT w.id, extract(epoch FROM next.due_at - clock_timestamp())::double precision AS in_s
FROM webhooks AS w CROSS JOIN LATERAL (
    SELECT due_at FROM webhook_deliveries WHERE webhook_id = w.id AND due_at IS NOT NULL ORDER BY due_at LIMIT 1
) AS next
WHERE w.disabled_at IS NULL

-- name: claim
WITH due AS (
    SELECT id FROM webhook_deliveries WHERE webhook_id = $1 AND due_at <= clock_timestamp()
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE webhook_deliveries AS d SET due_at = clock_timestamp() + $3::interval
FROM due JOIN webhooks AS w ON w.id = $1 AND w.disabled_at IS NULL
WHERE d.id = due.id
RETURNING d.*, w.url, w.encrypted_secret

-- name: accepted
WITH done AS (
    UPDATE webhook_deliveries SET due_at = NULL, ended_at = clock_timestamp() WHERE id = $1 AND due_at IS NOT NULL
    RETURNING webhook_id
)
UPDATE webhooks SET delivered_at = clock_timestamp(), failing_since = NULL, last_error = NULL
FROM done WHERE id = done.webhook_id AND disabled_at IS NULL

-- name: failed
WITH done AS (
    UPDATE webhook_deliveries
    SET attempts = attempts + 1, due_at = clock_timestamp() + $4::interval,
        ended_at = CASE WHEN $4 IS NULL THEN clock_timestamp() END
    WHERE id = $1 AND due_at = $2
    RETURNING webhook_id
)
UPDATE webhooks
SET last_error = $3, failing_since = coalesce(failing_since, clock_timestamp()),
    disabled_at = CASE WHEN $5::boolean OR failing_since <= clock_timestamp() - $6::interval THEN clock_timestamp() END
FROM done WHERE id = done.webhook_id AND disabled_at IS NULL
RETURNING disabled_at IS NOT NULL

-- name: give_up
UPDATE webhook_deliveries SET due_at = NULL, ended_at = clock_timestamp() WHERE webhook_id = $1 AND due_at IS NOT NULL

-- name: prune
DELETE FROM webhook_deliveries
WHERE id IN (SELECT id FROM webhook_deliveries WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)
RETURNING id

-- name: count_ended
SELECT count(*) FROM webhook_deliveries WHERE ended_at < $1
