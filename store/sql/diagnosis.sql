-- name: server
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer AS version_number,
       extract(epoch FROM clock_timestamp())::double precision AS now_s,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       current_setting('max_connections')::integer AS max_connections,
       pg_notification_queue_usage() AS notification_queue

-- name: queue
SELECT count(*) AS queued,
       count(*) FILTER (WHERE NOT EXISTS (
           SELECT FROM pgqueuer AS q
           WHERE q.dedupe_key = e.id::text AND q.status = 'queued' AND q.entrypoint = 'execution'
       )) AS without_place,
       coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::double precision AS oldest_s,
       (SELECT count(*) FROM pgqueuer AS q WHERE q.entrypoint = 'execution' AND NOT EXISTS (
           SELECT FROM executions AS x WHERE x.id::text = q.dedupe_key AND x.status = 'QUEUED'
       )) AS without_execution
FROM executions AS e WHERE e.status = 'QUEUED' AND NOT is_terminal(e.status)
