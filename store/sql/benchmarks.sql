-- name: lock_writers
SELECT pg_advisory_xact_lock(8243110937284436529)

-- name: known
SELECT b.id, b.current_revision, b.source_path, b.archive_reason, b.directory, r.content_hash,
       (SELECT max(revision) FROM benchmark_revisions m WHERE m.benchmark_id = b.id) AS newest
FROM benchmarks b
JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = b.current_revision
WHERE $1::text IS NULL OR b.id = $1

-- name: stored_files
SELECT b.id, b.source_path, r.content_hash, CASE WHEN r.remarks <> '[]' THEN r.remarks END, b.archive_reason,
       b.directory
FROM benchmarks b
JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = b.current_revision
WHERE b.source_path IS NOT NULL AND b.archive_reason IS DISTINCT FROM 'FILE_MISSING'

-- name: archived_on_request
SELECT id FROM benchmarks WHERE archive_reason = 'REQUESTED'

-- name: write_benchmarks
INSERT INTO benchmarks AS b (id, current_revision, source_path, directory, archived_at, archived_on_request)
SELECT id, revision, source_path, directory, CASE WHEN reason IS NOT NULL THEN clock_timestamp() END,
       coalesce(reason = 'REQUESTED', false)
FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[])
    AS given (id, revision, source_path, directory, reason)
ON CONFLICT (id) DO UPDATE SET
    current_revision = excluded.current_revision, source_path = excluded.source_path,
    directory = excluded.directory,
    archived_at = CASE WHEN excluded.archived_at IS NOT NULL THEN coalesce(b.archived_at, excluded.archived_at) END,
    archived_on_request = excluded.archived_on_request

-- name: note_directory
-- What a directory has and no other has brought.
UPDATE benchmarks SET directory = $1
WHERE id = ANY($2::text[]) AND (directory IS NULL OR directory <> $1 AND directory = ANY($3::text[]))

-- name: write_revisions
INSERT INTO benchmark_revisions (benchmark_id, revision, content_hash, description, prompt, tags, source,
                                 definition, remarks)
SELECT benchmark_id, revision, content_hash, description, prompt,
       ARRAY(SELECT jsonb_array_elements_text(tags::jsonb)), source, definition::jsonb, remarks::jsonb
FROM unnest(
    $1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[]
) AS given (
    benchmark_id, revision, content_hash, description, prompt, tags, source, definition, remarks
)

-- name: append_changes
INSERT INTO benchmark_changes (benchmark_id, revision, outcome)
SELECT * FROM unnest($1::text[], $2::integer[], $3::text[])

-- name: current
SELECT b.id AS benchmark_id, b.source_path, b.created_at, b.archived_at, b.archive_reason, r.revision, r.content_hash,
       r.description, r.prompt, r.tags, r.source, r.definition, r.remarks, r.created_at AS revised_at
FROM benchmarks b
JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = b.current_revision
WHERE b.id = ANY($1::text[])

-- name: at_revision
SELECT b.id AS benchmark_id, b.source_path, b.created_at, b.archived_at, b.archive_reason, r.revision, r.content_hash,
       r.description, r.prompt, r.tags, r.source, r.definition, r.remarks, r.created_at AS revised_at
FROM benchmark_revisions r
JOIN benchmarks b ON b.id = r.benchmark_id
JOIN unnest($1::text[], $2::integer[]) AS wanted (benchmark_id, revision)
    ON r.benchmark_id = wanted.benchmark_id AND r.revision = wanted.revision

-- name: list
SELECT b.id AS benchmark_id, b.source_path, b.created_at, b.archived_at, b.archive_reason, r.revision, r.content_hash,
       r.description, r.prompt, r.tags, r.source, r.definition, r.remarks, r.created_at AS revised_at
FROM benchmarks b
JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = b.current_revision
WHERE {conditions} ORDER BY b.id {direction} LIMIT {limit}

-- name: count
SELECT count(*) FROM benchmarks b
JOIN benchmark_revisions r ON r.benchmark_id = b.id AND r.revision = b.current_revision
WHERE {conditions}

-- name: newest_is
-- Of one of these agents the newest execution is in one of the states, or there is none. Among the agents '*' means
-- the configured ones, and those that ever executed anything, which an index gives one by one.
EXISTS (
    SELECT FROM unnest(ARRAY(
        WITH RECURSIVE executing (agent) AS (
            SELECT min(agent) FROM executions WHERE '*' = ANY({0}::text[])
            UNION ALL
            SELECT (SELECT min(agent) FROM executions WHERE agent > executing.agent) FROM executing
            WHERE executing.agent IS NOT NULL
        )
        SELECT agent FROM unnest({0}::text[]) AS given (agent) WHERE agent <> '*'
        UNION SELECT agent FROM agent_configs WHERE '*' = ANY({0}::text[])
        UNION SELECT agent FROM executing WHERE agent <> {3}::text
    )) AS asked (agent)
    LEFT JOIN LATERAL (
        SELECT status FROM executions WHERE benchmark_id = b.id AND executions.agent = asked.agent
        ORDER BY queued_at DESC, id DESC LIMIT 1
    ) AS newest ON true
    WHERE newest.status = ANY({1}::execution_status[]) OR ({2}::boolean AND newest.status IS NULL)
)

-- name: every_solved
-- Of the attempts of one of these agents, or of any, with some settings at the newest revision they attempted.
b.id IN (
    SELECT benchmark_id FROM (
        SELECT DISTINCT ON (g.benchmark_id, g.agent, g.settings_hash) g.benchmark_id, f.attempts, f.solved
        FROM figure_groups AS g JOIN figures AS f ON f.group_id = g.id AND f.period = 'ALL' AND f.start = '-infinity'
        WHERE g.benchmark_id <> '' AND f.attempts > 0 AND g.agent <> {2}::text
          AND ({1}::text[] = '{{}}' OR g.agent = ANY({1}::text[]))
        ORDER BY g.benchmark_id, g.agent, g.settings_hash, g.benchmark_revision DESC
    ) AS newest
    WHERE (solved = attempts) = {0}::boolean
)

-- name: tags
SELECT tag, count(*) AS benchmarks, count(*) OVER () AS total
FROM benchmarks AS b
JOIN benchmark_revisions AS r ON r.benchmark_id = b.id AND r.revision = b.current_revision
CROSS JOIN unnest(r.tags) AS tag
WHERE b.archived_at IS NULL
GROUP BY tag ORDER BY count(*) DESC, tag COLLATE "C" LIMIT $1
