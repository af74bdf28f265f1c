-- Who is told of ends, and what is to be told: written in the transaction of the end itself.
CREATE TYPE webhook_event AS ENUM ('EXECUTION_ENDED', 'BATCH_ENDED');

CREATE TABLE webhooks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    url text NOT NULL,
    events webhook_event[] NOT NULL CHECK (cardinality(events) > 0),
    encrypted_secret bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    delivered_at timestamptz,
    failing_since timestamptz,
    last_error text,
    disabled_at timestamptz,
    CONSTRAINT disabled_is_explained CHECK (disabled_at IS NULL OR last_error IS NOT NULL)
);
COMMENT ON TABLE webhooks IS 'Addresses that are told of ends';
COMMENT ON COLUMN webhooks.encrypted_secret IS
    'What deliveries are signed with, encrypted with the server''s secret key, which is not in the database';
COMMENT ON COLUMN webhooks.delivered_at IS 'The last delivery that was accepted';
COMMENT ON COLUMN webhooks.failing_since IS 'The first failure since the last delivery that was accepted';
COMMENT ON COLUMN webhooks.last_error IS 'Of the last attempt; null when that was accepted';
COMMENT ON COLUMN webhooks.disabled_at IS 'When it was given up; nothing is sent there until it is enabled again';

CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook_id uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    event webhook_event NOT NULL,
    subject_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz DEFAULT clock_timestamp(),
    ended_at timestamptz,
    CONSTRAINT due_until_the_end CHECK ((due_at IS NULL) = (ended_at IS NOT NULL))
);
COMMENT ON TABLE webhook_deliveries IS 'What a webhook is told; delivered ones and those given up are deleted after a while';
COMMENT ON COLUMN webhook_deliveries.subject_id IS 'The execution or batch that ended';
COMMENT ON COLUMN webhook_deliveries.attempts IS 'That have failed';
COMMENT ON COLUMN webhook_deliveries.due_at IS
    'When the next attempt may begin; while one is under way, when another process may take it for lost';
COMMENT ON COLUMN webhook_deliveries.ended_at IS 'When it was accepted or given up';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

-- An end must not fail because a webhook is deleted at the same moment: a lock, and not the foreign key, decides.
CREATE FUNCTION note_deliveries(what webhook_event, subject uuid, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_deliveries (webhook_id, event, subject_id, occurred_at)
    SELECT id, what, subject, at FROM webhooks WHERE disabled_at IS NULL AND what = ANY(events) FOR KEY SHARE;
    IF FOUND THEN
        PERFORM pg_notify('reev_gql_webhooks', '');
    END IF;
END
$$;

CREATE FUNCTION note_deliveries_of_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'batches' THEN
        PERFORM note_deliveries('BATCH_ENDED', NEW.id, NEW.ended_at);
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM note_deliveries('EXECUTION_ENDED', NEW.id, NEW.ended_at);
    ELSIF EXISTS (SELECT FROM webhooks WHERE disabled_at IS NULL AND 'EXECUTION_ENDED' = ANY(events)) THEN
        -- Files of executions that ended long ago are no news.
        PERFORM note_deliveries('EXECUTION_ENDED', id, ended_at)
        FROM inserted WHERE is_terminal(status) AND ended_at > clock_timestamp() - interval '1 hour';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER deliveries_of_end AFTER UPDATE OF status ON executions FOR EACH ROW
    WHEN (is_terminal(NEW.status) AND NOT is_terminal(OLD.status)) EXECUTE FUNCTION note_deliveries_of_end();
CREATE TRIGGER deliveries_of_ended AFTER INSERT ON executions
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION note_deliveries_of_end();

ALTER TABLE batches ADD COLUMN ended_at timestamptz;
COMMENT ON COLUMN batches.ended_at IS 'When the last of its executions ended; null until then';
UPDATE batches AS b SET ended_at = x.ended_at
FROM (SELECT batch_id, max(ended_at) AS ended_at FROM executions WHERE batch_id IS NOT NULL
      GROUP BY batch_id HAVING bool_and(is_terminal(status))) AS x
WHERE x.batch_id = b.id;

-- Of two members that end at the same time neither sees the end of the other before its commit. Commits of events take
-- turns by this lock, which is held until the commit can be seen: so the second one sees that it is the last.
CREATE FUNCTION end_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(8243110937284436533);
    -- Of many that end in one transaction the others find it ended, without a look at all of them.
    PERFORM FROM batches WHERE id = NEW.batch_id AND ended_at IS NULL;
    IF FOUND AND NOT EXISTS (SELECT FROM executions WHERE batch_id = NEW.batch_id AND NOT is_terminal(status)) THEN
        UPDATE batches SET ended_at = (SELECT max(ended_at) FROM executions WHERE batch_id = NEW.batch_id)
        WHERE id = NEW.batch_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER batch_end_before_commit AFTER UPDATE OF status ON executions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.batch_id IS NOT NULL AND is_terminal(NEW.status) AND NOT is_terminal(OLD.status))
    EXECUTE FUNCTION end_batch();
CREATE TRIGGER deliveries_of_batch AFTER UPDATE OF ended_at ON batches FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION note_deliveries_of_end();
