-- name: executions
SELECT * FROM executions WHERE {conditions} ORDER BY queued_at {direction}, id {direction} LIMIT {limit}

-- name: count_executions
SELECT count(*) FROM executions WHERE {conditions}

-- name: benchmarks
SELECT b.id AS benchmark_id, b.source_path, b.created_at, b.archived_at, r.revision, r.content_hash, r.description,
       r.prompt, r.tags, r.source, r.definition, r.remarks, r.created_at AS revised_at
FROM benchmarks b
JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = b.current_revision
WHERE {conditions} ORDER BY b.id {direction} LIMIT {limit}

-- name: count_benchmarks
SELECT count(*) FROM benchmarks b
JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = b.current_revision
WHERE {conditions}
