-- name: append
WITH piece AS (
    INSERT INTO execution_output (execution_id, start_offset, content)
    SELECT $1, $2, $3 WHERE $4::uuid IS NULL OR EXISTS (SELECT FROM executions WHERE id = $1 AND worker_id = $4)
    -- A piece that is written again after a lost connection may have grown by new lines.
    ON CONFLICT (execution_id, start_offset) DO UPDATE SET content = excluded.content
    WHERE length(excluded.content) > length(execution_output.content)
)
SELECT pg_notify('reev_gql', '')

-- name: size
SELECT coalesce(max(start_offset + length(content)), 0) FROM (
    SELECT start_offset, content FROM execution_output WHERE execution_id = $1 ORDER BY start_offset DESC LIMIT 1
) AS newest

-- name: read
SELECT wanted.execution_id, wanted.start, piece.start_offset, piece.content
FROM unnest($1::uuid[], $2::bigint[]) AS wanted (execution_id, start)
JOIN LATERAL (
    SELECT start_offset, content FROM execution_output AS o
    WHERE o.execution_id = wanted.execution_id AND o.start_offset >= coalesce(
        (SELECT max(start_offset) FROM execution_output AS b
         WHERE b.execution_id = wanted.execution_id AND b.start_offset <= wanted.start), 0)
    ORDER BY start_offset LIMIT $3
) AS piece ON true
ORDER BY wanted.execution_id, wanted.start, piece.start_offset
