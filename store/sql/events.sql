-- name: horizon
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint

-- name: newest_xid
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint

-- name: visible_after
SELECT now.horizon, now.read_at, e.execution_id, e.seq, e.xid::text::bigint AS xid, e.at, e.kind, e.status AS event_status,
       e.data, x.*
FROM (
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon, clock_timestamp() AS read_at
) AS now
LEFT JOIN LATERAL (
    SELECT * FROM execution_events
    WHERE (xid, execution_id, seq) > ($1::bigint::text::xid8, $2::uuid, $3::integer)
    ORDER BY xid, execution_id, seq LIMIT $4
) AS e ON true
LEFT JOIN executions AS x ON x.id = e.execution_id
ORDER BY e.xid, e.execution_id, e.seq

-- name: settled_after
SELECT e.execution_id, e.seq, e.xid::text::bigint AS xid, e.at, e.kind, e.status AS event_status, e.data, x.*
FROM (
    SELECT * FROM execution_events
    WHERE (xid, execution_id, seq) > ($1::bigint::text::xid8, $2::uuid, $3::integer)
      AND xid < $4::bigint::text::xid8
    ORDER BY xid, execution_id, seq LIMIT $5
) AS e
JOIN executions AS x ON x.id = e.execution_id
ORDER BY e.xid, e.execution_id, e.seq

-- name: of_executions
SELECT wanted.after, wanted.first, e.execution_id, e.seq, e.xid::text::bigint AS xid, e.at, e.kind,
       e.status AS event_status, e.data, x.*
FROM unnest($1::uuid[], $2::integer[], $3::integer[]) AS wanted (execution_id, after, first)
JOIN LATERAL (
    SELECT * FROM execution_events
    WHERE execution_events.execution_id = wanted.execution_id AND seq > wanted.after
    ORDER BY seq LIMIT wanted.first
) AS e ON true
JOIN executions AS x ON x.id = e.execution_id
ORDER BY wanted.after, wanted.first, e.execution_id, e.seq

-- name: of_execution
SELECT e.execution_id, e.seq, e.xid::text::bigint AS xid, e.at, e.kind, e.status AS event_status, e.data, x.*
FROM (
    SELECT * FROM execution_events WHERE execution_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
) AS e
JOIN executions AS x ON x.id = e.execution_id
ORDER BY e.seq
