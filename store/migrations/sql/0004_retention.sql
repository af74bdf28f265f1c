-- What retention has deleted of old ended executions, and how far it has come.

CREATE TABLE pruned_executions (
    execution_id uuid PRIMARY KEY REFERENCES executions ON DELETE CASCADE,
    pruned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    events integer NOT NULL,
    steps integer NOT NULL,
    tool_calls integer NOT NULL,
    results integer NOT NULL,
    output_bytes bigint NOT NULL
);
COMMENT ON TABLE pruned_executions IS
    'Executions whose bulk was deleted for its age: the row and its changes of status stay, and this says what is gone';

CREATE TABLE retention_progress (
    is_the_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_the_only_row),
    ended_at timestamptz NOT NULL,
    execution_id uuid NOT NULL
);
COMMENT ON TABLE retention_progress IS 'Every end up to this one has been pruned, in the order of (at, execution_id)';
INSERT INTO retention_progress (ended_at, execution_id) VALUES ('-infinity', '00000000-0000-0000-0000-000000000000');

-- Ends by age. An end is as old as its event: what was imported today is not old, whenever it ran.
CREATE INDEX execution_ends ON execution_events (at, execution_id) WHERE is_terminal(status);
