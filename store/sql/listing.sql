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
     + (SELECT coalesce(sum(weight), 0) FROM performance_noted WHERE {noted} AND {conditions})
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
    SELECT coalesce(sum(weight), 0) FROM performance_noted
    WHERE {noted} AND benchmark_id = wanted.parent AND {conditions}
) + (
    SELECT count(*) FROM executions
    WHERE NOT is_terminal(status) AND status = ANY({live}) AND benchmark_id = wanted.parent AND {conditions}
) AS executions
FROM unnest({parents}) AS wanted (parent)
