-- name: of_executions
SELECT {start}agent, settings_hash, benchmark_id, benchmark_revision, max(usage ->> 'model') AS model,
       max(agent_revision) AS agent_revision, count(*) FILTER (WHERE is_attempt) AS attempts,
       count(*) FILTER (WHERE is_attempt AND solved) AS solved,
       count(computed_score) FILTER (WHERE is_attempt) AS scored,
       coalesce(sum(computed_score) FILTER (WHERE is_attempt), 0) AS score_sum,
       coalesce(sum(computed_score ^ 2) FILTER (WHERE is_attempt), 0) AS score_squares,
       count(execution_time_ms) FILTER (WHERE is_attempt) AS timed,
       coalesce(sum(execution_time_ms::double precision) FILTER (WHERE is_attempt), 0) AS time_sum_ms,
       sum((usage ->> 'input_tokens')::double precision) FILTER (WHERE is_attempt) AS input_tokens,
       sum((usage ->> 'output_tokens')::double precision) FILTER (WHERE is_attempt) AS output_tokens,
       sum((usage ->> 'cached_tokens')::double precision) FILTER (WHERE is_attempt) AS cached_tokens,
       sum((usage ->> 'reasoning_tokens')::double precision) FILTER (WHERE is_attempt) AS reasoning_tokens,
       count(usage ->> 'cost') FILTER (WHERE is_attempt) AS priced,
       count(usage ->> 'cost') FILTER (WHERE is_attempt AND solved) AS priced_solved,
       coalesce(sum((usage ->> 'cost')::double precision) FILTER (WHERE is_attempt), 0) AS cost
FROM executions WHERE {conditions}
GROUP BY {by_start}agent, settings_hash, benchmark_id, benchmark_revision
ORDER BY agent, settings_hash, {by_start}benchmark_id, benchmark_revision

-- name: counts_of_executions
SELECT {keys}{value} AS value, count(*) AS executions
FROM executions WHERE {which} AND {conditions}
GROUP BY {keys}value ORDER BY {keys}{order}

-- name: of_summary
SELECT {start}g.agent, nullif(g.settings_hash, '') AS settings_hash, g.benchmark_id,
       nullif(g.benchmark_revision, 0) AS benchmark_revision, g.model, g.agent_revision,
       sum(f.attempts)::bigint AS attempts, sum(f.solved)::bigint AS solved, sum(f.scored)::bigint AS scored,
       sum(f.score_sum) AS score_sum, sum(f.score_squares) AS score_squares, sum(f.timed)::bigint AS timed,
       sum(f.time_sum_ms) AS time_sum_ms, sum(f.input_tokens) AS input_tokens, sum(f.output_tokens) AS output_tokens,
       sum(f.cached_tokens) AS cached_tokens, sum(f.reasoning_tokens) AS reasoning_tokens,
       sum(f.priced)::bigint AS priced, sum(f.priced_solved)::bigint AS priced_solved, sum(f.cost) AS cost
FROM figure_groups AS g
JOIN (
    SELECT f.*
    FROM unnest($1::performance_period[], $2::date[], $3::date[]) AS part (period, first, last)
    CROSS JOIN LATERAL (
        SELECT * FROM figures WHERE figures.period = part.period AND figures.start BETWEEN part.first AND part.last
          {of_groups}
        OFFSET 0
    ) AS f
) AS f ON f.group_id = g.id
WHERE {conditions}
GROUP BY {by_start}g.id ORDER BY g.agent, g.settings_hash, {by_start}g.benchmark_id, g.benchmark_revision

-- name: only_of_groups
AND group_id = ANY(ARRAY(SELECT id FROM figure_groups WHERE {conditions}))

-- name: months
-- Those in which anything of an agent's settings ended, oldest first.
SELECT DISTINCT g.agent, nullif(g.settings_hash, '') AS settings_hash, f.start
FROM figures AS f JOIN figure_groups AS g ON g.id = f.group_id
WHERE f.period = 'MONTH' AND f.start BETWEEN $1::date AND $2::date
  AND f.group_id = ANY(ARRAY(SELECT id FROM figure_groups WHERE {conditions}))
ORDER BY f.start

-- name: of_all_time
-- The same where all time is one row of each group: nothing is left to sum up.
SELECT g.agent, nullif(g.settings_hash, '') AS settings_hash, g.benchmark_id,
       nullif(g.benchmark_revision, 0) AS benchmark_revision, g.model, g.agent_revision,
       attempts, solved, scored, score_sum, score_squares, timed, time_sum_ms, input_tokens, output_tokens,
       cached_tokens, reasoning_tokens, priced, priced_solved, cost
FROM figure_groups AS g JOIN figures ON figures.group_id = g.id AND period = 'ALL' AND start = '-infinity'
WHERE {conditions} {in_order}

-- name: counts_of_summary
SELECT {keys}{value} AS value, sum(c.executions)::bigint AS executions
FROM figure_groups AS g
CROSS JOIN unnest($1::performance_period[], $2::date[], $3::date[]) AS part (period, first, last)
CROSS JOIN LATERAL (
    SELECT what, bucket, executions, total FROM figure_counts
    WHERE group_id = g.id AND figure_counts.period = part.period
      AND figure_counts.start BETWEEN part.first AND part.last AND {which}
    OFFSET 0
) AS c
WHERE {conditions}
GROUP BY {keys}{bucket} ORDER BY {keys}{order}

-- name: settings
-- A group may have lost its executions to that of the settings that were told of later.
SELECT agent, count(*) AS settings FROM figure_groups AS every
WHERE benchmark_id = '' AND agent = ANY($1::text[]) AND EXISTS (
    SELECT FROM figure_groups AS g
    JOIN figures AS f ON f.group_id = g.id AND f.period = 'ALL' AND f.start = '-infinity'
    WHERE g.agent = every.agent AND g.settings_hash = every.settings_hash AND g.benchmark_id <> ''
)
GROUP BY agent

-- name: totals
-- The same summed up over benchmarks, for intervals.Moments. A benchmark without an attempt has no mean.
SELECT agent, settings_hash, min(model) AS model, max(agent_revision) AS agent_revision,
       sum(attempts)::bigint AS attempts, sum(solved)::bigint AS solved,
       sum(time_sum_ms / nullif(timed, 0)) AS mean_times, count(*) FILTER (WHERE timed > 0) AS timed,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cached_tokens) AS cached_tokens,
       sum(reasoning_tokens) AS reasoning_tokens, sum(priced)::bigint AS priced,
       sum(priced_solved)::bigint AS priced_solved, sum(cost) AS cost,
       count(rate) AS solving_benchmarks, sum(rate) AS solving_means, sum(rate) AS solving_mean_squares,
       sum(1 / tries) AS solving_inverse_sizes,
       sum(greatest(0, rate - rate * rate) / (tries - 1 + {prior})) AS solving_spreads,
       sum({prior} / tries / (tries - 1 + {prior})) AS solving_priors,
       count(score) AS scoring_benchmarks, sum(score) AS scoring_means, sum(square) AS scoring_mean_squares,
       sum(1 / scores) AS scoring_inverse_sizes,
       sum(greatest(0, square - score * score) / (scores - 1 + {prior})) AS scoring_spreads,
       sum({prior} / scores / (scores - 1 + {prior})) AS scoring_priors
FROM ({rows}) AS found
CROSS JOIN LATERAL (
    SELECT nullif(attempts, 0)::double precision AS tries, nullif(scored, 0)::double precision AS scores
) AS size
CROSS JOIN LATERAL (
    SELECT solved / tries AS rate, score_sum / scores AS score, score_squares / scores AS square
) AS mean
WHERE {named}
GROUP BY agent, settings_hash ORDER BY agent, settings_hash
