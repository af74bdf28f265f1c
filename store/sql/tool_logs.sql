-- name: note
-- While it runs, by the worker that it belongs to. The row is locked first, as in every statement that writes to it.
WITH living AS (
    SELECT id FROM executions
    WHERE id = $1 AND status IN ('RUNNING', 'STOPPING') AND ($2::uuid IS NULL OR worker_id = $2)
    FOR NO KEY UPDATE
), noted AS (
    INSERT INTO execution_tool_logs (execution_id, file, bytes, content_hash, is_finished, first_at, last_at, prompt,
                                     prompt_is_truncated, prompts, remarks)
    SELECT id, $3, $4, $5, $6, $7, $8, $9, $10, $11::text::jsonb, $12::text::jsonb FROM living
    ON CONFLICT (execution_id) DO UPDATE SET
        file = excluded.file, bytes = excluded.bytes, content_hash = excluded.content_hash,
        is_finished = excluded.is_finished, first_at = excluded.first_at, last_at = excluded.last_at, prompt = excluded.prompt,
        prompt_is_truncated = excluded.prompt_is_truncated, prompts = excluded.prompts, remarks = excluded.remarks
), earlier AS (
    -- Lines are not always in the order of their times.
    UPDATE executions AS e SET started_at = $7, queued_at = least(e.queued_at, $7)
    FROM living WHERE e.id = living.id AND e.origin = 'OBSERVED' AND $7 < e.started_at
), stored AS (
    SELECT coalesce((
        SELECT start_offset + length(content) FROM execution_tool_log_text
        WHERE execution_id = $1 ORDER BY start_offset DESC LIMIT 1
    ), 0) AS size
), text AS (
    INSERT INTO execution_tool_log_text (execution_id, start_offset, content)
    SELECT id, size, substring($14::bytea FROM (size - $13::bigint + 1)::integer) FROM living, stored
    WHERE $13 <= size AND size < $13 + length($14)
    ON CONFLICT DO NOTHING
)
SELECT true FROM living

-- name: lock
-- The executions that may be written to: all that were not pruned.
SELECT id FROM executions AS e
WHERE id = ANY($1::uuid[]) AND is_terminal(status)
  AND NOT EXISTS (SELECT FROM pruned_executions AS p WHERE p.execution_id = e.id)
  AND NOT EXISTS (
      SELECT FROM execution_days AS d WHERE e.id >= d.first_id AND e.id < d.after_id AND d.dropped_at IS NOT NULL
  )
ORDER BY id FOR NO KEY UPDATE

-- name: store
INSERT INTO execution_tool_logs (execution_id, file, bytes, content_hash, is_finished, first_at, last_at, prompt,
                                 prompt_is_truncated, prompts, remarks)
SELECT execution_id, file, bytes, content_hash, is_finished, first_at, last_at, prompt, is_truncated, prompts::jsonb,
       remarks::jsonb
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::boolean[], $6::timestamptz[], $7::timestamptz[],
            $8::text[], $9::boolean[], $10::text[], $11::text[])
    AS given (execution_id, file, bytes, content_hash, is_finished, first_at, last_at, prompt, is_truncated, prompts,
              remarks)
ON CONFLICT (execution_id) DO UPDATE SET
    file = excluded.file, bytes = excluded.bytes, content_hash = excluded.content_hash,
    is_finished = excluded.is_finished, first_at = excluded.first_at, last_at = excluded.last_at, prompt = excluded.prompt,
    prompt_is_truncated = excluded.prompt_is_truncated, prompts = excluded.prompts, remarks = excluded.remarks

-- name: drop_text
DELETE FROM execution_tool_log_text WHERE execution_id = ANY($1::uuid[])

-- name: store_text
INSERT INTO execution_tool_log_text (execution_id, start_offset, content)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[])

-- name: drop_calls
-- The calls of a log are those in it now, and no others.
DELETE FROM execution_tool_calls AS t USING unnest($1::uuid[], $2::integer[]) AS given (id, calls)
WHERE t.execution_id = given.id AND t.ordinal > given.calls

-- name: store_calls
INSERT INTO execution_tool_calls (execution_id, ordinal, name, raw_name, status, started_at, ended_at,
                                  duration_ms, params, result, error_message)
SELECT given.id, c.*
FROM unnest($1::uuid[], $2::text[]) AS given (id, calls)
CROSS JOIN LATERAL jsonb_to_recordset(calls::jsonb) AS c (
    ordinal integer, name text, raw_name text, status tool_call_status, started_at timestamptz,
    ended_at timestamptz, duration_ms bigint, params jsonb, result jsonb, error_message text
)
ON CONFLICT (execution_id, ordinal) DO UPDATE SET
    name = excluded.name, raw_name = excluded.raw_name, status = excluded.status,
    started_at = excluded.started_at, ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,
    params = excluded.params, result = excluded.result, error_message = excluded.error_message

-- name: add_remarks
UPDATE execution_tool_logs AS l SET remarks = l.remarks || given.remark
FROM unnest($1::uuid[], $2::jsonb[]) AS given (id, remark)
WHERE l.execution_id = given.id AND NOT l.remarks @> given.remark

-- name: fill_in_start
-- Only where no session file has the start.
UPDATE executions AS e SET started_at = least(l.first_at, e.ended_at), queued_at = least(l.first_at, e.ended_at)
FROM execution_tool_logs AS l
WHERE l.execution_id = e.id AND e.id = ANY($1::uuid[]) AND e.origin = 'OBSERVED' AND is_terminal(e.status)
  AND e.started_at IS NULL AND l.first_at IS NOT NULL

-- name: of_executions
SELECT execution_id, file, bytes, content_hash, first_at, last_at, prompts
FROM execution_tool_logs WHERE execution_id = ANY($1::uuid[])

-- name: remarks
SELECT execution_id, file, remarks FROM execution_tool_logs
WHERE execution_id = ANY($1::uuid[]) AND remarks <> '[]'

-- name: read_text
SELECT wanted.execution_id, wanted.start, piece.start_offset, piece.content
FROM unnest($1::uuid[], $2::bigint[]) AS wanted (execution_id, start)
JOIN LATERAL (
    SELECT start_offset, content FROM execution_tool_log_text AS t
    WHERE t.execution_id = wanted.execution_id AND t.start_offset >= coalesce(
        (SELECT max(start_offset) FROM execution_tool_log_text AS b
         WHERE b.execution_id = wanted.execution_id AND b.start_offset <= wanted.start), 0)
    ORDER BY start_offset LIMIT $3
) AS piece ON true
ORDER BY wanted.execution_id, wanted.start, piece.start_offset
