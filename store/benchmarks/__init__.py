"""Benchmarks: their definitions, revisions and lists.

Reading and checking definition files belongs to runner_bridge; following changes belongs to store.live.
"""
