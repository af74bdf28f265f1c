-- What workers listen to: that something waits or a slot is free, and that one of their executions is to be stopped.
-- The number of the transaction lets them tell what a look at the queue has already seen.

CREATE FUNCTION notify_queue() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('reev_gql_queue', concat_ws(' ', TG_ARGV[0], pg_current_xact_id()));
    RETURN NULL;
END
$$;

CREATE FUNCTION notify_stop() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('reev_gql_stop', NEW.id::text);
    RETURN NULL;
END
$$;

CREATE TRIGGER queue_has_more AFTER INSERT ON executions FOR EACH ROW
    WHEN (NEW.status = 'QUEUED') EXECUTE FUNCTION notify_queue('+');

CREATE TRIGGER slot_is_free AFTER UPDATE OF status ON executions FOR EACH ROW
    WHEN (is_terminal(NEW.status) AND OLD.status IN ('RUNNING', 'STOPPING')) EXECUTE FUNCTION notify_queue('-');

CREATE TRIGGER stop_is_requested AFTER UPDATE OF status ON executions FOR EACH ROW
    WHEN (NEW.status = 'STOPPING' AND OLD.status <> 'STOPPING') EXECUTE FUNCTION notify_stop();
