-- name: lock
-- One claim at a time over all workers, so that its counts are still true when it updates.
SELECT pg_advisory_xact_lock(8243110937284436532)

-- name: claim_next
-- Other runners than ours report on a whole flow only: how many of its steps are done is unknown from here on.
WITH live AS MATERIALIZED (
    SELECT agent, worker_id FROM executions WHERE status IN ('RUNNING', 'STOPPING') AND origin = 'REQUESTED'
), busy AS (
    SELECT given.agent FROM unnest($5::text[], $6::integer[]) AS given (agent, most)
    WHERE (SELECT count(*) FROM live WHERE live.agent = given.agent) >= given.most
), next AS MATERIALIZED (
    SELECT id FROM executions
    WHERE status = 'QUEUED' AND agent NOT IN (SELECT agent FROM busy)
      AND (SELECT count(*) FROM live) < $3 AND (SELECT count(*) FROM live WHERE worker_id = $1) < $4
    ORDER BY priority DESC, queue_number LIMIT 1
), moved AS (
    UPDATE executions
    SET status = 'RUNNING', worker_id = $1, runner = $2::runner_kind, event_seq = event_seq + 1,
        steps_done = CASE WHEN $2::runner_kind = 'LOCAL' OR steps_total = 1 THEN steps_done END,
        started_at = greatest(queued_at, clock_timestamp()), last_activity_at = clock_timestamp()
    FROM next WHERE executions.id = next.id AND status = 'QUEUED'
    RETURNING executions.*
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, status, at)
    SELECT id, event_seq, 'STATUS_CHANGED', status, started_at FROM moved
)
SELECT moved.* FROM moved

-- name: positions
SELECT id, row_number() OVER (ORDER BY priority DESC, queue_number) AS position
FROM executions WHERE status = 'QUEUED'

-- name: positions_of
SELECT id, position FROM (
    SELECT id, row_number() OVER (ORDER BY priority DESC, queue_number) AS position
    FROM executions WHERE status = 'QUEUED'
) AS waiting
WHERE id = ANY($1::uuid[])
