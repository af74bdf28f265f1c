"""Executions: the state machine, the queue, results, output, tool logs, lists and retention.

Following what happens to executions belongs to store.live; starting and watching runners belongs to runner_bridge.
"""
