-- An observed execution has no time limit of ours, and its files may name it otherwise than by a UUID.
ALTER TABLE executions ALTER COLUMN timeout_ms DROP NOT NULL;

CREATE TYPE runner_kind AS ENUM ('LOCAL', 'COMMAND');
COMMENT ON TYPE runner_kind IS 'LOCAL is our own runner, COMMAND the configured one; null for a runner that others started';

CREATE TABLE batches (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    size integer NOT NULL CHECK (size > 0),
    idempotency_key text,
    CONSTRAINT batch_idempotency_key_is_used_once UNIQUE (idempotency_key)
);
COMMENT ON TABLE batches IS 'Executions that were requested together; their progress is that of their executions';

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
CREATE INDEX executions_of_benchmark_and_agent ON executions (benchmark_id, agent, queued_at DESC, id DESC);
CREATE INDEX executions_of_status ON executions (status, queued_at DESC, id DESC);
CREATE INDEX executions_by_score ON executions (coalesce(score, -1) DESC, id DESC);
CREATE INDEX executions_by_duration ON executions (coalesce(execution_time_ms, -1) DESC, id DESC);

-- Agent performance is read from these two, which grow with days and not with executions.
CREATE TABLE performance_by_day (
    agent text NOT NULL,
    benchmark_id text NOT NULL,
    day date NOT NULL,
    executions integer NOT NULL DEFAULT 0,
    succeeded integer NOT NULL DEFAULT 0,
    scored integer NOT NULL DEFAULT 0,
    score_sum double precision NOT NULL DEFAULT 0,
    score_best double precision,
    computed integer NOT NULL DEFAULT 0,
    computed_sum double precision NOT NULL DEFAULT 0,
    computed_best double precision,
    timed integer NOT NULL DEFAULT 0,
    time_sum_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (agent, benchmark_id, day)
);
COMMENT ON TABLE performance_by_day IS
    'Ended executions per agent, benchmark and UTC day of their end; executions minus scored (computed, timed) is what is missing';

CREATE TABLE performance_times (
    agent text NOT NULL,
    benchmark_id text NOT NULL,
    day date NOT NULL,
    bucket smallint NOT NULL,
    executions integer NOT NULL,
    PRIMARY KEY (agent, benchmark_id, day, bucket)
);
COMMENT ON COLUMN performance_times.bucket IS
    'ceil(ln(execution_time_ms) / ln(1.02)), 0 for less than a millisecond: a percentile read from it is at most 2 % too high';

CREATE FUNCTION record_performance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended_day date := (NEW.ended_at AT TIME ZONE 'UTC')::date;
BEGIN
    INSERT INTO performance_by_day AS p (agent, benchmark_id, day, executions, succeeded, scored, score_sum, score_best,
                                         computed, computed_sum, computed_best, timed, time_sum_ms)
    VALUES (NEW.agent, NEW.benchmark_id, ended_day, 1, (NEW.status = 'SUCCEEDED')::integer,
            (NEW.score IS NOT NULL)::integer, coalesce(NEW.score, 0), NEW.score,
            (NEW.computed_score IS NOT NULL)::integer, coalesce(NEW.computed_score, 0), NEW.computed_score,
            (NEW.execution_time_ms IS NOT NULL)::integer, coalesce(NEW.execution_time_ms, 0))
    ON CONFLICT (agent, benchmark_id, day) DO UPDATE SET
        executions = p.executions + 1,
        succeeded = p.succeeded + excluded.succeeded,
        scored = p.scored + excluded.scored,
        score_sum = p.score_sum + excluded.score_sum,
        score_best = greatest(p.score_best, excluded.score_best),
        computed = p.computed + excluded.computed,
        computed_sum = p.computed_sum + excluded.computed_sum,
        computed_best = greatest(p.computed_best, excluded.computed_best),
        timed = p.timed + excluded.timed,
        time_sum_ms = p.time_sum_ms + excluded.time_sum_ms;
    IF NEW.execution_time_ms IS NOT NULL THEN
        INSERT INTO performance_times AS t (agent, benchmark_id, day, bucket, executions)
        VALUES (NEW.agent, NEW.benchmark_id, ended_day,
                ceil(ln(greatest(NEW.execution_time_ms, 1)) / ln(1.02)), 1)
        ON CONFLICT (agent, benchmark_id, day, bucket) DO UPDATE SET executions = t.executions + 1;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER record_performance_at_the_end AFTER UPDATE ON executions
    FOR EACH ROW WHEN (is_terminal(NEW.status) AND NOT is_terminal(OLD.status)) EXECUTE FUNCTION record_performance();
CREATE TRIGGER record_performance_of_ended AFTER INSERT ON executions
    FOR EACH ROW WHEN (is_terminal(NEW.status)) EXECUTE FUNCTION record_performance();

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
