-- name: pages
SELECT page.* FROM unnest($1::text[]) AS wanted (benchmark_id)
CROSS JOIN LATERAL (
    SELECT benchmark_id, revision, content_hash, created_at FROM benchmark_revisions AS r
    WHERE r.benchmark_id = wanted.benchmark_id AND r.revision < $2
    ORDER BY revision DESC LIMIT $3
) AS page
ORDER BY page.benchmark_id, page.revision DESC

-- name: counts
SELECT benchmark_id, count(*) AS revisions FROM benchmark_revisions WHERE benchmark_id = ANY($1::text[]) GROUP BY 1
