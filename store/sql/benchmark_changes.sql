-- name: visible_after
SELECT now.horizon, c.xid::text::bigint AS xid, c.seq, c.at, c.outcome, c.benchmark_id AS changed_id,
       c.revision AS changed_revision, b.*
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon) AS now
LEFT JOIN LATERAL (
    SELECT * FROM benchmark_changes WHERE (xid, seq) > ($1::bigint::text::xid8, $2::bigint)
    ORDER BY xid, seq LIMIT $3
) AS c ON true
LEFT JOIN LATERAL (
    SELECT b.id AS benchmark_id, b.source_path, b.created_at, b.archived_at, r.revision, r.content_hash,
           r.description, r.prompt, r.tags, r.source, r.definition, r.remarks, r.created_at AS revised_at
    FROM benchmarks b JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = c.revision
    WHERE b.id = c.benchmark_id
) AS b ON true
ORDER BY c.xid, c.seq
