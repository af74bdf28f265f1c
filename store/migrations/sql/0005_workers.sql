CREATE TABLE workers (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    machine_id text NOT NULL,
    boot_id text NOT NULL,
    sessions_dir text NOT NULL,
    process_id integer NOT NULL,
    process_started_at double precision NOT NULL,
    capacity integer NOT NULL CHECK (capacity > 0),
    version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    left_at timestamptz
);
CREATE INDEX workers_present ON workers (heartbeat_at) WHERE left_at IS NULL;
COMMENT ON TABLE workers IS 'Every worker process there was; those whose heartbeat is fresh are at work';
COMMENT ON COLUMN workers.host IS 'The name of its machine, for people';
COMMENT ON COLUMN workers.boot_id IS 'Within which its pids mean something: one boot of one machine, one pid namespace';
COMMENT ON COLUMN workers.sessions_dir IS 'Where its runners write; resolved';
COMMENT ON COLUMN workers.process_started_at IS 'Start time of its process by its host''s own clock since boot';
COMMENT ON COLUMN workers.capacity IS 'How many executions it runs at once at most';
COMMENT ON COLUMN workers.left_at IS 'When it left, or was given up; null again should it come back';

-- Workers of before had names that nothing else knows; what one of them still runs is taken over by pid or marker.
ALTER TABLE executions
    ALTER COLUMN worker_id TYPE uuid USING NULL,
    ADD COLUMN priority integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT worker_is_known FOREIGN KEY (worker_id) REFERENCES workers (id);
COMMENT ON COLUMN executions.worker_id IS 'Whose it is, or was when it ended: nobody else may write about it';
COMMENT ON COLUMN executions.priority IS 'The higher is taken first; equal ones in the order of their requests';

-- A place in the queue is named after its execution, so there is never a second one; it is there while that waits.
UPDATE executions SET priority = q.priority FROM pgqueuer AS q
WHERE convert_from(q.payload, 'UTF8') = executions.id::text AND executions.status = 'QUEUED';
DELETE FROM pgqueuer WHERE status <> 'queued';
UPDATE pgqueuer SET dedupe_key = convert_from(payload, 'UTF8');
DELETE FROM pgqueuer_log;
