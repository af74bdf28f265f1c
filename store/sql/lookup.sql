-- name: with_tags
SELECT b.id FROM benchmarks b
JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = b.current_revision
WHERE r.tags @> $1::text[]

-- name: containing
SELECT b.id FROM benchmarks b
JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = b.current_revision
WHERE strpos(lower(b.id), lower($1::text)) > 0 OR strpos(lower(r.description), lower($1::text)) > 0
