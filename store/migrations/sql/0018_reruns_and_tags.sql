-- Batches repeat others, executions have tags, and what their models used is filtered and sorted by.
ALTER TABLE batches ADD COLUMN rerun_of uuid REFERENCES batches;
COMMENT ON COLUMN batches.rerun_of IS 'The batch that it repeats executions of';
CREATE INDEX batches_rerun_of ON batches (rerun_of, requested_at DESC, id DESC) WHERE rerun_of IS NOT NULL;
CREATE INDEX batches_tagged ON batches USING gin (tags);

-- Both are known at the end: an index of what changes with each answer of a model would make each of them slower.
ALTER TABLE executions
    ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
    ADD COLUMN cost double precision GENERATED ALWAYS AS (
        CASE WHEN is_terminal(status) THEN (usage ->> 'cost')::double precision END
    ) STORED,
    ADD COLUMN tokens bigint GENERATED ALWAYS AS (
        CASE WHEN is_terminal(status) AND (usage ? 'input_tokens' OR usage ? 'output_tokens') THEN
            coalesce((usage ->> 'input_tokens')::bigint, 0) + coalesce((usage ->> 'output_tokens')::bigint, 0)
        END
    ) STORED;
COMMENT ON COLUMN executions.tags IS 'Each key or key=value; they may be changed after the end too';
COMMENT ON COLUMN executions.tokens IS 'Input and output tokens together; null before the end, and when no model was asked';

CREATE INDEX executions_tagged ON executions USING gin (tags) WHERE tags <> '{}';
CREATE INDEX executions_live_of_batch ON executions (batch_id) WHERE batch_id IS NOT NULL AND NOT is_terminal(status);
CREATE INDEX executions_of_attempt ON executions (is_attempt, queued_at DESC, id DESC);
CREATE INDEX executions_by_cost ON executions (coalesce(cost, -1) DESC, queued_at DESC, id DESC);
CREATE INDEX executions_by_cost_up ON executions (coalesce(cost, 'Infinity'), queued_at, id);
CREATE INDEX executions_by_tokens ON executions (coalesce(tokens, -1) DESC, queued_at DESC, id DESC);
CREATE INDEX executions_by_tokens_up ON executions (coalesce(tokens, 9223372036854775807), queued_at, id);

-- A new row's generated columns are not known yet when this looks at it. Tags say nothing about what happened.
CREATE OR REPLACE FUNCTION refuse_change_of_ended_execution() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    generated CONSTANT text[] := '{computed_score,solved,is_attempt,cost,tokens}';
    may_differ CONSTANT text[] := generated || '{started_at,queued_at}';
    told CONSTANT text[] := generated || '{usage}';
    labels CONSTANT text[] := generated || '{tags}';
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
    IF OLD.tags <> NEW.tags AND to_jsonb(NEW) - labels = to_jsonb(OLD) - labels THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'execution % has ended as % and never changes again', OLD.id, OLD.status
        USING ERRCODE = 'object_not_in_prerequisite_state', CONSTRAINT = 'ended_execution_never_changes';
END
$$;
