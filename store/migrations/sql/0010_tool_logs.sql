-- What tool logs tell beside their calls, in whatever order the files of a session arrive.

CREATE TABLE execution_tool_logs (
    execution_id uuid PRIMARY KEY REFERENCES executions ON DELETE CASCADE,
    file text NOT NULL,
    bytes bigint NOT NULL CHECK (bytes >= 0),
    content_hash text NOT NULL CHECK (content_hash ~ '^[0-9a-f]{64}$'),
    is_finished boolean NOT NULL,
    first_at timestamptz,
    last_at timestamptz,
    prompt text,
    prompt_is_truncated boolean NOT NULL,
    prompts jsonb NOT NULL,
    remarks jsonb NOT NULL
);
COMMENT ON TABLE execution_tool_logs IS
    'The tool log of an execution as far as it was read; its calls are in execution_tool_calls';
COMMENT ON COLUMN execution_tool_logs.bytes IS 'Bytes of the file that were read; content_hash is of these';
COMMENT ON COLUMN execution_tool_logs.is_finished IS 'Whether its last line was taken, also without an end of line';
COMMENT ON COLUMN execution_tool_logs.first_at IS 'The earliest time that a line tells of; last_at the latest';
COMMENT ON COLUMN execution_tool_logs.prompt IS 'The prompt of the execution where no session file tells one';
COMMENT ON COLUMN execution_tool_logs.remarks IS
    'What of the file was not used, or not as it stands: [{kind, line, message}], at most some thousand';

CREATE TABLE execution_tool_log_text (
    execution_id uuid NOT NULL REFERENCES executions ON DELETE CASCADE,
    start_offset bigint NOT NULL CHECK (start_offset >= 0),
    content bytea NOT NULL,
    PRIMARY KEY (execution_id, start_offset)
);
COMMENT ON TABLE execution_tool_log_text IS
    'The lines of tool logs as they stand, secrets excluded, in pieces that follow each other without a gap';

ALTER TABLE pruned_executions ADD COLUMN tool_log_bytes bigint NOT NULL DEFAULT 0;

-- A bad line of a tool log is named as a bad file is.
ALTER TABLE ingest_failures ADD COLUMN line integer CHECK (line > 0);
DROP INDEX failure_is_recorded_once;
CREATE UNIQUE INDEX failure_is_recorded_once
    ON ingest_failures (md5(host || chr(10) || directory || chr(10) || file), coalesce(line, 0));
COMMENT ON TABLE ingest_failures IS
    'Files and lines of tool logs that cannot be used, the newest of them; what becomes good or goes is taken out';

-- An observed execution that was given up without a result is ended by its session file all the same, once it is
-- there. Then the event of the first end is marked as superseded. Nothing else that has ended changes, but the start
-- of an observed execution that only its tool log tells.
CREATE OR REPLACE FUNCTION refuse_change_of_ended_execution() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    times CONSTANT text[] := '{started_at,queued_at,computed_score}';
BEGIN
    IF OLD.origin = 'OBSERVED' AND NEW.origin = 'OBSERVED' AND NEW.id = OLD.id AND is_terminal(NEW.status) AND (
        (OLD.session_file_hash IS NULL AND NEW.session_file_hash IS NOT NULL)
        OR (OLD.started_at IS NULL AND to_jsonb(NEW) - times = to_jsonb(OLD) - times)
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'execution % has ended as % and never changes again', OLD.id, OLD.status
        USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'ended_execution_never_changes';
END
$$;

DROP INDEX one_terminal_event;
CREATE UNIQUE INDEX one_terminal_event
    ON execution_events (execution_id) WHERE is_terminal(status) AND NOT data ? 'superseded';

-- An execution whose end is superseded is taken out of the figures as it was, and added as it is.
ALTER TABLE performance_noted ADD COLUMN weight integer NOT NULL DEFAULT 1;

DROP TRIGGER performance_at_the_end ON executions;
CREATE OR REPLACE FUNCTION note_performance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms)
        VALUES (NEW.benchmark_id, NEW.agent, NEW.status, NEW.ended_at, NEW.score, NEW.computed_score,
                NEW.execution_time_ms);
        IF is_terminal(OLD.status) THEN
            -- It had no result, so it counts and nothing more.
            INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, weight)
            VALUES (OLD.benchmark_id, OLD.agent, OLD.status, OLD.ended_at, -1);
        END IF;
        INSERT INTO performance_due DEFAULT VALUES ON CONFLICT DO NOTHING;
        RETURN NULL;
    END IF;
    INSERT INTO performance_noted (benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms)
    SELECT benchmark_id, agent, status, ended_at, score, computed_score, execution_time_ms
    FROM inserted WHERE is_terminal(status);
    IF FOUND THEN
        INSERT INTO performance_due DEFAULT VALUES ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER performance_at_the_end AFTER UPDATE ON executions
    FOR EACH ROW WHEN (is_terminal(NEW.status) AND (
        NOT is_terminal(OLD.status) OR OLD.session_file_hash IS DISTINCT FROM NEW.session_file_hash
    )) EXECUTE FUNCTION note_performance();

CREATE OR REPLACE VIEW performance_spread AS
SELECT scope.benchmark_id, part.period, part.start, noted.agent, noted.status, noted.ended_at, noted.score,
       noted.computed_score, noted.execution_time_ms, noted.xid, noted.weight
FROM performance_noted AS noted
CROSS JOIN LATERAL (SELECT (noted.ended_at AT TIME ZONE 'UTC')::date AS day) AS ended
CROSS JOIN LATERAL (VALUES
    ('DAY'::performance_period, ended.day), ('MONTH', date_trunc('month', ended.day::timestamp)::date), ('ALL', '-infinity')
) AS part (period, start)
CROSS JOIN LATERAL (VALUES (noted.benchmark_id), ('')) AS scope (benchmark_id);

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
    IF EXISTS (SELECT FROM performance_noted WHERE xid = NEW.xid AND weight < 0) THEN
        DELETE FROM performance WHERE executions = 0 AND agent IN (
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
