-- name: add_up
SELECT add_up_figures()

-- name: figures
SELECT p.agent, {benchmark_id} AS benchmark_id, {start} AS start, sum(p.executions)::bigint AS executions,
       sum(p.succeeded)::bigint AS succeeded,
       sum(p.scored)::bigint AS scored, sum(p.score_sum) AS score_sum, max(p.score_best) AS score_best,
       (array_agg(p.score_latest ORDER BY p.score_latest_at DESC, p.benchmark_id)
           FILTER (WHERE p.score_latest_at IS NOT NULL))[1] AS score_latest,
       sum(p.computed)::bigint AS computed, sum(p.computed_sum) AS computed_sum, max(p.computed_best) AS computed_best,
       (array_agg(p.computed_latest ORDER BY p.computed_latest_at DESC, p.benchmark_id)
           FILTER (WHERE p.computed_latest_at IS NOT NULL))[1] AS computed_latest,
       sum(p.timed)::bigint AS timed, sum(p.time_sum_ms) AS time_sum_ms,
       sum(p.attempts)::bigint AS attempts, sum(p.solved)::bigint AS solved,
       sum(p.attempts_computed)::bigint AS attempts_computed, sum(p.attempts_computed_sum) AS attempts_computed_sum
FROM unnest($1::performance_period[], $2::date[], $3::date[]) AS part (period, first, last)
CROSS JOIN LATERAL (
    SELECT * FROM performance
    WHERE performance.period = part.period AND performance.start BETWEEN part.first AND part.last AND {which}
      AND ($4::text[] IS NULL OR performance.agent = ANY($4))
    OFFSET 0
) AS p
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3

-- name: excluded
SELECT wanted.key, x.reason, sum(x.executions)::bigint AS executions
FROM unnest($1::integer[], $2::text[], $3::text[]) AS wanted (key, agent, benchmark_id)
CROSS JOIN unnest($4::performance_period[], $5::date[], $6::date[]) AS part (period, first, last)
CROSS JOIN LATERAL (
    SELECT reason, executions FROM performance_excluded AS e
    WHERE e.agent = wanted.agent AND e.benchmark_id = wanted.benchmark_id AND e.period = part.period
      AND e.start BETWEEN part.first AND part.last
    OFFSET 0
) AS x
GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2

-- name: percentiles_of_all_time
SELECT wanted.key, found.bucket
FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[]) AS wanted (key, agent, benchmark_id, timed)
CROSS JOIN LATERAL (
    SELECT bucket
    FROM (
        SELECT bucket, sum(executions) OVER (ORDER BY bucket DESC) AS at_least
        FROM performance_times AS t
        WHERE t.agent = wanted.agent AND t.benchmark_id = wanted.benchmark_id AND t.period = 'ALL'
          AND t.start = '-infinity'
    ) AS from_the_top
    WHERE at_least > wanted.timed - (wanted.timed * 95 + 99) / 100
    ORDER BY bucket DESC LIMIT 1
) AS found

-- name: percentiles
WITH wanted AS (
    SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[]) AS given (key, agent, benchmark_id, timed)
), guessed AS (
    SELECT wanted.key, min(tenth.bucket) AS bucket
    FROM wanted
    CROSS JOIN LATERAL (
        SELECT timed FROM performance AS p
        WHERE p.benchmark_id = wanted.benchmark_id AND p.period = 'ALL' AND p.start = '-infinity'
          AND p.agent = wanted.agent
        OFFSET 0
    ) AS ever
    CROSS JOIN LATERAL (
        SELECT bucket
        FROM (
            SELECT bucket, sum(executions) OVER (ORDER BY bucket DESC) AS at_least
            FROM performance_times AS t
            WHERE t.agent = wanted.agent AND t.benchmark_id = wanted.benchmark_id AND t.period = 'ALL'
              AND t.start = '-infinity'
        ) AS from_the_top
        WHERE at_least * 10 >= ever.timed
        ORDER BY bucket DESC LIMIT 1
    ) AS tenth
    GROUP BY wanted.key
)
SELECT key, max(bucket) AS bucket
FROM (
    SELECT key, timed, bucket, sum(executions) OVER (PARTITION BY key ORDER BY bucket DESC) AS at_least
    FROM (
        SELECT wanted.key, wanted.timed, t.bucket, sum(t.executions)::bigint AS executions
        FROM wanted
        JOIN guessed ON guessed.key = wanted.key
        CROSS JOIN unnest($5::performance_period[], $6::date[], $7::date[]) AS part (period, first, last)
        CROSS JOIN LATERAL (
            SELECT bucket, executions FROM performance_times
            WHERE performance_times.agent = wanted.agent AND performance_times.benchmark_id = wanted.benchmark_id
              AND performance_times.period = part.period AND performance_times.start BETWEEN part.first AND part.last
              AND performance_times.bucket >= CASE WHEN $8::boolean THEN guessed.bucket ELSE 0 END
            OFFSET 0
        ) AS t
        GROUP BY wanted.key, wanted.timed, t.bucket
    ) AS summed
) AS from_the_top
WHERE at_least > timed - (timed * 95 + 99) / 100
GROUP BY key

-- name: agents
SELECT DISTINCT agent FROM performance WHERE benchmark_id = '' AND period = 'ALL' AND start = '-infinity'
UNION
SELECT agent FROM performance_noted
UNION
SELECT DISTINCT agent FROM executions WHERE NOT is_terminal(status)
