CREATE TYPE execution_status AS ENUM (
    'QUEUED', 'RUNNING', 'STOPPING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'STOPPED', 'LOST'
);
COMMENT ON TYPE execution_status IS
    'QUEUED waits for a worker; RUNNING has a runner; STOPPING was told to stop and something of it still lives; '
    'SUCCEEDED and FAILED have a result or a reason; TIMED_OUT, STOPPED and LOST ended without one. '
    'The last five are terminal.';

CREATE TYPE failure_kind AS ENUM (
    'LAUNCH', 'RUNNER_EXIT', 'RESULT_MISSING', 'RESULT_UNREADABLE', 'RESULT_MISMATCH',
    'BENCHMARK', 'AGENT', 'NOT_RUNNABLE', 'TIMEOUT', 'LOST'
);
CREATE TYPE execution_origin AS ENUM ('REQUESTED', 'OBSERVED');
CREATE TYPE event_kind AS ENUM ('STATUS_CHANGED', 'TOOL_CALL_STARTED', 'TOOL_CALL_ENDED');
CREATE TYPE tool_call_status AS ENUM ('SUCCESS', 'ERROR', 'TIMEOUT', 'UNFINISHED');

CREATE FUNCTION is_terminal(status execution_status) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN status NOT IN ('QUEUED', 'RUNNING', 'STOPPING');

CREATE TABLE benchmarks (
    id text PRIMARY KEY,
    current_revision integer NOT NULL,
    source_path text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    archived_at timestamptz,
    CONSTRAINT benchmark_id_is_safe CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$')
);
COMMENT ON COLUMN benchmarks.source_path IS
    'File name inside the benchmarks directory; null for a definition that came over the API, which a sync never archives';

CREATE TABLE benchmark_revisions (
    benchmark_id text NOT NULL REFERENCES benchmarks (id) ON DELETE CASCADE,
    revision integer NOT NULL CHECK (revision > 0),
    content_hash text NOT NULL CHECK (content_hash ~ '^[0-9a-f]{64}$'),
    description text NOT NULL,
    prompt text NOT NULL,
    tags text[] NOT NULL,
    source text NOT NULL,
    definition jsonb NOT NULL,
    remarks jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (benchmark_id, revision)
);

ALTER TABLE benchmarks ADD CONSTRAINT current_revision_exists
    FOREIGN KEY (id, current_revision) REFERENCES benchmark_revisions (benchmark_id, revision)
    DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE executions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    benchmark_id text NOT NULL,
    benchmark_revision integer,
    agent text NOT NULL,
    origin execution_origin NOT NULL DEFAULT 'REQUESTED',
    status execution_status NOT NULL DEFAULT 'QUEUED',
    event_seq integer NOT NULL DEFAULT 0,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    ended_at timestamptz,
    last_activity_at timestamptz,
    stop_requested_at timestamptz,
    timeout_ms integer NOT NULL CHECK (timeout_ms > 0),
    execution_time_ms bigint CHECK (execution_time_ms >= 0),
    failure_kind failure_kind,
    failure_message text,
    exit_code integer,
    exit_signal text,
    success boolean,
    score double precision CHECK (score >= 0 AND score <= 100),
    scoring jsonb,
    assertions jsonb,
    worker_id text,
    process_id integer,
    process_started_at double precision,
    idempotency_key text,
    rerun_of uuid,
    session_file_hash text,
    CONSTRAINT idempotency_key_is_used_once UNIQUE (idempotency_key),
    CONSTRAINT revision_exists FOREIGN KEY (benchmark_id, benchmark_revision)
        REFERENCES benchmark_revisions (benchmark_id, revision),
    CONSTRAINT ended_exactly_when_terminal CHECK (is_terminal(status) = (ended_at IS NOT NULL)),
    CONSTRAINT running_has_started CHECK (status <> 'RUNNING' OR started_at IS NOT NULL),
    CONSTRAINT bad_end_is_explained CHECK (
        (status IN ('FAILED', 'TIMED_OUT', 'LOST')) = (failure_kind IS NOT NULL)
        AND (failure_kind IS NULL) = (failure_message IS NULL)
    ),
    CONSTRAINT times_in_order CHECK (started_at >= queued_at AND ended_at >= coalesce(started_at, queued_at))
);
COMMENT ON COLUMN executions.event_seq IS 'seq of the newest event; taken under the row lock, so events have no holes';
COMMENT ON COLUMN executions.process_started_at IS
    'Start time of the runner process by its host''s own clock since boot: a pid means nothing without it';
COMMENT ON COLUMN executions.execution_time_ms IS 'Measured on a monotonic clock by the worker; null when unknown';

CREATE INDEX executions_newest ON executions (queued_at DESC, id DESC);
CREATE INDEX executions_of_benchmark ON executions (benchmark_id, queued_at DESC, id DESC);
CREATE INDEX executions_of_agent ON executions (agent, queued_at DESC, id DESC);
CREATE INDEX executions_live ON executions (status, queued_at) WHERE NOT is_terminal(status);

CREATE FUNCTION refuse_change_of_ended_execution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'execution % has ended as % and never changes again', OLD.id, OLD.status
        USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'ended_execution_never_changes';
END
$$;
CREATE TRIGGER ended_execution_never_changes BEFORE UPDATE ON executions
    FOR EACH ROW WHEN (is_terminal(OLD.status)) EXECUTE FUNCTION refuse_change_of_ended_execution();

CREATE TABLE execution_events (
    execution_id uuid NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    seq integer NOT NULL CHECK (seq > 0),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind event_kind NOT NULL,
    status execution_status,
    data jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (execution_id, seq),
    CONSTRAINT status_exactly_when_changed CHECK ((kind = 'STATUS_CHANGED') = (status IS NOT NULL))
);
CREATE INDEX execution_events_in_order ON execution_events (xid, execution_id, seq);
CREATE UNIQUE INDEX one_terminal_event ON execution_events (execution_id) WHERE is_terminal(status);

CREATE TABLE execution_results (
    execution_id uuid PRIMARY KEY REFERENCES executions (id) ON DELETE CASCADE,
    content_hash text NOT NULL,
    prompt text,
    session jsonb NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE execution_results IS 'The session file of an execution as it was read, steps excluded; at most one each';

CREATE TABLE execution_steps (
    execution_id uuid NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    ordinal integer NOT NULL CHECK (ordinal > 0),
    thought text,
    action jsonb,
    observation jsonb,
    info jsonb,
    PRIMARY KEY (execution_id, ordinal)
);

CREATE TABLE execution_tool_calls (
    execution_id uuid NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    ordinal integer NOT NULL CHECK (ordinal > 0),
    name text NOT NULL,
    raw_name text NOT NULL,
    status tool_call_status NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    duration_ms bigint CHECK (duration_ms >= 0),
    params jsonb,
    result jsonb,
    error_message text,
    PRIMARY KEY (execution_id, ordinal)
);

-- Until 0012 the library PgQueuer made the queue's tables. This is as much of them as the migrations up to 0012 use.
CREATE TYPE pgqueuer_status AS ENUM ('queued', 'picked', 'successful', 'exception', 'canceled', 'deleted', 'failed');
CREATE TABLE pgqueuer (
    id bigserial PRIMARY KEY,
    priority integer NOT NULL,
    status pgqueuer_status NOT NULL,
    entrypoint text NOT NULL,
    dedupe_key text,
    payload bytea
);
CREATE TABLE pgqueuer_log ();
CREATE TABLE pgqueuer_schedules ();
CREATE TABLE pgqueuer_statistics ();
CREATE FUNCTION fn_pgqueuer_changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
