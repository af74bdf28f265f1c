-- name: cluster
SELECT system_identifier::text FROM pg_control_system()

-- name: history_of_cluster
-- Changes each time a standby takes over, or an archive is replayed to some point.
SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)

-- name: database
-- A backup that is restored in place creates the table again, with another oid.
SELECT oid::text || '.' || 'log_timelines'::regclass::oid FROM pg_database WHERE datname = current_database()

-- name: all
SELECT id, place, began_after, pg_snapshot_xmax(pg_current_snapshot()) > xid AS counter_has_passed
FROM log_timelines ORDER BY number

-- name: lock
-- Every commit of an event takes this lock, so none is under way.
SELECT next_log_position()

-- name: begin
INSERT INTO log_timelines (id, place, began_after)
SELECT $1, $2, coalesce(greatest(
    (SELECT max(position) FROM event_positions), (SELECT max(position) FROM benchmark_changes)
), 0)

-- name: go_on_above
-- Whatever value of the sequence was restored.
SELECT setval('log_position', greatest(last_value, began_after))
FROM log_position CROSS JOIN log_timelines ORDER BY number DESC LIMIT 1

-- name: last_given
SELECT last_value FROM log_position
