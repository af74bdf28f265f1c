-- An observed execution has no time limit of ours, and its files may name it otherwise than by a UUID.
ALTER TABLE executions ALTER COLUMN timeout_ms DROP NOT NULL;

CREATE TYPE runner_kind AS ENUM ('LOCAL', 'COMMAND');
COMMENT ON TYPE runner_kind IS 'LOCAL is our own runner, COMMAND the configured one; null for a runner that others started';

CREATE TABLE batches (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    size integer NOT NULL CHECK (size > 0),
    request jsonb NOT NULL,
    idempotency_key text,
    CONSTRAINT batch_idempotency_key_is_used_once UNIQUE (idempotency_key)
);
COMMENT ON TABLE batches IS 'Executions that were requested together; their progress is that of their executions';
COMMENT ON COLUMN batches.request IS 'What was asked for: a repeated idempotency key must ask for the same';

ALTER TABLE executions
    ADD COLUMN batch_id uuid REFERENCES batches (id),
    ADD COLUMN runner runner_kind,
    ADD COLUMN session_id text,
    ADD COLUMN computed_score double precision
        GENERATED ALWAYS AS ((scoring ->> 'score')::double precision) STORED,
    ADD CONSTRAINT session_is_imported_once UNIQUE (session_id),
    ADD CONSTRAINT requested_has_a_time_limit CHECK (origin <> 'REQUESTED' OR timeout_ms IS NOT NULL);
COMMENT ON COLUMN executions.session_id IS 'The session id of the files where it is not the execution''s own id';
COMMENT ON COLUMN executions.computed_score IS 'The score computed here, beside the one that the session file reports';

CREATE INDEX executions_of_batch ON executions (batch_id, queued_at DESC, id DESC) WHERE batch_id IS NOT NULL;
CREATE INDEX executions_rerun_of ON executions (rerun_of, queued_at DESC, id DESC) WHERE rerun_of IS NOT NULL;
CREATE INDEX executions_of_benchmark_and_agent ON executions (benchmark_id, agent, queued_at DESC, id DESC);
CREATE INDEX executions_of_status ON executions (status, queued_at DESC, id DESC);
CREATE INDEX executions_of_origin ON executions (origin, queued_at DESC, id DESC);
CREATE INDEX executions_of_failure ON executions (failure_kind, queued_at DESC, id DESC) WHERE failure_kind IS NOT NULL;
-- Each order both ways, with unknown values last in both: its key, then newest first (or oldest first) among equals.
CREATE INDEX executions_by_score ON executions (coalesce(score, -1) DESC, queued_at DESC, id DESC);
CREATE INDEX executions_by_score_up ON executions (coalesce(score, 'Infinity'), queued_at, id);
CREATE INDEX executions_by_time ON executions (coalesce(execution_time_ms, -1) DESC, queued_at DESC, id DESC);
CREATE INDEX executions_by_time_up ON executions (coalesce(execution_time_ms, 9223372036854775807), queued_at, id);

-- Agent performance is read from these two, which grow with agents, benchmarks and days, not with executions.
CREATE TYPE performance_period AS ENUM ('DAY', 'MONTH', 'ALL');
COMMENT ON TYPE performance_period IS 'A UTC day, a UTC month, or all time: any range of days is few of them';

CREATE TABLE performance (
    benchmark_id text NOT NULL,
    period performance_period NOT NULL,
    start date NOT NULL,
    agent text NOT NULL,
    executions bigint NOT NULL,
    succeeded bigint NOT NULL,
    failed bigint NOT NULL,
    timed_out bigint NOT NULL,
    stopped bigint NOT NULL,
    lost bigint NOT NULL,
    scored bigint NOT NULL,
    score_sum double precision NOT NULL,
    score_best double precision,
    score_latest double precision,
    score_latest_at timestamptz,
    computed bigint NOT NULL,
    computed_sum double precision NOT NULL,
    computed_best double precision,
    computed_latest double precision,
    computed_latest_at timestamptz,
    timed bigint NOT NULL,
    time_sum_ms double precision NOT NULL,
    PRIMARY KEY (benchmark_id, period, start, agent)
) WITH (fillfactor = 70);
CREATE INDEX performance_of_pairs ON performance (period, start) WHERE benchmark_id <> '';
COMMENT ON TABLE performance IS
    'Ended executions per agent, benchmark and UTC period of their end; executions minus scored (computed, timed) is '
    'what is missing';
COMMENT ON COLUMN performance.benchmark_id IS 'Empty in the rows that hold all benchmarks of an agent together';
COMMENT ON COLUMN performance.start IS 'First day of the period; -infinity for all time';
COMMENT ON COLUMN performance.time_sum_ms IS 'Not an integer: no time that a file may claim can overflow it';

CREATE TABLE performance_times (
    agent text NOT NULL,
    benchmark_id text NOT NULL,
    period performance_period NOT NULL,
    start date NOT NULL,
    bucket smallint NOT NULL,
    executions bigint NOT NULL,
    PRIMARY KEY (agent, benchmark_id, period, start, bucket) INCLUDE (executions)
);
COMMENT ON COLUMN performance_times.bucket IS
    'ceil(ln(execution_time_ms) / ln(1.02)), 0 for a millisecond or less: a percentile read from it is at most 2 % too '
    'high';

-- What ended in a transaction is noted here and added up once, just before its commit, always in the same order: rows
-- that many share are locked for a moment only, and two transactions that end many executions never deadlock.
-- Committed, both are empty.
CREATE UNLOGGED TABLE performance_noted (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    benchmark_id text NOT NULL,
    agent text NOT NULL,
    status execution_status NOT NULL,
    ended_at timestamptz NOT NULL,
    score double precision,
    computed_score double precision,
    execution_time_ms bigint
);
CREATE INDEX performance_noted_by ON performance_noted (xid);
CREATE UNLOGGED TABLE performance_due (xid xid8 PRIMARY KEY DEFAULT pg_current_xact_id());

CREATE FUNCTION note_performance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms)
        VALUES (NEW.benchmark_id, NEW.agent, NEW.status, NEW.ended_at, NEW.score, NEW.computed_score,
                NEW.execution_time_ms);
    ELSE
        INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms)
        SELECT benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms
        FROM inserted WHERE is_terminal(status);
    END IF;
    IF FOUND THEN
        INSERT INTO performance_due DEFAULT VALUES ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER performance_at_the_end AFTER UPDATE ON executions
    FOR EACH ROW WHEN (is_terminal(NEW.status) AND NOT is_terminal(OLD.status)) EXECUTE FUNCTION note_performance();
CREATE TRIGGER performance_of_ended AFTER INSERT ON executions REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION note_performance();

CREATE VIEW performance_spread AS
SELECT scope.benchmark_id, part.period, part.start, noted.agent, noted.status, noted.ended_at, noted.score,
       noted.computed_score, noted.execution_time_ms, noted.xid
FROM performance_noted AS noted
CROSS JOIN LATERAL (SELECT (noted.ended_at AT TIME ZONE 'UTC')::date AS day) AS ended
CROSS JOIN LATERAL (VALUES
    ('DAY'::performance_period, ended.day), ('MONTH', date_trunc('month', ended.day::timestamp)::date), ('ALL', '-infinity')
) AS part (period, start)
CROSS JOIN LATERAL (VALUES (noted.benchmark_id), ('')) AS scope (benchmark_id);
COMMENT ON VIEW performance_spread IS 'Each noted execution once per row of performance that it belongs to';

CREATE FUNCTION add_up_performance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO performance AS p
    SELECT benchmark_id, period, start, agent, count(*),
           count(*) FILTER (WHERE status = 'SUCCEEDED'), count(*) FILTER (WHERE status = 'FAILED'),
           count(*) FILTER (WHERE status = 'TIMED_OUT'), count(*) FILTER (WHERE status = 'STOPPED'),
           count(*) FILTER (WHERE status = 'LOST'),
           count(score), coalesce(sum(score), 0), max(score),
           (array_agg(score ORDER BY ended_at DESC) FILTER (WHERE score IS NOT NULL))[1],
           max(ended_at) FILTER (WHERE score IS NOT NULL),
           count(computed_score), coalesce(sum(computed_score), 0), max(computed_score),
           (array_agg(computed_score ORDER BY ended_at DESC) FILTER (WHERE computed_score IS NOT NULL))[1],
           max(ended_at) FILTER (WHERE computed_score IS NOT NULL),
           count(execution_time_ms), coalesce(sum(execution_time_ms::double precision), 0)
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
        time_sum_ms = p.time_sum_ms + excluded.time_sum_ms;
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
CREATE CONSTRAINT TRIGGER performance_before_commit AFTER INSERT ON performance_due
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION add_up_performance();

CREATE TABLE agent_configs (
    agent text PRIMARY KEY CHECK (agent ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$'),
    api_url text,
    model text,
    encrypted_api_key bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON COLUMN agent_configs.encrypted_api_key IS 'Encrypted with the server''s secret key, which is not in the database';

CREATE TABLE execution_output (
    execution_id uuid NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    start_offset bigint NOT NULL CHECK (start_offset >= 0),
    content bytea NOT NULL,
    PRIMARY KEY (execution_id, start_offset)
);
COMMENT ON TABLE execution_output IS 'What a runner printed, in pieces that follow each other without a gap; capped by the worker';

CREATE TABLE benchmark_changes (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    benchmark_id text NOT NULL,
    revision integer NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('CREATED', 'UPDATED', 'ARCHIVED')),
    PRIMARY KEY (xid, seq)
);
COMMENT ON TABLE benchmark_changes IS 'What syncs and upserts did, for subscribers; read below the oldest running transaction only';
