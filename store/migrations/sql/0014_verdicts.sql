-- Whether an execution was solved, whether it says something about its agent, and figures of those that do.
ALTER TYPE failure_kind ADD VALUE 'ENDPOINT';

CREATE FUNCTION is_attempt(status execution_status, failure_kind failure_kind, startup_time_ms bigint) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE status
        WHEN 'SUCCEEDED' THEN true
        WHEN 'FAILED' THEN failure_kind IN ('BENCHMARK', 'AGENT')
        WHEN 'TIMED_OUT' THEN startup_time_ms IS NOT NULL
        WHEN 'STOPPED' THEN false
        WHEN 'LOST' THEN false
    END;
COMMENT ON FUNCTION is_attempt IS
    'Whether an ended execution says something about its agent; null before the end. Figures count nothing else';

ALTER TABLE executions
    ADD COLUMN solved boolean GENERATED ALWAYS AS (
        CASE WHEN scoring ->> 'score' IS NOT NULL THEN
            (scoring ->> 'score')::double precision = 1
            AND coalesce(NOT assertions @> '[{"outcome": "FAILED"}]'::jsonb, true)
        END
    ) STORED,
    ADD COLUMN is_attempt boolean GENERATED ALWAYS AS (is_attempt(status, failure_kind, startup_time_ms)) STORED;
COMMENT ON COLUMN executions.solved IS
    'The score computed here is 1 and no assertion FAILED; null where no score could be computed';

CREATE INDEX executions_of_solved ON executions (solved, queued_at DESC, id DESC);
CREATE INDEX executions_by_computed_score
    ON executions (coalesce(computed_score, -1) DESC, queued_at DESC, id DESC);
CREATE INDEX executions_by_computed_score_up
    ON executions (coalesce(computed_score, 'Infinity'), queued_at, id);

-- A new row's generated columns are not known yet when this looks at it.
CREATE OR REPLACE FUNCTION refuse_change_of_ended_execution() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_differ CONSTANT text[] := '{started_at,queued_at,computed_score,solved,is_attempt}';
BEGIN
    IF OLD.origin = 'OBSERVED' AND NEW.origin = 'OBSERVED' AND NEW.id = OLD.id AND is_terminal(NEW.status) AND (
        (OLD.session_file_hash IS NULL AND NEW.session_file_hash IS NOT NULL)
        OR (OLD.started_at IS NULL AND to_jsonb(NEW) - may_differ = to_jsonb(OLD) - may_differ)
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'execution % has ended as % and never changes again', OLD.id, OLD.status
        USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'ended_execution_never_changes';
END
$$;

ALTER TABLE performance
    ADD COLUMN attempts bigint NOT NULL DEFAULT 0,
    ADD COLUMN solved bigint NOT NULL DEFAULT 0,
    ADD COLUMN attempts_computed bigint NOT NULL DEFAULT 0,
    ADD COLUMN attempts_computed_sum double precision NOT NULL DEFAULT 0;
COMMENT ON COLUMN performance.attempts IS 'Executions that say something about the agent; solved are some of these';

CREATE TABLE performance_excluded (
    agent text NOT NULL,
    benchmark_id text NOT NULL,
    period performance_period NOT NULL,
    start date NOT NULL,
    reason text NOT NULL,
    executions bigint NOT NULL,
    PRIMARY KEY (agent, benchmark_id, period, start, reason)
);
COMMENT ON TABLE performance_excluded IS 'Ended executions that are no attempts, by why: STOPPED, LOST, or the kind of failure';

ALTER TABLE performance_noted
    ADD COLUMN failure_kind failure_kind,
    ADD COLUMN solved boolean,
    ADD COLUMN is_attempt boolean;

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
CROSS JOIN LATERAL (VALUES (noted.benchmark_id), ('')) AS scope (benchmark_id);

CREATE OR REPLACE FUNCTION note_performance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms,
                                       failure_kind, solved, is_attempt)
        VALUES (NEW.benchmark_id, NEW.agent, NEW.status, NEW.ended_at, NEW.score, NEW.computed_score,
                NEW.execution_time_ms, NEW.failure_kind, NEW.solved, NEW.is_attempt);
        IF is_terminal(OLD.status) THEN
            -- It had no result, so it counts and nothing more.
            INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, failure_kind, is_attempt, weight)
            VALUES (OLD.benchmark_id, OLD.agent, OLD.status, OLD.ended_at, OLD.failure_kind, OLD.is_attempt, -1);
        END IF;
        INSERT INTO performance_due DEFAULT VALUES ON CONFLICT DO NOTHING;
        RETURN NULL;
    END IF;
    INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms,
                                   failure_kind, solved, is_attempt)
    SELECT benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms, failure_kind, solved,
           is_attempt
    FROM inserted WHERE is_terminal(status);
    IF FOUND THEN
        INSERT INTO performance_due DEFAULT VALUES ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION add_up_performance() RETURNS trigger LANGUAGE plpgsql AS $$
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
    FROM performance_spread WHERE xid = NEW.xid
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
    FROM performance_spread WHERE xid = NEW.xid AND NOT is_attempt
    GROUP BY agent, benchmark_id, period, start, reason ORDER BY agent, benchmark_id, period, start, reason
    ON CONFLICT (agent, benchmark_id, period, start, reason) DO UPDATE SET executions = x.executions + excluded.executions;
    IF EXISTS (SELECT FROM performance_noted WHERE xid = NEW.xid AND weight < 0) THEN
        DELETE FROM performance WHERE executions = 0 AND agent IN (
            SELECT agent FROM performance_noted WHERE xid = NEW.xid AND weight < 0
        );
        DELETE FROM performance_excluded WHERE executions = 0 AND agent IN (
            SELECT agent FROM performance_noted WHERE xid = NEW.xid AND weight < 0
        );
    END IF;
    INSERT INTO performance_times AS t
    SELECT agent, benchmark_id, period, start,
           ceil(ln(greatest(execution_time_ms, 1)::double precision) / ln(1.02::double precision)) AS bucket, count(*)
    FROM performance_spread WHERE xid = NEW.xid AND execution_time_ms IS NOT NULL
    GROUP BY agent, benchmark_id, period, start, bucket ORDER BY agent, benchmark_id, period, start, bucket
    ON CONFLICT (agent, benchmark_id, period, start, bucket) DO UPDATE SET executions = t.executions + excluded.executions;
    DELETE FROM performance_noted WHERE xid = NEW.xid;
    DELETE FROM performance_due WHERE xid = NEW.xid;
    RETURN NULL;
END
$$;

-- The executions there are already. Nothing else is noted now: this transaction has locked their table.
INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, computed_score, failure_kind, solved, is_attempt)
SELECT benchmark_id, agent, status, ended_at, computed_score, failure_kind, solved, is_attempt
FROM executions WHERE is_terminal(status);
UPDATE performance AS p
SET attempts = s.attempts, solved = s.solved, attempts_computed = s.computed, attempts_computed_sum = s.computed_sum
FROM (
    SELECT benchmark_id, period, start, agent, count(*) AS attempts, count(*) FILTER (WHERE solved) AS solved,
           count(computed_score) AS computed, coalesce(sum(computed_score), 0) AS computed_sum
    FROM performance_spread WHERE is_attempt GROUP BY benchmark_id, period, start, agent
) AS s
WHERE (p.benchmark_id, p.period, p.start, p.agent) = (s.benchmark_id, s.period, s.start, s.agent);
INSERT INTO performance_excluded
SELECT agent, benchmark_id, period, start, reason, count(*)
FROM performance_spread WHERE NOT is_attempt GROUP BY agent, benchmark_id, period, start, reason;
TRUNCATE performance_noted;
