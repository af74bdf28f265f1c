"""Benchmarks: the type, its lists, revisions, diffs and definition, and the mutations that store definitions.

It may use executions and agents. How definitions are parsed and synced is in runner_bridge.benchmarks.
"""
