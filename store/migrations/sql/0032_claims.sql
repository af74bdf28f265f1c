-- An end adds up its figures before it waits for its place in the log: whoever has that place keeps all others who
-- commit an event waiting.

CREATE FUNCTION add_up_noted_performance(noted_by xid8) RETURNS void
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
    FROM performance_spread WHERE xid = noted_by
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
    FROM performance_spread WHERE xid = noted_by AND NOT is_attempt
    GROUP BY agent, benchmark_id, period, start, reason ORDER BY agent, benchmark_id, period, start, reason
    ON CONFLICT (agent, benchmark_id, period, start, reason) DO UPDATE SET executions = x.executions + excluded.executions;
    IF EXISTS (SELECT FROM performance_noted WHERE xid = noted_by AND weight < 0) THEN
        DELETE FROM performance WHERE executions = 0 AND agent IN (
            SELECT agent FROM performance_noted WHERE xid = noted_by AND weight < 0
        );
        DELETE FROM performance_excluded WHERE executions = 0 AND agent IN (
            SELECT agent FROM performance_noted WHERE xid = noted_by AND weight < 0
        );
    END IF;
    INSERT INTO performance_times AS t
    SELECT agent, benchmark_id, period, start,
           ceil(ln(greatest(execution_time_ms, 1)::double precision) / ln(1.02::double precision)) AS bucket, count(*)
    FROM performance_spread WHERE xid = noted_by AND execution_time_ms IS NOT NULL
    GROUP BY agent, benchmark_id, period, start, bucket ORDER BY agent, benchmark_id, period, start, bucket
    ON CONFLICT (agent, benchmark_id, period, start, bucket) DO UPDATE SET executions = t.executions + excluded.executions;
    DELETE FROM performance_noted WHERE xid = noted_by;
    DELETE FROM performance_due WHERE xid = noted_by;
END
$$;

CREATE OR REPLACE FUNCTION add_up_performance() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM performance_due WHERE xid = NEW.xid) THEN
        PERFORM add_up_noted_performance(NEW.xid);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION add_up_noted_figures() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM performance_due WHERE xid = NEW.xid) THEN
        PERFORM add_up_figures(NEW.xid);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION next_log_position() RETURNS bigint
    LANGUAGE plpgsql AS $$
DECLARE
    mine CONSTANT xid8 := pg_current_xact_id();
BEGIN
    IF EXISTS (SELECT FROM performance_due WHERE xid = mine) THEN
        PERFORM add_up_figures(mine);
        PERFORM add_up_noted_performance(mine);
    END IF;
    PERFORM pg_advisory_xact_lock(8243110937284436533);
    RETURN nextval('log_position');
END
$$;

-- A worker that finishes takes nothing more: its capacity is 0.
ALTER TABLE workers DROP CONSTRAINT workers_capacity_check, ADD CONSTRAINT workers_capacity_check CHECK (capacity >= 0);

-- One notification for a request of many, which says how many they are: as many workers look at once.
CREATE FUNCTION notify_requests() RETURNS trigger
    LANGUAGE plpgsql AS $$
DECLARE
    waiting CONSTANT bigint := (SELECT count(*) FROM inserted WHERE status = 'QUEUED');
BEGIN
    IF waiting > 0 THEN
        PERFORM pg_notify('reev_gql_queue', concat_ws(' ', '+', pg_current_xact_id(), waiting));
    END IF;
    RETURN NULL;
END
$$;

DROP TRIGGER queue_has_more ON executions;
CREATE TRIGGER queue_has_more AFTER INSERT ON executions REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION notify_requests();
