-- name: facts
-- Reads catalogs only, no table that may be locked.
SELECT pg_backend_pid() AS process_id, pg_is_in_recovery() AS is_standby,
       current_setting('transaction_read_only')::boolean AS is_read_only,
       current_setting('server_encoding') AS encoding, current_schema()::text AS schema,
       current_setting('search_path') AS search_path, current_user::text AS role, current_database()::text AS database,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
       to_regclass('alembic_version') IS NOT NULL AS is_migrated,
       ARRAY (
           SELECT name FROM unnest($1::text[]) AS name
           CROSS JOIN LATERAL (SELECT to_regclass(quote_ident(name))::oid AS id) AS relation
           WHERE NOT (
               has_table_privilege(id, 'SELECT') AND has_table_privilege(id, 'INSERT')
               AND has_table_privilege(id, 'UPDATE') AND has_table_privilege(id, 'DELETE')
           ) OR EXISTS (
               SELECT FROM pg_depend JOIN pg_class ON pg_class.oid = pg_depend.objid
               WHERE refobjid = id AND deptype = 'a'
                 AND CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(objid, 'USAGE') ELSE false END
           )
           ORDER BY name
       ) AS forbidden

-- name: revision
SELECT version_num FROM alembic_version

-- name: locks
-- Locks of tables that block writes or reads. The age of another role's transaction is not visible, but the time that others have waited for it is.
SELECT class.relname::text AS table, lock.pid AS process_id, activity.application_name,
       greatest(extract(epoch FROM clock_timestamp() - activity.xact_start), waiting.waited_s)::double precision AS seconds
FROM pg_locks AS lock
JOIN pg_class AS class ON class.oid = lock.relation
JOIN pg_database AS database ON database.oid = lock.database AND database.datname = current_database()
LEFT JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
CROSS JOIN LATERAL (
    SELECT max(extract(epoch FROM clock_timestamp() - waitstart)) AS waited_s FROM pg_locks AS waiter
    WHERE NOT waiter.granted AND waiter.relation = lock.relation AND waiter.database = lock.database
) AS waiting
WHERE lock.granted AND lock.locktype = 'relation'
  AND lock.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  AND lock.relation IN (SELECT to_regclass(quote_ident(name)) FROM unnest($1::text[]) AS name)
  AND greatest(extract(epoch FROM clock_timestamp() - activity.xact_start), waiting.waited_s) >= $2
ORDER BY seconds DESC, class.relname

-- name: write
-- Enough to make a file of the database grow; the caller rolls it back.
INSERT INTO workers (id, host, machine_id, boot_id, sessions_dir, process_id, process_started_at, capacity, version)
SELECT gen_random_uuid(), string_agg(md5(random()::text), ''), '', '', '', 0, 0, 1, '' FROM generate_series(1, 4000)

-- name: mark
SELECT set_config('reev_gql.mark', $1, false)

-- name: marked
SELECT current_setting('reev_gql.mark', true)
