-- name: related
(SELECT {written} FROM {source} WHERE {condition})

-- name: one_by_one
-- No key of an answer has a space in it, so "the object" is never one of its own columns.
SELECT {keys}, row_to_json("the object")::text AS object FROM ({rows}) AS e
CROSS JOIN LATERAL (SELECT {members}) AS "the object"

-- name: all_at_once
SELECT coalesce(json_agg("the object"), '[]')::text FROM ({rows}) AS e
CROSS JOIN LATERAL (SELECT {members}) AS "the object"

-- name: executions_of
-- Of a value behind a SELECT the planner sees nothing, so PostgreSQL keeps one plan; else it plans each time anew.
SELECT wanted.parent AS key, (
    SELECT coalesce(json_agg("the object"), '[]')::text FROM (
        SELECT * FROM executions WHERE executions.{column} = wanted.parent AND {conditions}
        ORDER BY queued_at {direction}, id {direction} LIMIT {limit}
    ) AS e CROSS JOIN LATERAL (SELECT {members}) AS "the object"
) AS objects
FROM unnest((SELECT {parents})) AS wanted (parent)

-- name: latest_of_agents
SELECT wanted.benchmark_id AS key, (
    SELECT coalesce(json_agg("the object"), '[]')::text FROM (
        {latest}
    ) AS e CROSS JOIN LATERAL (SELECT {members}) AS "the object"
) AS objects
FROM unnest((SELECT $1::text[])) AS wanted (benchmark_id)

-- name: tool_calls
SELECT wanted.id AS key, (
    SELECT coalesce(json_agg("the object"), '[]')::text FROM (
        SELECT * FROM execution_tool_calls WHERE execution_id = wanted.id ORDER BY ordinal
    ) AS e CROSS JOIN LATERAL (SELECT {members}) AS "the object"
) AS objects
FROM unnest((SELECT $1::uuid[])) AS wanted (id)

-- name: in_parts
SELECT {columns} FROM ({rows}) AS e {parts}

-- name: part
CROSS JOIN LATERAL (SELECT {members}) AS "part {number}"

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
