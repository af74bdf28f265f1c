-- name: lock
-- One claim at a time over all workers, so that its counts are still true when it updates.
SELECT pg_advisory_xact_lock(8243110937284436532)

-- name: look
-- Without the lock of claims: whether they would find something. When they would not, other workers are told, so that
-- one look is enough for all of them.
WITH live AS MATERIALIZED (
    SELECT agent FROM executions WHERE status IN ('RUNNING', 'STOPPING') AND origin = 'REQUESTED'
), busy AS (
    SELECT given.agent FROM unnest($2::text[], $3::integer[]) AS given (agent, most)
    WHERE (SELECT count(*) FROM live WHERE live.agent = given.agent) >= given.most
), found AS MATERIALIZED (
    SELECT pg_current_snapshot()::text AS snapshot, CASE
        WHEN (SELECT count(*) FROM live) >= $1::integer THEN 'FULL'
        WHEN (
            SELECT true FROM executions WHERE status = 'QUEUED' AND agent NOT IN (SELECT agent FROM busy)
            ORDER BY priority DESC, queue_number LIMIT 1
        ) THEN NULL
        WHEN (
            SELECT true FROM executions WHERE status = 'QUEUED' ORDER BY priority DESC, queue_number LIMIT 1
        ) THEN 'AGENTS'
        ELSE 'EMPTY'
    END AS outcome
)
SELECT found.*, CASE WHEN outcome IS NOT NULL AND length(snapshot) < 7000
                     THEN pg_notify('reev_gql_queue', concat_ws(' ', '=', $4::text, outcome, snapshot)) END
FROM found

-- name: claim
-- At most $7 executions. Those of agents with a limit are found agent by agent, each up to what its limit leaves.
-- Other runners than ours report on a whole flow only: how many of its steps are done is unknown from here on.
-- `outcome` says why there is nothing more to take; null where there may be, but not for this worker.
WITH live AS MATERIALIZED (
    SELECT agent, worker_id FROM executions WHERE status IN ('RUNNING', 'STOPPING') AND origin = 'REQUESTED'
), room AS MATERIALIZED (
    SELECT greatest(0, least($7::bigint, $3 - all_of_them, $4 - mine)) AS most, $3 - all_of_them AS of_all
    FROM (SELECT count(*) AS all_of_them, count(*) FILTER (WHERE worker_id = $1) AS mine FROM live) AS counted
), limited AS MATERIALIZED (
    SELECT given.agent,
           greatest(0, given.most - (SELECT count(*) FROM live WHERE live.agent = given.agent)) AS free
    FROM unnest($5::text[], $6::integer[]) AS given (agent, most)
), next AS MATERIALIZED (
    SELECT id FROM (
        (
            SELECT id, priority, queue_number FROM executions
            WHERE status = 'QUEUED' AND agent NOT IN (SELECT agent FROM limited)
            ORDER BY priority DESC, queue_number LIMIT (SELECT most FROM room)
        )
        UNION ALL
        SELECT of_agent.* FROM room CROSS JOIN limited CROSS JOIN LATERAL (
            SELECT id, priority, queue_number FROM executions
            WHERE status = 'QUEUED' AND agent = limited.agent
            ORDER BY priority DESC, queue_number LIMIT least(limited.free, room.most)
        ) AS of_agent
    ) AS takeable
    ORDER BY priority DESC, queue_number LIMIT (SELECT most FROM room)
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
), found AS MATERIALIZED (
    SELECT pg_current_snapshot()::text AS snapshot, CASE
        WHEN of_all <= taken THEN 'FULL'
        WHEN taken = most THEN NULL
        WHEN (
            SELECT true FROM executions WHERE status = 'QUEUED' AND id NOT IN (SELECT id FROM next)
            ORDER BY priority DESC, queue_number LIMIT 1
        ) THEN 'AGENTS'
        ELSE 'EMPTY'
    END AS outcome
    FROM room CROSS JOIN (SELECT count(*) AS taken FROM next) AS counted
), told AS MATERIALIZED (
    SELECT snapshot AS as_of, outcome,
           CASE WHEN outcome IS NOT NULL AND length(snapshot) < 7000
                THEN pg_notify('reev_gql_queue', concat_ws(' ', '=', $8::text, outcome, snapshot)) END AS told
    FROM found
)
SELECT told.as_of, told.outcome, told.told::text, moved.* FROM told LEFT JOIN moved ON true
ORDER BY moved.priority DESC, moved.queue_number

-- name: positions
SELECT id, row_number() OVER (ORDER BY priority DESC, queue_number) AS position
FROM executions WHERE status = 'QUEUED'

-- name: positions_of
SELECT id, position FROM (
    SELECT id, row_number() OVER (ORDER BY priority DESC, queue_number) AS position
    FROM executions WHERE status = 'QUEUED'
) AS waiting
WHERE id = ANY($1::uuid[])
