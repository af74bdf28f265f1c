-- name: append
-- Like append_tool_calls in executions.sql: one statement, the execution's row locked first, and what an earlier try
-- stored has no event again.
WITH living AS (
    SELECT id FROM executions
    WHERE id = $1 AND status IN ('RUNNING', 'STOPPING') AND ($4::uuid IS NULL OR worker_id = $4)
    FOR NO KEY UPDATE
), given AS (
    SELECT * FROM jsonb_to_recordset($2) AS (
        ordinal integer, at timestamptz, kind message_kind, data jsonb, end_offset bigint
    )
), stored AS (
    INSERT INTO execution_messages (execution_id, ordinal, at, kind, data, end_offset)
    SELECT living.id, given.* FROM living CROSS JOIN given
    ON CONFLICT DO NOTHING
    RETURNING ordinal
), fresh AS (
    SELECT ordinal, row_number() OVER (ORDER BY ordinal) AS number FROM stored
), moved AS (
    UPDATE executions AS e
    SET last_activity_at = clock_timestamp(), event_seq = event_seq + (SELECT count(*) FROM fresh), usage = $3
    FROM living WHERE e.id = living.id
    RETURNING e.id, event_seq - (SELECT count(*) FROM fresh) AS before
), event AS (
    INSERT INTO execution_events (execution_id, seq, kind, data)
    SELECT moved.id, before + number, 'MESSAGE', jsonb_build_object('ordinal', ordinal) FROM fresh CROSS JOIN moved
)
SELECT true FROM moved

-- name: stored_up_to
SELECT coalesce(max(ordinal), 0) FROM execution_messages WHERE execution_id = $1

-- name: store
INSERT INTO execution_messages (execution_id, ordinal, at, kind, data, end_offset)
SELECT id, ordinal, at, kind, data::jsonb, end_offset
FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::message_kind[], $5::text[], $6::bigint[])
    AS given (id, ordinal, at, kind, data, end_offset)
ON CONFLICT DO NOTHING

-- name: tell_usage
-- Only where neither a session file nor an earlier reading told it.
UPDATE executions AS e SET usage = given.usage::jsonb
FROM unnest($1::uuid[], $2::text[]) AS given (id, usage)
WHERE e.id = given.id AND e.usage IS NULL

-- name: pages
-- One row more than a page tells whether it goes on. A page ends early rather than that it has more bytes than $4.
SELECT wanted.execution_id, wanted.after, wanted.first, page.*
FROM unnest($1::uuid[], $2::integer[], $3::integer[]) AS wanted (execution_id, after, first)
CROSS JOIN LATERAL (
    SELECT ordinal, at, kind, CASE WHEN end_offset - begins < $4 THEN data END AS data, end_offset,
           end_offset - begins < $4 AS fits
    FROM (
        SELECT *, min(end_offset) OVER () AS begins FROM (
            SELECT ordinal, at, kind, data, end_offset FROM execution_messages AS m
            WHERE m.execution_id = wanted.execution_id AND ordinal > wanted.after ORDER BY ordinal LIMIT wanted.first + 1
        ) AS found
    ) AS measured
) AS page
ORDER BY wanted.execution_id, wanted.after, wanted.first, page.ordinal

-- name: counts
SELECT execution_id, count(*) AS messages FROM execution_messages WHERE execution_id = ANY($1::uuid[]) GROUP BY execution_id
