-- name: with_position
-- In one statement, so that it is the same moment. One row on the left: those on the right keep their order.
SELECT page.*, log.position AS log_position FROM ({newest}) AS log
LEFT JOIN (SELECT true AS is_row, rows.* FROM ({rows}) AS rows) AS page ON true
