"""Rows that PostgreSQL writes as JSON, exactly the selected columns, so that they reach an answer as text.

`columns` has the expression of each column, `rows` builds the SELECT list, `lists` runs the statements. What
cannot be written this way raises NeedsRows, and the caller reads rows instead.
"""
