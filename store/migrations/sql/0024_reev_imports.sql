-- Imports of reev databases that servers carry out: every server knows them, also after the one at work has ended.
CREATE TABLE reev_imports (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    path text NOT NULL,
    dry_run boolean NOT NULL,
    state text NOT NULL DEFAULT 'RUNNING' CHECK (state IN ('RUNNING', 'COMPLETED', 'FAILED')),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    problem text,
    report jsonb,
    CHECK ((state = 'RUNNING') = (ended_at IS NULL)),
    CHECK ((state = 'FAILED') = (problem IS NOT NULL))
);
CREATE UNIQUE INDEX one_import_at_a_time ON reev_imports ((true)) WHERE state = 'RUNNING';

COMMENT ON TABLE reev_imports IS 'The last imports of reev databases that were asked for over the API';
COMMENT ON COLUMN reev_imports.heartbeat_at IS 'Written by the server that carries it out: when it is old, that server is gone';
COMMENT ON COLUMN reev_imports.report IS 'What was done so far, as runner_bridge.moving_in.report has it';
