-- name: cutoff
SELECT clock_timestamp() - $1::interval

-- name: lock
-- One process at a time, over all workers and commands; held until the end of the transaction.
SELECT pg_try_advisory_xact_lock(8243110937284436540)

-- name: progress
SELECT ended_at, execution_id FROM retention_progress

-- name: count_due
SELECT count(*) FROM execution_events_undated
WHERE is_terminal(status) AND NOT data ? 'superseded' AND (at, execution_id) > ($1::timestamptz, $2::uuid) AND at < $3

-- name: due
SELECT at AS ended_at, execution_id FROM execution_events_undated
WHERE is_terminal(status) AND NOT data ? 'superseded' AND (at, execution_id) > ($1::timestamptz, $2::uuid) AND at < $3
ORDER BY at, execution_id LIMIT $4

-- name: measure
-- Sizes as they are stored: compressed, without reading values that are stored out of line.
SELECT
    (SELECT count(*) FROM unnest($1::uuid[])) AS executions,
    events.n AS events, steps.n AS steps, calls.n AS tool_calls, results.n AS results, output.bytes AS output_bytes,
    log.bytes AS tool_log_bytes, messages.n AS messages,
    events.bytes + steps.bytes + calls.bytes + results.bytes + output.bytes + log.bytes + messages.bytes AS bytes
FROM (
    SELECT count(*) AS n, coalesce(sum(pg_column_size(data)), 0) AS bytes FROM execution_events_undated
    WHERE execution_id = ANY($1::uuid[]) AND kind <> 'STATUS_CHANGED'
) AS events, (
    SELECT count(*) AS n, coalesce(sum(coalesce(pg_column_size(thought), 0) + coalesce(pg_column_size(action), 0)
        + coalesce(pg_column_size(observation), 0) + coalesce(pg_column_size(info), 0)), 0) AS bytes
    FROM execution_steps_undated WHERE execution_id = ANY($1::uuid[])
) AS steps, (
    SELECT count(*) AS n, coalesce(sum(coalesce(pg_column_size(params), 0) + coalesce(pg_column_size(result), 0)
        + coalesce(pg_column_size(error_message), 0)), 0) AS bytes
    FROM execution_tool_calls_undated WHERE execution_id = ANY($1::uuid[])
) AS calls, (
    SELECT count(*) AS n, coalesce(sum(coalesce(pg_column_size(prompt), 0) + pg_column_size(session)), 0) AS bytes
    FROM execution_results_undated WHERE execution_id = ANY($1::uuid[])
) AS results, (
    SELECT count(*) AS n, coalesce(sum(pg_column_size(data)), 0) AS bytes FROM execution_messages_undated
    WHERE execution_id = ANY($1::uuid[])
) AS messages, (
    SELECT coalesce(sum(length(content)), 0) AS bytes FROM execution_output_undated WHERE execution_id = ANY($1::uuid[])
) AS output, (
    SELECT coalesce(sum(length(content)), 0) AS bytes FROM execution_tool_log_text_undated
    WHERE execution_id = ANY($1::uuid[])
) AS log

-- name: prune
-- Only executions that have ended, which the statement itself checks again.
WITH due AS (
    SELECT id FROM executions WHERE id = ANY($1::uuid[]) AND is_terminal(status)
), events AS (
    DELETE FROM execution_events_undated WHERE execution_id IN (SELECT id FROM due) AND kind <> 'STATUS_CHANGED'
    RETURNING execution_id
), positions AS (
    -- Positions without events.
    DELETE FROM event_positions AS p WHERE execution_id IN (SELECT id FROM due) AND NOT EXISTS (
        SELECT FROM execution_events_undated AS e
        WHERE e.execution_id = p.execution_id AND e.seq BETWEEN p.first_seq AND p.last_seq AND e.kind = 'STATUS_CHANGED'
    )
), steps AS (
    DELETE FROM execution_steps_undated WHERE execution_id IN (SELECT id FROM due) RETURNING execution_id
), calls AS (
    DELETE FROM execution_tool_calls_undated WHERE execution_id IN (SELECT id FROM due) RETURNING execution_id
), results AS (
    DELETE FROM execution_results_undated WHERE execution_id IN (SELECT id FROM due) RETURNING execution_id
), messages AS (
    DELETE FROM execution_messages_undated WHERE execution_id IN (SELECT id FROM due) RETURNING execution_id
), words AS (
    INSERT INTO execution_words_due SELECT DISTINCT execution_id FROM messages ON CONFLICT DO NOTHING
), output AS (
    DELETE FROM execution_output_undated WHERE execution_id IN (SELECT id FROM due)
    RETURNING execution_id, length(content) AS bytes
), log AS (
    DELETE FROM execution_tool_logs_undated WHERE execution_id IN (SELECT id FROM due)
), log_text AS (
    DELETE FROM execution_tool_log_text_undated WHERE execution_id IN (SELECT id FROM due)
    RETURNING execution_id, length(content) AS bytes
)
INSERT INTO pruned_executions (execution_id, events, steps, tool_calls, results, output_bytes, tool_log_bytes,
                               messages)
SELECT id,
       (SELECT count(*) FROM events WHERE execution_id = id), (SELECT count(*) FROM steps WHERE execution_id = id),
       (SELECT count(*) FROM calls WHERE execution_id = id), (SELECT count(*) FROM results WHERE execution_id = id),
       (SELECT coalesce(sum(bytes), 0) FROM output WHERE execution_id = id),
       (SELECT coalesce(sum(bytes), 0) FROM log_text WHERE execution_id = id),
       (SELECT count(*) FROM messages WHERE execution_id = id)
FROM due
ON CONFLICT DO NOTHING

-- name: move_progress
UPDATE retention_progress SET ended_at = $1, execution_id = $2

-- name: pruned
SELECT * FROM pruned WHERE execution_id = ANY($1::uuid[])
