-- name: newest
SELECT coalesce(max(position), 0) AS position FROM event_positions

-- name: after
-- The events of a position are found by seq; if all of them were deleted, the position comes alone. The data of a
-- MESSAGE is in execution_messages alone.
-- PostgreSQL plans this once for a connection: among tables of days planning takes longer than reading. So nothing that
-- it could plan differently depends on a parameter (those of SELECT are unknown to it), and OFFSET 0 keeps each join a
-- look-up by key, however many rows it expects.
SELECT now.read_at, p.position, p.execution_id AS placed_id, p.last_seq, e.execution_id, e.seq, e.at, e.kind,
       e.status AS event_status, coalesce(m.data, e.data) AS data,
       octet_length(coalesce(m.data, e.data)::text) AS size, x.*
FROM (SELECT clock_timestamp() AS read_at) AS now
CROSS JOIN (
    SELECT * FROM event_positions
    WHERE (position, execution_id, last_seq) > ((SELECT $1::bigint), (SELECT $2::uuid), (SELECT $3::integer))
    ORDER BY position, execution_id, last_seq LIMIT {limit}
) AS p
LEFT JOIN LATERAL (
    SELECT * FROM execution_events AS one
    WHERE one.execution_id = p.execution_id AND one.seq BETWEEN p.first_seq AND p.last_seq
        AND (p.position, p.execution_id, one.seq) > ((SELECT $1), (SELECT $2), (SELECT $3))
    OFFSET 0
) AS e ON true
LEFT JOIN LATERAL (
    SELECT to_jsonb(line) - 'execution_id' AS data FROM execution_messages AS line
    WHERE e.kind = 'MESSAGE' AND line.execution_id = e.execution_id AND line.ordinal = (e.data -> 'ordinal')::integer
    OFFSET 0
) AS m ON true
LEFT JOIN LATERAL (SELECT * FROM executions AS one WHERE one.id = e.execution_id OFFSET 0) AS x ON true
ORDER BY p.position, p.execution_id, p.last_seq, e.seq LIMIT {limit}

-- name: of_executions
SELECT wanted.after, wanted.first, e.execution_id, e.seq, e.at, e.kind, e.status AS event_status,
       coalesce(m.data, e.data) AS data, x.*
FROM unnest($1::uuid[], $2::integer[], $3::integer[]) AS wanted (execution_id, after, first)
JOIN LATERAL (
    SELECT * FROM execution_events
    WHERE execution_events.execution_id = wanted.execution_id AND seq > wanted.after
    ORDER BY seq LIMIT wanted.first
) AS e ON true
LEFT JOIN LATERAL (
    SELECT to_jsonb(line) - 'execution_id' AS data FROM execution_messages AS line
    WHERE e.kind = 'MESSAGE' AND line.execution_id = e.execution_id AND line.ordinal = (e.data -> 'ordinal')::integer
) AS m ON true
JOIN executions AS x ON x.id = e.execution_id
ORDER BY wanted.after, wanted.first, e.execution_id, e.seq

-- name: of_execution
-- By $1 the tables of one day are chosen, those of messages too.
SELECT e.execution_id, e.seq, e.at, e.kind, e.status AS event_status, coalesce(m.data, e.data) AS data, x.*
FROM (
    SELECT * FROM execution_events WHERE execution_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
) AS e
LEFT JOIN LATERAL (
    SELECT to_jsonb(line) - 'execution_id' AS data FROM execution_messages AS line
    WHERE e.kind = 'MESSAGE' AND line.execution_id = $1 AND line.ordinal = (e.data -> 'ordinal')::integer
) AS m ON true
JOIN executions AS x ON x.id = e.execution_id
ORDER BY e.seq
