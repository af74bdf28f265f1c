-- name: newest
SELECT coalesce(max(position), 0) AS position FROM benchmark_changes

-- name: after
SELECT c.position, c.seq, c.at, c.outcome, c.benchmark_id AS changed_id, c.revision AS changed_revision, b.*
FROM (
    SELECT * FROM benchmark_changes WHERE (position, seq) > ($1::bigint, $2::bigint)
    ORDER BY position, seq LIMIT $3
) AS c
LEFT JOIN LATERAL (
    SELECT b.id AS benchmark_id, b.source_path, b.created_at, b.archived_at, b.archive_reason, r.revision,
           r.content_hash, r.description, r.prompt, r.tags, r.source, r.definition, r.remarks, r.created_at AS revised_at
    FROM benchmarks b JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = c.revision
    WHERE b.id = c.benchmark_id
) AS b ON true
ORDER BY c.position, c.seq
