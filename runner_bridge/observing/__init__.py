"""Observing: watches the sessions directory for files of runners that others started.

Here lives when a file is looked at: what changed, what is complete, what has been silent for too long, and which
process observes. How a file is read and stored is in `sessions` and `tool_logs`.
"""
