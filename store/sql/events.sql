-- name: newest
SELECT coalesce(max(position), 0) AS position FROM event_positions

-- name: after
-- The events of a position are found by seq; if all of them were deleted, the position comes alone. The data of a
-- MESSAGE is in execution_messages alone.
SELECT now.read_at, p.position, p.execution_id AS placed_id, p.last_seq, e.execution_id, e.seq, e.at, e.kind,
       e.status AS event_status, coalesce(m.data, e.data) AS data,
       octet_length(coalesce(m.data, e.data)::text) AS size, x.*
FROM (SELECT clock_timestamp() AS read_at) AS now
CROSS JOIN (
    SELECT * FROM event_positions
    WHERE (position, execution_id, last_seq) > ($1::bigint, $2::uuid, $3::integer)
    ORDER BY position, execution_id, last_seq LIMIT $4
) AS p
LEFT JOIN execution_events AS e
    ON e.execution_id = p.execution_id AND e.seq BETWEEN p.first_seq AND p.last_seq
    AND (p.position, p.execution_id, e.seq) > ($1, $2, $3)
LEFT JOIN LATERAL (
    SELECT to_jsonb(line) - 'execution_id' AS data FROM execution_messages AS line
    WHERE e.kind = 'MESSAGE' AND line.execution_id = e.execution_id AND line.ordinal = (e.data -> 'ordinal')::integer
) AS m ON true
LEFT JOIN executions AS x ON x.id = e.execution_id
ORDER BY p.position, p.execution_id, p.last_seq, e.seq LIMIT $4

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
