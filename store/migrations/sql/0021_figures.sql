-- Sums and counts of attempts per agent, settings hash and benchmark revision, kept as those of performance are.
CREATE TABLE figure_groups (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent text NOT NULL,
    settings_hash text NOT NULL,
    benchmark_id text NOT NULL,
    benchmark_revision integer NOT NULL,
    model text,
    agent_revision integer,
    UNIQUE (agent, settings_hash, benchmark_id, benchmark_revision)
);
COMMENT ON TABLE figure_groups IS 'Whose attempts at which benchmark revision are summed up together; settings are never mixed';
COMMENT ON COLUMN figure_groups.settings_hash IS 'Empty without one';
COMMENT ON COLUMN figure_groups.benchmark_id IS 'Empty for all benchmarks together';
COMMENT ON COLUMN figure_groups.benchmark_revision IS '0 where it is not known, and for all benchmarks together';
COMMENT ON COLUMN figure_groups.model IS 'That of its first execution, as agent_revision';

CREATE TABLE figures (
    group_id integer NOT NULL,
    period performance_period NOT NULL,
    start date NOT NULL,
    executions bigint NOT NULL,
    attempts bigint NOT NULL,
    solved bigint NOT NULL,
    scored bigint NOT NULL,
    score_sum double precision NOT NULL,
    score_squares double precision NOT NULL,
    timed bigint NOT NULL,
    time_sum_ms double precision NOT NULL,
    input_tokens double precision,
    output_tokens double precision,
    cached_tokens double precision,
    reasoning_tokens double precision,
    priced bigint NOT NULL,
    priced_solved bigint NOT NULL,
    cost double precision NOT NULL,
    PRIMARY KEY (period, start, group_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE figures IS 'Sums over the attempts of a group that ended in a UTC period; of one benchmark revision each, because a mean over benchmarks is made of their means';
COMMENT ON COLUMN figures.executions IS 'All that ended, attempts or not; every other column is of attempts';

CREATE TABLE figure_counts (
    group_id integer NOT NULL,
    period performance_period NOT NULL,
    start date NOT NULL,
    what text NOT NULL,
    bucket smallint NOT NULL,
    executions bigint NOT NULL,
    total double precision NOT NULL,
    PRIMARY KEY (group_id, period, start, what, bucket)
) WITH (fillfactor = 70);
COMMENT ON TABLE figure_counts IS 'Attempts by SCORE (computed, in hundredths) and TIME (as performance_times), and what is no attempt by the reason; of days and all time, for all benchmarks together of all time only';
COMMENT ON COLUMN figure_counts.total IS 'The sum of the values in the bucket: their mean stands for each of them';

ALTER TABLE performance_noted
    ADD COLUMN settings_hash text,
    ADD COLUMN benchmark_revision integer,
    ADD COLUMN agent_revision integer,
    ADD COLUMN usage jsonb,
    ADD COLUMN group_id integer,
    ADD COLUMN group_of_all_id integer,
    ADD COLUMN is_of_figures_only boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN performance_noted.group_id IS 'Found just before the commit, in one order: two transactions do not wait for each other''s new groups';
COMMENT ON COLUMN performance_noted.is_of_figures_only IS 'What its model used became known after the end, which performance does not tell of';

CREATE OR REPLACE VIEW performance_spread AS
SELECT scope.benchmark_id, part.period, part.start, noted.agent, noted.status, noted.ended_at, noted.score,
       noted.computed_score, noted.execution_time_ms, noted.xid, noted.weight, noted.solved, noted.is_attempt,
       CASE noted.status WHEN 'FAILED' THEN noted.failure_kind::text WHEN 'TIMED_OUT' THEN 'TIMEOUT'
                         ELSE noted.status::text END AS reason
FROM performance_noted AS noted
CROSS JOIN LATERAL (SELECT (noted.ended_at AT TIME ZONE 'UTC')::date AS day) AS ended
CROSS JOIN LATERAL (VALUES
    ('DAY'::performance_period, ended.day), ('MONTH', date_trunc('month', ended.day::timestamp)::date), ('ALL', '-infinity')
) AS part (period, start)
CROSS JOIN LATERAL (VALUES (noted.benchmark_id), ('')) AS scope (benchmark_id)
WHERE NOT noted.is_of_figures_only;

CREATE FUNCTION note_for_performance(ended executions, weight integer, is_of_figures_only boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms,
                                   failure_kind, solved, is_attempt, settings_hash, benchmark_revision, agent_revision,
                                   usage, weight, is_of_figures_only)
    VALUES (ended.benchmark_id, ended.agent, ended.status, ended.ended_at, ended.score, ended.computed_score,
            ended.execution_time_ms, ended.failure_kind, ended.solved, ended.is_attempt, ended.settings_hash,
            ended.benchmark_revision, ended.agent_revision, ended.usage - 'final_text', $2, $3);
END
$$;

CREATE OR REPLACE FUNCTION note_performance() RETURNS trigger LANGUAGE plpgsql AS $$
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
        INSERT INTO performance_due DEFAULT VALUES ON CONFLICT DO NOTHING;
        RETURN NULL;
    END IF;
    INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms,
                                   failure_kind, solved, is_attempt, settings_hash, benchmark_revision, agent_revision,
                                   usage)
    SELECT benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms, failure_kind, solved,
           is_attempt, settings_hash, benchmark_revision, agent_revision, usage - 'final_text'
    FROM inserted WHERE is_terminal(status);
    IF FOUND THEN
        INSERT INTO performance_due DEFAULT VALUES ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION find_figure_groups(noted_by xid8) RETURNS void LANGUAGE plpgsql AS $$
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
    WHERE n.xid = noted_by AND n.group_id IS NULL;
END
$$;

CREATE FUNCTION add_up_figures(noted_by xid8) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM find_figure_groups(noted_by);
    IF EXISTS (SELECT FROM performance_noted WHERE xid = noted_by AND group_id IS NULL) THEN
        INSERT INTO figure_groups (agent, settings_hash, benchmark_id, benchmark_revision, model, agent_revision)
        SELECT DISTINCT ON (1, 2, 3, 4) n.agent, coalesce(n.settings_hash, ''), scope.benchmark_id, scope.revision,
               n.usage ->> 'model', n.agent_revision
        FROM performance_noted AS n
        CROSS JOIN LATERAL (
            VALUES (n.benchmark_id, coalesce(n.benchmark_revision, 0)), ('', 0)
        ) AS scope (benchmark_id, revision)
        WHERE n.xid = noted_by AND n.group_id IS NULL
        ORDER BY 1, 2, 3, 4
        ON CONFLICT DO NOTHING;
        PERFORM find_figure_groups(noted_by);
    END IF;

    INSERT INTO figures AS f
    SELECT group_id, period, start, sum(weight),
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
    WHERE xid = noted_by
    GROUP BY group_id, period, start ORDER BY period, start, group_id
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
    WHERE xid = noted_by AND value IS NOT NULL AND is_attempt = (what IN ('SCORE', 'TIME'))
    GROUP BY part.group_id, part.period, part.start, what, bucket
    ORDER BY part.group_id, part.period, part.start, what, bucket
    ON CONFLICT (group_id, period, start, what, bucket) DO UPDATE SET
        executions = c.executions + excluded.executions, total = c.total + excluded.total;

    IF EXISTS (SELECT FROM performance_noted WHERE xid = noted_by AND weight < 0) THEN
        DELETE FROM figures AS f
        USING performance_noted AS n
        CROSS JOIN LATERAL (SELECT (n.ended_at AT TIME ZONE 'UTC')::date AS day) AS ended
        CROSS JOIN LATERAL (VALUES
            ('DAY'::performance_period, ended.day), ('MONTH', date_trunc('month', ended.day::timestamp)::date),
            ('ALL', '-infinity')
        ) AS part (period, start)
        WHERE n.xid = noted_by AND n.weight < 0 AND f.executions = 0
          AND (f.period, f.start, f.group_id) = (part.period, part.start, n.group_id);
        DELETE FROM figure_counts AS c USING performance_noted AS n
        WHERE n.xid = noted_by AND n.weight < 0 AND c.executions = 0 AND c.group_id IN (n.group_id, n.group_of_all_id);
    END IF;
END
$$;

CREATE FUNCTION add_up_noted_figures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_up_figures(NEW.xid);
    RETURN NULL;
END
$$;
-- By its name before performance_before_commit, which deletes what was noted.
CREATE CONSTRAINT TRIGGER figures_before_commit AFTER INSERT ON performance_due
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION add_up_noted_figures();

CREATE TRIGGER figures_after_the_end AFTER UPDATE OF usage ON executions FOR EACH ROW
WHEN (is_terminal(OLD.status) AND OLD.session_file_hash IS NOT DISTINCT FROM NEW.session_file_hash
      AND OLD.usage IS DISTINCT FROM NEW.usage)
EXECUTE FUNCTION note_performance();

-- The executions there are already. Nothing else is noted now: this transaction has locked their table.
INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, computed_score, execution_time_ms, failure_kind,
                               solved, is_attempt, settings_hash, benchmark_revision, agent_revision, usage)
SELECT benchmark_id, agent, status, ended_at, computed_score, execution_time_ms, failure_kind, solved, is_attempt,
       settings_hash, benchmark_revision, agent_revision, usage - 'final_text'
FROM executions WHERE is_terminal(status);
SELECT add_up_figures(pg_current_xact_id());
TRUNCATE performance_noted;
