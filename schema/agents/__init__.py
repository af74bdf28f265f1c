"""Agents: their configurations, connection tests, and figures over ended executions."""
