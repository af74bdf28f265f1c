-- name: with_position
-- In one statement, so that it is the same moment. One row on the left: those on the right keep their order.
SELECT page.*, log.position AS log_position FROM ({newest}) AS log
LEFT JOIN (SELECT true AS is_row, rows.* FROM ({rows}) AS rows) AS page ON true

-- name: executions
SELECT * FROM executions WHERE {conditions} ORDER BY {order} LIMIT {limit}

-- name: executions_of
SELECT wanted.parent, page.* FROM unnest({parents}) AS wanted (parent)
CROSS JOIN LATERAL (
    SELECT * FROM executions WHERE executions.{column} = wanted.parent AND {conditions}
    ORDER BY queued_at {direction}, id {direction} LIMIT {limit}
) AS page
ORDER BY wanted.parent, page.queued_at {direction}, page.id {direction}

-- name: count_executions
SELECT count(*) FROM executions WHERE {conditions}

-- name: read_indexes_only
SET LOCAL enable_seqscan = off

-- name: count_by_summary
SELECT (SELECT coalesce(sum({ended}), 0) FROM performance
        WHERE period = 'ALL' AND start = '-infinity' AND {which} AND {conditions})
     + (SELECT count(*) FROM executions
        WHERE NOT is_terminal(status) AND status = ANY({live}) AND {conditions})

-- name: count_executions_of
SELECT wanted.parent, (
    SELECT count(*) FROM executions WHERE executions.{column} = wanted.parent AND {conditions}
) AS executions
FROM unnest({parents}) AS wanted (parent)

-- name: count_of_benchmarks_by_summary
SELECT wanted.parent, (
    SELECT coalesce(sum({ended}), 0) FROM performance
    WHERE period = 'ALL' AND start = '-infinity' AND benchmark_id = wanted.parent AND {conditions}
) + (
    SELECT count(*) FROM executions
    WHERE NOT is_terminal(status) AND status = ANY({live}) AND benchmark_id = wanted.parent AND {conditions}
) AS executions
FROM unnest({parents}) AS wanted (parent)

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
