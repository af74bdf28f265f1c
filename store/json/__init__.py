"""The JSON path: PostgreSQL writes lists and objects as JSON text that goes into an answer as it is.

What cannot be written this way is read as rows by store.executions and store.benchmarks.
"""
