-- name: with_position
-- One statement reads both from one snapshot. The left side has one row, so the right side keeps its order.
SELECT page.*, log.position AS log_position FROM ({newest}) AS log
LEFT JOIN (SELECT true AS is_row, rows.* FROM ({rows}) AS rows) AS page ON true
