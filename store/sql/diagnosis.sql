-- name: server
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer AS version_number,
       extract(epoch FROM clock_timestamp())::double precision AS now_s,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       current_setting('max_connections')::integer AS max_connections,
       pg_notification_queue_usage() AS notification_queue

-- name: queue
SELECT count(*) AS queued,
       coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::double precision AS oldest_s
FROM executions WHERE status = 'QUEUED'
