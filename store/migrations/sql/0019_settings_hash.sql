-- Which settings an execution's model was asked with, so that figures of two settings never share a number.
ALTER TABLE executions ADD COLUMN settings_hash text;
COMMENT ON COLUMN executions.settings_hash IS
    'Of the settings that its model was asked with; null without a model, and where nothing is known of it';

CREATE FUNCTION settings_hash(usage jsonb, execution_agent text, agent_revision integer) RETURNS text
    LANGUAGE sql STABLE
    -- Files may say anything: what is too long for an index is named by its hash.
    RETURN coalesce(CASE WHEN length(usage ->> 'settings_hash') > 128
        THEN encode(sha256(convert_to(usage ->> 'settings_hash', 'UTF8')), 'hex')
        ELSE nullif(usage ->> 'settings_hash', '') END, (
        SELECT r.settings_hash FROM agent_revisions AS r WHERE r.agent = execution_agent AND r.number = agent_revision
    ), (
        SELECT encode(sha256(convert_to(
            jsonb_build_array(coalesce(usage ->> 'model', known.model), known.settings)::text, 'UTF8'
        )), 'hex')
        FROM (SELECT 1) AS one
        LEFT JOIN agent_revisions AS known ON known.agent = execution_agent AND known.number = agent_revision
        WHERE coalesce(usage ->> 'model', known.model) IS NOT NULL
    ));
COMMENT ON FUNCTION settings_hash IS
    'What the runner says it is, else that of the revision it was started with, else one of the model and its settings as far as they are known';

CREATE FUNCTION tell_settings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.settings_hash := settings_hash(NEW.usage, NEW.agent, NEW.agent_revision);
    RETURN NEW;
END
$$;
CREATE TRIGGER settings_are_told BEFORE INSERT OR UPDATE OF usage, agent_revision ON executions FOR EACH ROW
WHEN (NEW.usage IS NOT NULL OR NEW.agent_revision IS NOT NULL) EXECUTE FUNCTION tell_settings();

-- What there is already. Executions that have ended refuse changes otherwise, and none of their figures changes.
ALTER TABLE executions DISABLE TRIGGER USER;
UPDATE executions SET settings_hash = settings_hash(usage, agent, agent_revision)
WHERE usage IS NOT NULL OR agent_revision IS NOT NULL;
ALTER TABLE executions ENABLE TRIGGER USER;
