"""Agents: how each reaches its model, and how well it did in executions that have ended.

Nothing here decrypts an API key or calls a model.
"""
