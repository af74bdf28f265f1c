-- How far an execution has come, how its runner started, why it was told to stop, and what outlived its end.
ALTER TYPE event_kind ADD VALUE 'PROGRESS';

ALTER TABLE benchmark_revisions ADD COLUMN step_count integer NOT NULL GENERATED ALWAYS AS (
    CASE WHEN jsonb_typeof(definition -> 'flow') = 'array' THEN greatest(jsonb_array_length(definition -> 'flow'), 1) ELSE 1 END
) STORED;
COMMENT ON COLUMN benchmark_revisions.step_count IS 'The steps of its flow; 1 for a benchmark that is no flow';

ALTER TABLE executions
    ADD COLUMN steps_total integer CHECK (steps_total > 0),
    ADD COLUMN steps_done integer CHECK (steps_done >= 0),
    ADD COLUMN startup_time_ms bigint CHECK (startup_time_ms >= 0),
    ADD COLUMN stop_reason text,
    ADD COLUMN leaked_processes jsonb;
COMMENT ON COLUMN executions.steps_done IS 'Null when nobody can say: the runner tells only when a whole flow is over';
COMMENT ON COLUMN executions.startup_time_ms IS
    'From the start of the runner process until the runner began; null until then. The time limit counts from there';
COMMENT ON COLUMN executions.stop_reason IS 'Why this program told it to stop by itself; null when a client asked';
COMMENT ON COLUMN executions.leaked_processes IS 'Processes of its runner that could not be ended: [{pid, name}]';
