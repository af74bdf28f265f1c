-- That an accepted stop ends as STOPPED is checked when an execution ends, not whenever its row is written. Some rows
-- ended as LOST before there was this rule; the check refused every later change of them, such as that of a migration.
ALTER TABLE executions DROP CONSTRAINT accepted_stop_ends_stopped;

CREATE FUNCTION refuse_other_end_after_stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'execution % was told to stop and cannot become %', NEW.id, NEW.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'accepted_stop_ends_stopped';
END
$$;

CREATE TRIGGER accepted_stop_ends_stopped BEFORE UPDATE ON executions FOR EACH ROW
    WHEN (NEW.stop_requested_at IS NOT NULL AND NEW.status NOT IN ('STOPPING', 'STOPPED') AND NOT is_terminal(OLD.status))
    EXECUTE FUNCTION refuse_other_end_after_stop();
