-- name: record_conflicts
INSERT INTO ingest_conflicts (execution_id, content_hash, file, reason)
SELECT DISTINCT ON (execution_id, content_hash) execution_id, content_hash, file, reason
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS given (execution_id, content_hash, file, reason)
ON CONFLICT ON CONSTRAINT conflict_is_recorded_once DO NOTHING
RETURNING *

-- name: record_failures
-- An unchanged failure is not written again.
INSERT INTO ingest_failures AS known (host, directory, file, line, content_hash, byte_offset, reason)
SELECT DISTINCT ON (file, line) $1, $2, file, line, content_hash, byte_offset, reason
FROM unnest($3::text[], $4::integer[], $5::text[], $6::bigint[], $7::text[])
    AS given (file, line, content_hash, byte_offset, reason)
ON CONFLICT (md5(host || chr(10) || directory || chr(10) || file), coalesce(line, 0)) DO UPDATE SET
    content_hash = excluded.content_hash, byte_offset = excluded.byte_offset, reason = excluded.reason,
    seen_at = clock_timestamp()
WHERE (known.content_hash, known.byte_offset, known.reason)
      IS DISTINCT FROM (excluded.content_hash, excluded.byte_offset, excluded.reason)
RETURNING *

-- name: drop_mended
-- The lines that are usable now, of files that still have failures.
DELETE FROM ingest_failures AS known
WHERE md5(host || chr(10) || directory || chr(10) || file) = ANY(
    SELECT md5($1 || chr(10) || $2 || chr(10) || file) FROM unnest($3::text[]) AS bad (file)
) AND NOT EXISTS (
    SELECT FROM unnest($3::text[], $4::integer[]) AS given (file, line)
    WHERE given.file = known.file AND coalesce(given.line, 0) = coalesce(known.line, 0)
)

-- name: keep_newest_failures
DELETE FROM ingest_failures
WHERE id IN (SELECT id FROM ingest_failures ORDER BY id DESC OFFSET $1)

-- name: failing_files
SELECT file FROM ingest_failures WHERE host = $1 AND directory = $2

-- name: clear_failures
DELETE FROM ingest_failures
WHERE md5(host || chr(10) || directory || chr(10) || file) = ANY(
    SELECT md5($1 || chr(10) || $2 || chr(10) || file) FROM unnest($3::text[]) AS given (file)
)

-- name: conflicts_of
SELECT * FROM ingest_conflicts WHERE execution_id = ANY($1::uuid[]) ORDER BY execution_id, id

-- name: newest_conflicts
SELECT * FROM ingest_conflicts ORDER BY id DESC LIMIT $1

-- name: newest_failures
SELECT * FROM ingest_failures ORDER BY id DESC LIMIT $1

-- name: count_conflicts
SELECT count(*) FROM ingest_conflicts

-- name: count_failures
SELECT count(*) FROM ingest_failures
