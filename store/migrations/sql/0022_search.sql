-- Full text of failure messages and conversations, and executions by the settings of their model.
CREATE TABLE execution_words (
    execution_id uuid PRIMARY KEY REFERENCES executions ON DELETE CASCADE,
    words tsvector NOT NULL
);
COMMENT ON TABLE execution_words IS 'The words of an ended execution: of its failure message and of its conversation';
CREATE INDEX execution_words_found ON execution_words USING gin (words);

-- The words of a conversation cost more than storing it, and one row of all of them less than one for each line: so
-- workers find them afterwards, for those that are named here.
CREATE TABLE execution_words_due (execution_id uuid PRIMARY KEY);
COMMENT ON TABLE execution_words_due IS 'Ended executions whose words are not known yet, or have changed';

CREATE FUNCTION words_of(execution executions) RETURNS tsvector LANGUAGE plpgsql STABLE AS $$
DECLARE
    not_said CONSTANT text[] := '{timestamp,kind,gen_ai.conversation.id,gen_ai.system_instructions,gen_ai.tool.definitions}';
    failure CONSTANT tsvector := to_tsvector('simple', left(coalesce(execution.failure_message, ''), 20000));
    most_bytes integer := 512 * 1024;
BEGIN
    WHILE most_bytes > 1024 LOOP
        BEGIN
            RETURN failure || coalesce((
                SELECT jsonb_to_tsvector('simple', jsonb_agg(
                    CASE jsonb_typeof(data) WHEN 'object' THEN data - not_said ELSE data END ORDER BY ordinal
                ), '["string"]')
                FROM execution_messages WHERE execution_id = execution.id AND end_offset <= most_bytes
            ), '');
        EXCEPTION WHEN program_limit_exceeded THEN
            -- More different words than a tsvector holds.
            most_bytes := most_bytes / 4;
        END;
    END LOOP;
    RETURN failure;
END
$$;
COMMENT ON FUNCTION words_of IS
    'Of the failure message and of the first 512 kB of the transcript, without the system text and the definitions of tools';

CREATE FUNCTION note_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO execution_words_due VALUES (NEW.id) ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO execution_words_due
        SELECT id FROM inserted WHERE is_terminal(status) AND failure_message IS NOT NULL ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER words_of_end AFTER UPDATE OF status ON executions FOR EACH ROW
    WHEN (is_terminal(NEW.status) AND (
        OLD.failure_message IS DISTINCT FROM NEW.failure_message OR NOT is_terminal(OLD.status) AND NEW.usage IS NOT NULL
    ))
    EXECUTE FUNCTION note_words();
CREATE TRIGGER words_of_ended AFTER INSERT ON executions
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION note_words();

INSERT INTO execution_words_due
SELECT id FROM executions WHERE is_terminal(status) AND (failure_message IS NOT NULL OR usage IS NOT NULL);

CREATE INDEX executions_of_settings ON executions (settings_hash, queued_at DESC, id DESC) WHERE settings_hash IS NOT NULL;

-- A batch is over when its last execution has ended (migration 0020).
CREATE INDEX batches_running ON batches (requested_at DESC, id DESC) WHERE ended_at IS NULL;
