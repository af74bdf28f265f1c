-- name: figures
-- One row per gauge: from indexes of live executions, from sums that exist anyway, and from short tables.
SELECT 'live' AS figure, status::text AS label, count(*)::double precision AS value
FROM executions WHERE NOT is_terminal(status) GROUP BY status
UNION ALL
SELECT 'oldest_queued_s', '', extract(epoch FROM clock_timestamp() - min(queued_at))
FROM executions WHERE status = 'QUEUED' AND NOT is_terminal(status) HAVING count(*) > 0
UNION ALL
SELECT 'ended', label, sum(executions)
FROM (
    SELECT of_status.label, of_status.executions
    FROM performance
    CROSS JOIN LATERAL (VALUES
        ('SUCCEEDED', succeeded), ('FAILED', failed), ('TIMED_OUT', timed_out), ('STOPPED', stopped), ('LOST', lost)
    ) AS of_status (label, executions)
    WHERE benchmark_id = '' AND period = 'ALL' AND start = '-infinity'
    UNION ALL
    SELECT status::text, weight FROM performance_noted WHERE NOT is_of_figures_only
) AS ever
GROUP BY label
UNION ALL
SELECT 'conflicts', '', count(*) FROM ingest_conflicts
UNION ALL
SELECT 'bad_files', '', count(*) FROM ingest_failures
UNION ALL
SELECT 'deliveries', '', count(*) FROM webhook_deliveries WHERE due_at IS NOT NULL
UNION ALL
SELECT 'disabled_webhooks', '', count(*) FROM webhooks WHERE disabled_at IS NOT NULL
UNION ALL
SELECT 'notification_queue', '', pg_notification_queue_usage()
