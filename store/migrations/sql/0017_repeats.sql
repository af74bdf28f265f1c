-- Agents are stochastic: a batch may repeat each benchmark with each agent, and has a name, a note and tags.
ALTER TABLE executions ADD COLUMN trial integer NOT NULL DEFAULT 1 CHECK (trial > 0);
COMMENT ON COLUMN executions.trial IS 'Its number among the repeats of its benchmark and agent in its batch';

ALTER TABLE batches
    ADD COLUMN name text,
    ADD COLUMN note text,
    ADD COLUMN tags text[] NOT NULL DEFAULT '{}';
CREATE INDEX batches_newest ON batches (requested_at DESC, id DESC);
