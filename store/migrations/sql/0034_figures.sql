-- An end notes what it adds to the figures, in a row of its own, and waits for nobody: ends of one agent do not queue up
-- behind the same sums. Whoever reads figures adds up first what is noted, and so does the worker that looks after the
-- others. Sums and notes change in one transaction, so each end is in exactly one of them at any moment.

-- What is under way by the old rules comes to its end first.
SET CONSTRAINTS ALL IMMEDIATE;
LOCK TABLE performance_noted IN ACCESS EXCLUSIVE MODE;

DROP TABLE performance_due;
DROP FUNCTION add_up_noted_figures();
DROP FUNCTION add_up_performance();
DROP FUNCTION add_up_figures(xid8);
DROP FUNCTION add_up_noted_performance(xid8);
DROP FUNCTION find_figure_groups(xid8);
DROP VIEW performance_spread;

-- What a crash would lose is in no sum yet.
ALTER TABLE performance_noted SET LOGGED;
ALTER TABLE performance_noted DROP COLUMN xid;
-- Rows come and go, all the time and all of them.
ALTER TABLE performance_noted SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, vacuum_truncate = off
);
COMMENT ON TABLE performance_noted IS
    'Ended executions that are in no sum yet: add_up_figures moves them there, and readers call it';
COMMENT ON COLUMN performance_noted.group_id IS 'Null but within add_up_figures: those that it adds up have one';

CREATE VIEW performance_spread AS
SELECT scope.benchmark_id, part.period, part.start, noted.agent, noted.status, noted.ended_at, noted.score,
       noted.computed_score, noted.execution_time_ms, noted.weight, noted.solved, noted.is_attempt,
       CASE noted.status WHEN 'FAILED' THEN noted.failure_kind::text WHEN 'TIMED_OUT' THEN 'TIMEOUT'
            ELSE noted.status::text END AS reason
FROM performance_noted AS noted
CROSS JOIN LATERAL (SELECT (noted.ended_at AT TIME ZONE 'UTC')::date AS day) AS ended
CROSS JOIN LATERAL (VALUES
    ('DAY'::performance_period, ended.day), ('MONTH', date_trunc('month', ended.day::timestamp)::date),
    ('ALL', '-infinity')
) AS part (period, start)
CROSS JOIN LATERAL (VALUES (noted.benchmark_id), ('')) AS scope (benchmark_id)
WHERE noted.group_id IS NOT NULL AND NOT noted.is_of_figures_only;
COMMENT ON VIEW performance_spread IS 'Each execution that is added up, once per row of performance that it belongs to';

CREATE OR REPLACE FUNCTION note_performance() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    is_told_more boolean;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        is_told_more := is_terminal(OLD.status) AND OLD.session_file_hash IS NOT DISTINCT FROM NEW.session_file_hash;
        PERFORM note_for_performance(NEW, 1, is_told_more);
        IF is_terminal(OLD.status) THEN
            -- For performance it counts and nothing more: it had no result.
            PERFORM note_for_performance(OLD, -1, is_told_more);
        END IF;
        RETURN NULL;
    END IF;
    INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms,
                                   failure_kind, solved, is_attempt, settings_hash, benchmark_revision, agent_revision,
                                   usage)
    SELECT benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms, failure_kind, solved,
           is_attempt, settings_hash, benchmark_revision, agent_revision, usage - 'final_text'
    FROM inserted WHERE is_terminal(status);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION next_log_position() RETURNS bigint
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(8243110937284436533);
    RETURN nextval('log_position');
END
$$;

CREATE FUNCTION find_figure_groups() RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    UPDATE performance_noted AS n
    SET group_id = (
        SELECT id FROM figure_groups AS g
        WHERE g.agent = n.agent AND g.settings_hash = coalesce(n.settings_hash, '') AND g.benchmark_id = n.benchmark_id
          AND g.benchmark_revision = coalesce(n.benchmark_revision, 0)
    ), group_of_all_id = (
        SELECT id FROM figure_groups AS g
        WHERE g.agent = n.agent AND g.settings_hash = coalesce(n.settings_hash, '') AND g.benchmark_id = ''
          AND g.benchmark_revision = 0
    )
    WHERE n.group_id IS NULL;
END
$$;

CREATE FUNCTION add_up_noted_figures() RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM find_figure_groups();
    IF EXISTS (SELECT FROM performance_noted WHERE group_id IS NULL) THEN
        INSERT INTO figure_groups (agent, settings_hash, benchmark_id, benchmark_revision, model, agent_revision)
        SELECT DISTINCT ON (1, 2, 3, 4) n.agent, coalesce(n.settings_hash, ''), scope.benchmark_id, scope.revision,
               n.usage ->> 'model', n.agent_revision
        FROM performance_noted AS n
        CROSS JOIN LATERAL (
            VALUES (n.benchmark_id, coalesce(n.benchmark_revision, 0)), ('', 0)
        ) AS scope (benchmark_id, revision)
        WHERE n.group_id IS NULL
        ORDER BY 1, 2, 3, 4
        ON CONFLICT DO NOTHING;
        PERFORM find_figure_groups();
    END IF;

    INSERT INTO figures AS f
    SELECT n.group_id, period, start, sum(weight),
           coalesce(sum(weight) FILTER (WHERE is_attempt), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND solved), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND computed_score IS NOT NULL), 0),
           coalesce(sum(weight * computed_score) FILTER (WHERE is_attempt), 0),
           coalesce(sum(weight * computed_score ^ 2) FILTER (WHERE is_attempt), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND execution_time_ms IS NOT NULL), 0),
           coalesce(sum(weight * execution_time_ms::double precision) FILTER (WHERE is_attempt), 0),
           sum(weight * (usage ->> 'input_tokens')::double precision) FILTER (WHERE is_attempt),
           sum(weight * (usage ->> 'output_tokens')::double precision) FILTER (WHERE is_attempt),
           sum(weight * (usage ->> 'cached_tokens')::double precision) FILTER (WHERE is_attempt),
           sum(weight * (usage ->> 'reasoning_tokens')::double precision) FILTER (WHERE is_attempt),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND usage ->> 'cost' IS NOT NULL), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND solved AND usage ->> 'cost' IS NOT NULL), 0),
           coalesce(sum(weight * (usage ->> 'cost')::double precision) FILTER (WHERE is_attempt), 0)
    FROM performance_noted AS n
    CROSS JOIN LATERAL (SELECT (n.ended_at AT TIME ZONE 'UTC')::date AS day) AS ended
    CROSS JOIN LATERAL (VALUES
        ('DAY'::performance_period, ended.day), ('MONTH', date_trunc('month', ended.day::timestamp)::date),
        ('ALL', '-infinity')
    ) AS part (period, start)
    WHERE n.group_id IS NOT NULL
    GROUP BY n.group_id, period, start ORDER BY period, start, n.group_id
    ON CONFLICT (period, start, group_id) DO UPDATE SET
        executions = f.executions + excluded.executions,
        attempts = f.attempts + excluded.attempts,
        solved = f.solved + excluded.solved,
        scored = f.scored + excluded.scored,
        score_sum = f.score_sum + excluded.score_sum,
        score_squares = f.score_squares + excluded.score_squares,
        timed = f.timed + excluded.timed,
        time_sum_ms = f.time_sum_ms + excluded.time_sum_ms,
        input_tokens = coalesce(f.input_tokens + excluded.input_tokens, f.input_tokens, excluded.input_tokens),
        output_tokens = coalesce(f.output_tokens + excluded.output_tokens, f.output_tokens, excluded.output_tokens),
        cached_tokens = coalesce(f.cached_tokens + excluded.cached_tokens, f.cached_tokens, excluded.cached_tokens),
        reasoning_tokens = coalesce(
            f.reasoning_tokens + excluded.reasoning_tokens, f.reasoning_tokens, excluded.reasoning_tokens
        ),
        priced = f.priced + excluded.priced,
        priced_solved = f.priced_solved + excluded.priced_solved,
        cost = f.cost + excluded.cost;

    INSERT INTO figure_counts AS c
    SELECT part.group_id, part.period, part.start, what, bucket, sum(weight), coalesce(sum(weight * value), 0)
    FROM performance_noted AS n
    CROSS JOIN LATERAL (VALUES
        (n.group_id, 'DAY'::performance_period, (n.ended_at AT TIME ZONE 'UTC')::date),
        (n.group_id, 'ALL', '-infinity'), (n.group_of_all_id, 'ALL', '-infinity')
    ) AS part (group_id, period, start)
    CROSS JOIN LATERAL (VALUES
        ('SCORE', floor(computed_score * 100 + 1e-9)::smallint, computed_score),
        ('TIME', ceil(ln(greatest(execution_time_ms, 1)::double precision) / ln(1.02::double precision))::smallint,
         execution_time_ms::double precision),
        (CASE status WHEN 'FAILED' THEN failure_kind::text WHEN 'TIMED_OUT' THEN 'TIMEOUT' ELSE status::text END, 0, 0)
    ) AS counted (what, bucket, value)
    WHERE n.group_id IS NOT NULL AND value IS NOT NULL AND is_attempt = (what IN ('SCORE', 'TIME'))
    GROUP BY part.group_id, part.period, part.start, what, bucket
    ORDER BY part.group_id, part.period, part.start, what, bucket
    ON CONFLICT (group_id, period, start, what, bucket) DO UPDATE SET
        executions = c.executions + excluded.executions, total = c.total + excluded.total;

    IF EXISTS (SELECT FROM performance_noted WHERE group_id IS NOT NULL AND weight < 0) THEN
        DELETE FROM figures AS f
        USING performance_noted AS n
        CROSS JOIN LATERAL (SELECT (n.ended_at AT TIME ZONE 'UTC')::date AS day) AS ended
        CROSS JOIN LATERAL (VALUES
            ('DAY'::performance_period, ended.day), ('MONTH', date_trunc('month', ended.day::timestamp)::date),
            ('ALL', '-infinity')
        ) AS part (period, start)
        WHERE n.group_id IS NOT NULL AND n.weight < 0 AND f.executions = 0
          AND (f.period, f.start, f.group_id) = (part.period, part.start, n.group_id);
        DELETE FROM figure_counts AS c USING performance_noted AS n
        WHERE n.group_id IS NOT NULL AND n.weight < 0 AND c.executions = 0 AND c.group_id IN (n.group_id, n.group_of_all_id);
    END IF;
END
$$;

CREATE FUNCTION add_up_noted_performance() RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO performance AS p
    SELECT benchmark_id, period, start, agent, sum(weight),
           coalesce(sum(weight) FILTER (WHERE status = 'SUCCEEDED'), 0),
           coalesce(sum(weight) FILTER (WHERE status = 'FAILED'), 0),
           coalesce(sum(weight) FILTER (WHERE status = 'TIMED_OUT'), 0),
           coalesce(sum(weight) FILTER (WHERE status = 'STOPPED'), 0),
           coalesce(sum(weight) FILTER (WHERE status = 'LOST'), 0),
           count(score), coalesce(sum(score), 0), max(score),
           (array_agg(score ORDER BY ended_at DESC) FILTER (WHERE score IS NOT NULL))[1],
           max(ended_at) FILTER (WHERE score IS NOT NULL),
           count(computed_score), coalesce(sum(computed_score), 0), max(computed_score),
           (array_agg(computed_score ORDER BY ended_at DESC) FILTER (WHERE computed_score IS NOT NULL))[1],
           max(ended_at) FILTER (WHERE computed_score IS NOT NULL),
           count(execution_time_ms), coalesce(sum(execution_time_ms::double precision), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt), 0),
           coalesce(sum(weight) FILTER (WHERE is_attempt AND solved), 0),
           count(computed_score) FILTER (WHERE is_attempt),
           coalesce(sum(computed_score) FILTER (WHERE is_attempt), 0)
    FROM performance_spread
    GROUP BY benchmark_id, period, start, agent ORDER BY benchmark_id, period, start, agent
    ON CONFLICT (benchmark_id, period, start, agent) DO UPDATE SET
        executions = p.executions + excluded.executions,
        succeeded = p.succeeded + excluded.succeeded,
        failed = p.failed + excluded.failed,
        timed_out = p.timed_out + excluded.timed_out,
        stopped = p.stopped + excluded.stopped,
        lost = p.lost + excluded.lost,
        scored = p.scored + excluded.scored,
        score_sum = p.score_sum + excluded.score_sum,
        score_best = greatest(p.score_best, excluded.score_best),
        score_latest = CASE WHEN excluded.score_latest_at >= coalesce(p.score_latest_at, '-infinity')
                            THEN excluded.score_latest ELSE p.score_latest END,
        score_latest_at = greatest(p.score_latest_at, excluded.score_latest_at),
        computed = p.computed + excluded.computed,
        computed_sum = p.computed_sum + excluded.computed_sum,
        computed_best = greatest(p.computed_best, excluded.computed_best),
        computed_latest = CASE WHEN excluded.computed_latest_at >= coalesce(p.computed_latest_at, '-infinity')
                               THEN excluded.computed_latest ELSE p.computed_latest END,
        computed_latest_at = greatest(p.computed_latest_at, excluded.computed_latest_at),
        timed = p.timed + excluded.timed,
        time_sum_ms = p.time_sum_ms + excluded.time_sum_ms,
        attempts = p.attempts + excluded.attempts,
        solved = p.solved + excluded.solved,
        attempts_computed = p.attempts_computed + excluded.attempts_computed,
        attempts_computed_sum = p.attempts_computed_sum + excluded.attempts_computed_sum;
    INSERT INTO performance_excluded AS x
    SELECT agent, benchmark_id, period, start, reason, sum(weight)
    FROM performance_spread WHERE NOT is_attempt
    GROUP BY agent, benchmark_id, period, start, reason ORDER BY agent, benchmark_id, period, start, reason
    ON CONFLICT (agent, benchmark_id, period, start, reason) DO UPDATE SET executions = x.executions + excluded.executions;
    IF EXISTS (SELECT FROM performance_noted WHERE group_id IS NOT NULL AND weight < 0) THEN
        DELETE FROM performance WHERE executions = 0 AND agent IN (
            SELECT agent FROM performance_noted WHERE group_id IS NOT NULL AND weight < 0
        );
        DELETE FROM performance_excluded WHERE executions = 0 AND agent IN (
            SELECT agent FROM performance_noted WHERE group_id IS NOT NULL AND weight < 0
        );
    END IF;
    INSERT INTO performance_times AS t
    SELECT agent, benchmark_id, period, start,
           ceil(ln(greatest(execution_time_ms, 1)::double precision) / ln(1.02::double precision)) AS bucket, count(*)
    FROM performance_spread WHERE execution_time_ms IS NOT NULL
    GROUP BY agent, benchmark_id, period, start, bucket ORDER BY agent, benchmark_id, period, start, bucket
    ON CONFLICT (agent, benchmark_id, period, start, bucket) DO UPDATE SET executions = t.executions + excluded.executions;
END
$$;

CREATE FUNCTION add_up_figures() RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM performance_noted) THEN
        PERFORM pg_advisory_xact_lock(8243110937284436542);
        PERFORM add_up_noted_figures();
        PERFORM add_up_noted_performance();
        DELETE FROM performance_noted WHERE group_id IS NOT NULL;
    END IF;
END
$$;
COMMENT ON FUNCTION add_up_figures() IS
    'Adds all that is noted to the sums; what another one is adding up is in them when this returns';
