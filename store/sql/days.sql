-- name: may_make
-- Tables are made and dropped by the role that owns those of before.
SELECT bool_and(pg_has_role(c.relowner, 'USAGE')) AND has_schema_privilege(current_schema(), 'CREATE')
FROM unnest(tables_by_day()) AS name JOIN pg_class AS c ON c.oid = to_regclass(name)

-- name: missing
-- The first day from today on without tables, and the last that needs them.
SELECT greatest(coalesce(max(last_day) + 1, today), today) AS first_day, today + $1::integer AS last_day
FROM (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS today) AS now LEFT JOIN execution_days ON true
GROUP BY today

-- name: make
CALL make_days($1, $2)

-- name: due
SELECT * FROM due_days($1)

-- name: drop
CALL drop_days($1, NULL)

-- name: dropped
SELECT first_day, last_day, first_id, after_id, executions, bytes FROM execution_days WHERE first_day = $1

-- name: clean
-- Positions without events and words of deleted conversations, of the next executions of dropped days.
WITH days AS (
    SELECT first_day, cleaned_up_to, after_id FROM execution_days
    WHERE dropped_at IS NOT NULL AND cleaned_up_to IS NOT NULL ORDER BY first_day LIMIT 1 FOR UPDATE SKIP LOCKED
), next AS (
    SELECT e.id FROM days JOIN LATERAL (
        SELECT id FROM executions WHERE id > days.cleaned_up_to AND id < days.after_id ORDER BY id LIMIT $1
    ) AS e ON true
), positions AS (
    DELETE FROM event_positions AS p WHERE execution_id IN (SELECT id FROM next) AND NOT EXISTS (
        SELECT FROM execution_events AS e
        WHERE e.execution_id = p.execution_id AND e.seq BETWEEN p.first_seq AND p.last_seq AND e.kind = 'STATUS_CHANGED'
    )
), words AS (
    INSERT INTO execution_words_due SELECT execution_id FROM execution_words WHERE execution_id IN (SELECT id FROM next)
    ON CONFLICT DO NOTHING
)
UPDATE execution_days AS d SET cleaned_up_to = (SELECT id FROM next ORDER BY id DESC LIMIT 1)
FROM days WHERE d.first_day = days.first_day RETURNING true
