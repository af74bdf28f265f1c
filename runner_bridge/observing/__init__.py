"""Watching the sessions directory for the work of runners that somebody else started.

Here lives when something is looked at: what changed, what is whole, what has been silent for too long, and which
process observes. How a file is read and stored is in `sessions` and `tool_logs`.
"""
