-- The order over all events is the order in which they were committed. A position is given just before the commit, by
-- whoever holds the lock, and the lock is held until the commit can be seen. So whoever sees a position sees every
-- lower one, and an open transaction, wherever it is, keeps nothing back. NOTIFY takes a lock of the same kind at the
-- same moment: commits that tell of an event already took turns.
--
-- Until now the order was that of transaction ids, which mean nothing in another cluster. The old ones stay as positions,
-- so cursors that were given out stay good; new positions begin above them.
CREATE SEQUENCE log_position;

CREATE FUNCTION next_log_position() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(8243110937284436533);
    RETURN nextval('log_position');
END
$$;
COMMENT ON FUNCTION next_log_position() IS
    'To be called in triggers just before the commit only: nobody else commits an event until this transaction ends';

LOCK TABLE executions, execution_events, benchmark_changes IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE event_positions (
    position bigint NOT NULL,
    execution_id uuid NOT NULL,
    first_seq integer NOT NULL,
    last_seq integer NOT NULL,
    PRIMARY KEY (position, execution_id, last_seq)
);
COMMENT ON TABLE event_positions IS
    'Where the events of an execution from first_seq to last_seq stand among all events; executions.event_seq moves it';
INSERT INTO event_positions (position, execution_id, first_seq, last_seq)
SELECT xid::text::bigint, execution_id, min(seq), max(seq) FROM execution_events GROUP BY xid, execution_id;
CREATE INDEX event_positions_of_execution ON event_positions (execution_id, last_seq);
DROP INDEX execution_events_in_order;
ALTER TABLE execution_events DROP COLUMN xid;

CREATE FUNCTION place_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_positions (position, execution_id, first_seq, last_seq)
    VALUES (next_log_position(), NEW.id, CASE TG_OP WHEN 'UPDATE' THEN OLD.event_seq + 1 ELSE 1 END, NEW.event_seq);
    PERFORM pg_notify('reev_gql', '');
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER first_events_before_commit AFTER INSERT ON executions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.event_seq > 0) EXECUTE FUNCTION place_events();
CREATE CONSTRAINT TRIGGER events_before_commit AFTER UPDATE OF event_seq ON executions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.event_seq > OLD.event_seq) EXECUTE FUNCTION place_events();

ALTER TABLE benchmark_changes DROP CONSTRAINT benchmark_changes_pkey;
ALTER TABLE benchmark_changes ALTER COLUMN xid DROP DEFAULT, ALTER COLUMN xid DROP NOT NULL;
ALTER TABLE benchmark_changes ALTER COLUMN xid TYPE bigint USING xid::text::bigint;
ALTER TABLE benchmark_changes RENAME COLUMN xid TO position;
ALTER TABLE benchmark_changes ADD PRIMARY KEY (seq);
CREATE UNIQUE INDEX benchmark_changes_in_order ON benchmark_changes (position, seq);
COMMENT ON TABLE benchmark_changes IS 'What syncs and upserts did, for subscribers, in the order of position';
COMMENT ON COLUMN benchmark_changes.position IS 'As in event_positions; null until just before the commit';

CREATE FUNCTION place_benchmark_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE benchmark_changes SET position = next_log_position() WHERE seq = NEW.seq;
    PERFORM pg_notify('reev_gql_benchmarks', '');
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER benchmark_change_before_commit AFTER INSERT ON benchmark_changes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.position IS NULL) EXECUTE FUNCTION place_benchmark_change();

SELECT setval('log_position', greatest(
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
    (SELECT max(position) FROM event_positions),
    (SELECT max(position) FROM benchmark_changes)
));

-- Positions are given anew where a backup is restored: a cursor says by which history it was given.
CREATE TABLE log_timelines (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    place text NOT NULL,
    began_after bigint NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE log_timelines IS 'The histories of the log: another one begins where a backup is restored or a standby takes over';
COMMENT ON COLUMN log_timelines.place IS 'Which cluster, history of the cluster, database and table this was';
COMMENT ON COLUMN log_timelines.began_after IS 'The highest position that it has in common with the one before';
COMMENT ON COLUMN log_timelines.xid IS 'Lies ahead in another cluster with a lower counter, whose name may not be told to us';
