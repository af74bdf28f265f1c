-- The queue is the executions that wait. Their number is drawn when a row is inserted; older rows that no longer
-- wait need none.
CREATE SEQUENCE execution_queue_numbers;
ALTER TABLE executions ADD COLUMN queue_number bigint;
COMMENT ON COLUMN executions.queue_number IS
    'The order of requests: of two with the same priority the lower is taken first; null if the execution had left the queue before this column existed';

-- Those that have no place in the old queue come last.
UPDATE executions SET queue_number = waiting.number
FROM (
    SELECT id, nextval('execution_queue_numbers') AS number
    FROM (
        SELECT e.id FROM executions AS e
        LEFT JOIN pgqueuer AS q
            ON q.dedupe_key = e.id::text AND q.entrypoint = 'execution' AND q.status = 'queued'
        WHERE e.status = 'QUEUED'
        ORDER BY q.id NULLS LAST, e.queued_at, e.id
    ) AS in_order
) AS waiting
WHERE executions.id = waiting.id;
DROP TABLE pgqueuer, pgqueuer_log, pgqueuer_statistics, pgqueuer_schedules;
DROP FUNCTION fn_pgqueuer_changed();
DROP TYPE pgqueuer_status;

ALTER TABLE executions
    ALTER COLUMN queue_number SET DEFAULT nextval('execution_queue_numbers'),
    ADD CONSTRAINT waiting_has_a_number CHECK (status <> 'QUEUED' OR queue_number IS NOT NULL);
ALTER SEQUENCE execution_queue_numbers OWNED BY executions.queue_number;
CREATE INDEX executions_waiting ON executions (priority DESC, queue_number) WHERE status = 'QUEUED';
