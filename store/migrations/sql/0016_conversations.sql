-- What was said between an agent and its model, and what the model used for it.

ALTER TYPE event_kind ADD VALUE 'MESSAGE';

CREATE TYPE message_kind AS ENUM ('REQUEST', 'RESPONSE', 'TOOL', 'ERROR', 'END', 'FULL', 'OTHER');

CREATE TABLE execution_messages (
    execution_id uuid NOT NULL REFERENCES executions ON DELETE CASCADE,
    ordinal integer NOT NULL CHECK (ordinal > 0),
    at timestamptz,
    kind message_kind NOT NULL,
    data jsonb NOT NULL,
    end_offset bigint NOT NULL CHECK (end_offset > 0),
    PRIMARY KEY (execution_id, ordinal)
);
COMMENT ON TABLE execution_messages IS 'The lines of transcripts, secrets excluded: what was said between an agent and its model';
COMMENT ON COLUMN execution_messages.ordinal IS 'The number of the line in the file, from 1; blank lines are left out';
COMMENT ON COLUMN execution_messages.data IS 'The line as it stands; a text where the line is not JSON';
COMMENT ON COLUMN execution_messages.end_offset IS 'Bytes of the file up to the end of the line';

ALTER TABLE executions ADD COLUMN usage jsonb;
COMMENT ON COLUMN executions.usage IS
    'What its model used, by the session file, else by the transcript so far; null when no model was asked';

ALTER TABLE pruned_executions ADD COLUMN messages bigint NOT NULL DEFAULT 0;

-- The usage of an execution that has ended may still be told by its transcript, once.
CREATE OR REPLACE FUNCTION refuse_change_of_ended_execution() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_differ CONSTANT text[] := '{started_at,queued_at,computed_score,solved,is_attempt}';
    told CONSTANT text[] := '{usage,computed_score,solved,is_attempt}';
BEGIN
    IF OLD.origin = 'OBSERVED' AND NEW.origin = 'OBSERVED' AND NEW.id = OLD.id AND is_terminal(NEW.status) AND (
        (OLD.session_file_hash IS NULL AND NEW.session_file_hash IS NOT NULL)
        OR (OLD.started_at IS NULL AND to_jsonb(NEW) - may_differ = to_jsonb(OLD) - may_differ)
    ) THEN
        RETURN NEW;
    END IF;
    IF OLD.usage IS NULL AND to_jsonb(NEW) - told = to_jsonb(OLD) - told THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'execution % has ended as % and never changes again', OLD.id, OLD.status
        USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'ended_execution_never_changes';
END
$$;
