-- Every change of an agent's configuration is a revision, so that an execution can name what it used.
CREATE TABLE agent_revisions (
    agent text NOT NULL CHECK (agent ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$'),
    number integer NOT NULL CHECK (number > 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    api_url text,
    model text,
    settings jsonb NOT NULL,
    settings_hash text,
    PRIMARY KEY (agent, number)
);
COMMENT ON TABLE agent_revisions IS 'How an agent reached and asked its model, one row per change; never changed, and kept when the configuration is deleted';
COMMENT ON COLUMN agent_revisions.settings_hash IS 'Of the settings with prompt and tools of the program that saved them; null where it is not known';

INSERT INTO agent_revisions (agent, number, created_at, api_url, model, settings)
SELECT agent, 1, updated_at, api_url, model, '{}' FROM agent_configs;

ALTER TABLE agent_configs ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD FOREIGN KEY (agent, revision) REFERENCES agent_revisions, DROP COLUMN api_url, DROP COLUMN model;
ALTER TABLE agent_configs ALTER COLUMN revision DROP DEFAULT;

ALTER TABLE executions ADD COLUMN agent_revision integer,
    ADD FOREIGN KEY (agent, agent_revision) REFERENCES agent_revisions;
COMMENT ON COLUMN executions.agent_revision IS 'The revision of the agent''s configuration that its runner was started with; null without one';
