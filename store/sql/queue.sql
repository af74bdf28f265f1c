-- name: lock
-- Claims are made one at a time over all workers, so what one counts is still true when it takes.
SELECT pg_advisory_xact_lock(8243110937284436532)

-- name: claim_next
-- Other runners than ours tell of a whole flow only: how many of its steps are done is unknown from here on.
WITH live AS MATERIALIZED (
    SELECT agent, worker_id FROM executions WHERE status IN ('RUNNING', 'STOPPING') AND origin = 'REQUESTED'
), busy AS (
    SELECT given.agent FROM unnest($5::text[], $6::integer[]) AS given (agent, most)
    WHERE (SELECT count(*) FROM live WHERE live.agent = given.agent) >= given.most
), next AS MATERIALIZED (
    SELECT e.id FROM pgqueuer AS q JOIN executions AS e ON e.id = q.dedupe_key::uuid
    WHERE q.entrypoint = 'execution' AND q.status = 'queued' AND e.status = 'QUEUED'
      AND e.agent NOT IN (SELECT agent FROM busy)
      AND (SELECT count(*) FROM live) < $3 AND (SELECT count(*) FROM live WHERE worker_id = $1) < $4
    ORDER BY q.priority DESC, q.id LIMIT 1
), moved AS (
    UPDATE executions
    SET status = 'RUNNING', worker_id = $1, runner = $2::runner_kind, event_seq = event_seq + 1,
        steps_done = CASE WHEN $2::runner_kind = 'LOCAL' OR steps_total = 1 THEN steps_done END,
        started_at = greatest(queued_at, clock_timestamp()), last_activity_at = clock_timestamp()
    FROM next WHERE executions.id = next.id AND status = 'QUEUED'
    RETURNING executions.*
), place AS (
    DELETE FROM pgqueuer USING moved WHERE dedupe_key = moved.id::text AND pgqueuer.status = 'queued'
    RETURNING pgqueuer.id
), note AS (
    DELETE FROM pgqueuer_log USING place WHERE job_id = place.id
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, at)
    SELECT id, event_seq, 'STATUS_CHANGED', status, started_at FROM moved
)
SELECT moved.* FROM moved

-- name: without_place
SELECT e.id, e.priority FROM executions AS e
WHERE e.status = 'QUEUED' AND NOT EXISTS (
    SELECT FROM pgqueuer AS q WHERE q.dedupe_key = e.id::text AND q.status = 'queued' AND q.entrypoint = 'execution'
)
ORDER BY e.queued_at, e.id

-- name: drop_stale_places
WITH place AS (
    DELETE FROM pgqueuer AS q
    WHERE q.entrypoint = 'execution' AND NOT (q.status = 'queued' AND q.dedupe_key IS NOT NULL AND EXISTS (
        SELECT FROM executions AS e WHERE e.id::text = q.dedupe_key AND e.status = 'QUEUED'
    ))
    RETURNING q.id
), note AS (
    DELETE FROM pgqueuer_log USING place WHERE job_id = place.id
)
SELECT count(*) FROM place

-- name: positions
SELECT dedupe_key::uuid AS id, row_number() OVER (ORDER BY priority DESC, id) AS position
FROM pgqueuer WHERE entrypoint = 'execution' AND status = 'queued' AND dedupe_key IS NOT NULL

-- name: positions_of
SELECT dedupe_key::uuid AS id, position FROM (
    SELECT dedupe_key, row_number() OVER (ORDER BY priority DESC, id) AS position
    FROM pgqueuer WHERE entrypoint = 'execution' AND status = 'queued'
) AS waiting
WHERE dedupe_key = ANY($1::text[])
