-- name: known
SELECT b.id, b.current_revision, b.source_path, r.revision, r.content_hash, r.created_at
FROM benchmarks AS b JOIN benchmark_revisions AS r ON r.benchmark_id = b.id
WHERE b.id = ANY($1::text[])
ORDER BY b.id, r.revision

-- name: write_current
INSERT INTO benchmarks (id, current_revision)
SELECT * FROM unnest($1::text[], $2::integer[])
ON CONFLICT (id) DO UPDATE SET current_revision = excluded.current_revision

-- name: date_revisions
UPDATE benchmark_revisions AS r SET created_at = given.created_at
FROM unnest($1::text[], $2::integer[], $3::timestamptz[]) AS given (benchmark_id, revision, created_at)
WHERE r.benchmark_id = given.benchmark_id AND r.revision = given.revision AND given.created_at <= clock_timestamp()
