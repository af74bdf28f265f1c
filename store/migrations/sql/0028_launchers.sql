-- How the runner of an execution was started, and how it is found by those that cannot see its process.
ALTER TABLE executions ADD COLUMN launcher text, ADD COLUMN handle jsonb;
COMMENT ON COLUMN executions.launcher IS 'What its runner was started with; null before that, and for executions of before this column';
COMMENT ON COLUMN executions.handle IS 'How an engine finds its runner, stored before the engine is asked; null for a process beside its worker';
