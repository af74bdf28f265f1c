-- The statements of the server written by hand: first as rows for Python, then with answers built by PostgreSQL.

-- name: list
SELECT id::text, benchmark_id AS "benchmarkId", agent, status, score, execution_time_ms AS "executionTimeMs",
       queued_at AS "queuedAt", started_at AS "startedAt", ended_at AS "endedAt"
FROM executions ORDER BY queued_at DESC, id DESC LIMIT $1

-- name: by_id
SELECT id::text, benchmark_id AS "benchmarkId", agent, status, score, execution_time_ms AS "executionTimeMs",
       queued_at AS "queuedAt", started_at AS "startedAt", ended_at AS "endedAt"
FROM executions WHERE id = $1

-- name: nested
SELECT e.id::text, e.agent, e.status, e.score, e.queued_at AS "queuedAt",
       r.benchmark_id AS benchmark, r.description
FROM executions e
LEFT JOIN benchmark_revisions r ON r.benchmark_id = e.benchmark_id AND r.revision = e.benchmark_revision
ORDER BY e.queued_at DESC, e.id DESC LIMIT $1

-- name: tool_calls
SELECT execution_id::text, ordinal, name, duration_ms AS "durationMs" FROM execution_tool_calls
WHERE execution_id = ANY($1::uuid[]) ORDER BY execution_id, ordinal

-- name: figures
SELECT g.agent, nullif(g.settings_hash, '') AS settings_hash, g.benchmark_id,
       nullif(g.benchmark_revision, 0) AS benchmark_revision, f.attempts, f.solved, f.scored, f.score_sum,
       f.score_squares, f.timed, f.time_sum_ms, NULL AS input_tokens, NULL AS output_tokens, NULL AS cached_tokens,
       NULL AS reasoning_tokens, 0 AS priced, 0 AS priced_solved, 0 AS cost
FROM figures f JOIN figure_groups g ON g.id = f.group_id
WHERE f.period = 'ALL' AND g.benchmark_id <> ''
ORDER BY g.agent, g.settings_hash, g.benchmark_id, g.benchmark_revision

-- name: excluded
SELECT g.agent, nullif(g.settings_hash, '') AS settings_hash, c.what AS reason, c.executions
FROM figure_counts c JOIN figure_groups g ON g.id = c.group_id
WHERE c.period = 'ALL' AND g.benchmark_id = '' AND c.what NOT IN ('SCORE', 'TIME')
ORDER BY c.executions DESC, c.what

-- name: agents
SELECT c.agent, r.model, r.settings_hash AS "settingsHash"
FROM agent_configs c JOIN agent_revisions r ON r.agent = c.agent AND r.number = c.revision ORDER BY c.agent

-- name: benchmarks
SELECT b.id, r.description, r.tags, r.revision, b.archived_at AS "archivedAt", r.content_hash, r.source
FROM benchmarks b JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = b.current_revision
WHERE b.archived_at IS NULL ORDER BY b.id LIMIT 200

-- name: latest
SELECT e.id::text, e.benchmark_id AS "benchmarkId", e.agent, e.status, e.event_seq AS revision, e.origin,
       e.queued_at AS "queuedAt", e.started_at AS "startedAt", e.ended_at AS "endedAt", e.score,
       e.computed_score AS "computedScore", e.solved, e.settings_hash AS "settingsHash", e.tags, e.execution_time_ms AS "executionTimeMs",
       e.steps_done, e.steps_total, e.failure_kind, e.failure_message
FROM unnest($1::text[]) WITH ORDINALITY AS wanted (benchmark_id, place),
     unnest($2::text[]) WITH ORDINALITY AS asked (agent, place)
CROSS JOIN LATERAL (
    SELECT * FROM executions x WHERE x.benchmark_id = wanted.benchmark_id AND x.agent = asked.agent
    ORDER BY queued_at DESC, id DESC LIMIT 1
) AS e
ORDER BY wanted.place, asked.place

-- name: list_json
SELECT json_build_object('executions', json_build_object('nodes', json_agg(t)))::text FROM (
    SELECT id::text, benchmark_id AS "benchmarkId", agent, status, score, execution_time_ms AS "executionTimeMs",
           queued_at AS "queuedAt", started_at AS "startedAt", ended_at AS "endedAt"
    FROM executions ORDER BY queued_at DESC, id DESC LIMIT $1
) t

-- name: by_id_json
SELECT json_build_object('execution', row_to_json(t))::text FROM (
    SELECT id::text, benchmark_id AS "benchmarkId", agent, status, score, execution_time_ms AS "executionTimeMs",
           queued_at AS "queuedAt", started_at AS "startedAt", ended_at AS "endedAt"
    FROM executions WHERE id = $1
) t

-- name: nested_json
SELECT json_build_object('executions', json_build_object('nodes', json_agg(t)))::text FROM (
    SELECT e.id::text, e.agent, e.status, e.score, e.queued_at AS "queuedAt",
           CASE WHEN r.benchmark_id IS NOT NULL
                THEN json_build_object('id', r.benchmark_id, 'description', r.description) END AS benchmark,
           coalesce(calls.calls, '[]') AS "toolCalls"
    FROM executions e
    LEFT JOIN benchmark_revisions r ON r.benchmark_id = e.benchmark_id AND r.revision = e.benchmark_revision
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object('ordinal', c.ordinal, 'name', c.name, 'durationMs', c.duration_ms)
                        ORDER BY c.ordinal) AS calls
        FROM execution_tool_calls c WHERE c.execution_id = e.id
    ) AS calls ON true
    ORDER BY e.queued_at DESC, e.id DESC LIMIT $1
) t

-- name: grid_json
SELECT b.id, r.description, r.tags, r.revision, b.archived_at AS "archivedAt", r.content_hash, r.source,
       latest.answer AS "latestExecutions"
FROM benchmarks b JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = b.current_revision
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(t), '[]')::text AS answer FROM (
        SELECT e.id::text, e.benchmark_id AS "benchmarkId", e.agent, e.status, e.event_seq AS revision, e.origin,
               e.queued_at AS "queuedAt", e.started_at AS "startedAt", e.ended_at AS "endedAt", e.score,
               e.computed_score AS "computedScore", e.solved, e.settings_hash AS "settingsHash", e.tags, e.execution_time_ms AS "executionTimeMs",
               json_build_object(
                   'fraction', CASE WHEN e.steps_done < e.steps_total THEN e.steps_done::float8 / e.steps_total
                                    WHEN e.steps_done >= e.steps_total THEN 1 END,
                   'stepsDone', e.steps_done, 'stepsTotal', e.steps_total) AS progress,
               CASE WHEN e.failure_kind IS NOT NULL
                    THEN json_build_object('kind', e.failure_kind, 'message', e.failure_message) END AS failure
        FROM unnest($1::text[]) WITH ORDINALITY AS asked (agent, place)
        CROSS JOIN LATERAL (
            SELECT * FROM executions x WHERE x.benchmark_id = b.id AND x.agent = asked.agent
            ORDER BY queued_at DESC, id DESC LIMIT 1
        ) AS e
        ORDER BY asked.place
    ) t
) AS latest
WHERE b.archived_at IS NULL ORDER BY b.id LIMIT 200
