-- name: begin
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY

-- name: without_parallel_workers
SET LOCAL max_parallel_workers_per_gather = 0

-- name: commit
COMMIT

-- name: executions
SELECT {columns} FROM (SELECT * FROM executions WHERE {conditions}) AS e
ORDER BY e.queued_at, e.id

-- name: tool_calls
SELECT {columns} FROM (SELECT * FROM executions WHERE {conditions}) AS e
CROSS JOIN LATERAL (
    SELECT * FROM execution_tool_calls AS c WHERE c.execution_id = e.id ORDER BY c.ordinal
) AS t
ORDER BY e.queued_at, e.id, t.ordinal

-- name: messages
SELECT {columns} FROM (SELECT * FROM executions WHERE {conditions}) AS e
CROSS JOIN LATERAL (
    SELECT * FROM execution_messages AS c WHERE c.execution_id = e.id ORDER BY c.ordinal
) AS m
ORDER BY e.queued_at, e.id, m.ordinal

-- name: events
SELECT {columns} FROM (SELECT * FROM executions WHERE {conditions}) AS e
CROSS JOIN LATERAL (
    SELECT * FROM execution_events AS c WHERE c.execution_id = e.id ORDER BY c.seq
) AS v
ORDER BY e.queued_at, e.id, v.seq

-- name: as_json
SELECT row_to_json(r) FROM ({rows}) AS r
