-- name: related
(SELECT {written} FROM {source} WHERE {condition})

-- name: list
'[' || coalesce(string_agg({object}, ','{order}), '') || ']'

-- name: one_by_one
SELECT {keys}, {object} AS object FROM ({rows}) AS e

-- name: all_at_once
SELECT {list} AS objects FROM ({rows}) AS e

-- name: executions_of
-- Of a value behind a SELECT the planner sees nothing, so PostgreSQL keeps one plan; else it plans each time anew.
SELECT wanted.parent AS key, (
    SELECT {list} FROM (
        SELECT * FROM executions WHERE executions.{column} = wanted.parent AND {conditions}
        ORDER BY queued_at {direction}, id {direction} LIMIT {limit}
    ) AS e
) AS objects
FROM unnest((SELECT {parents})) AS wanted (parent)

-- name: latest_of_agents
SELECT wanted.benchmark_id AS key, (
    SELECT {list} FROM (
        {latest}
    ) AS e
) AS objects
FROM unnest((SELECT $1::text[])) AS wanted (benchmark_id)

-- name: tool_calls
SELECT wanted.id AS key, (
    SELECT {list} FROM (
        SELECT * FROM execution_tool_calls WHERE execution_id = wanted.id ORDER BY ordinal
    ) AS e
) AS objects
FROM unnest((SELECT $1::uuid[])) AS wanted (id)

-- name: columns
SELECT {columns} FROM ({rows}) AS e

-- name: configured
SELECT g.agents || ARRAY(
    SELECT agent FROM agent_configs WHERE '*' = ANY(g.agents) AND agent <> ALL(g.agents) ORDER BY agent COLLATE "C"
) || ARRAY(
    -- An index gives them one by one.
    WITH RECURSIVE executing (agent) AS (
        SELECT min(agent) FROM executions WHERE '**' = ANY(g.agents)
        UNION ALL
        SELECT (SELECT min(agent) FROM executions WHERE agent > executing.agent) FROM executing
        WHERE executing.agent IS NOT NULL
    )
    SELECT agent FROM executing WHERE agent <> ALL(g.agents)
      AND NOT ('*' = ANY(g.agents) AND EXISTS (SELECT FROM agent_configs AS c WHERE c.agent = executing.agent))
    ORDER BY agent COLLATE "C"
)
FROM ({given}) AS g (agents)
