-- name: index_due
-- Several workers may do it at once. What becomes due meanwhile is due again afterwards.
WITH due AS (
    DELETE FROM execution_words_due WHERE execution_id IN (
        SELECT execution_id FROM execution_words_due ORDER BY execution_id LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    RETURNING execution_id
), stored AS (
    INSERT INTO execution_words (execution_id, words)
    SELECT e.id, words_of(e) FROM due JOIN executions AS e ON e.id = due.execution_id
    ON CONFLICT (execution_id) DO UPDATE SET words = excluded.words
)
SELECT count(*) FROM due

-- name: due
INSERT INTO execution_words_due SELECT * FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING
